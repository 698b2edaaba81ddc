//! When a usage limit ends, from the agent's own words: `resets 3pm (Europe/Berlin)`, `resets Dec 5 at 3:30pm`.

use std::sync::LazyLock;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use regex::Regex;

use crate::domain::Timestamp;

static RESETS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)resets?(?: at)? (?:(?P<month>[a-z]{3,9}) (?P<day>\d{1,2})(?:,? at|,)? )?(?P<hour>\d{1,2})(?::(?P<minute>\d\d))? ?(?P<half>am|pm)?(?: \((?P<zone>[A-Za-z_/+-]+)\))?",
    )
    .expect("a valid pattern")
});
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The next time after `now` that the words name; none when they name none.
pub fn until(words: &str, now: &Zoned) -> Option<Timestamp> {
    let found = RESETS.captures(words)?;
    let zone = match found.name("zone") {
        Some(name) => TimeZone::get(name.as_str()).ok()?,
        None => now.time_zone().clone(),
    };
    let now = now.with_time_zone(zone.clone());
    let number = |name: &str| found.name(name).and_then(|group| group.as_str().parse::<i8>().ok());
    let hour = match (
        number("hour")?,
        found.name("half").map(|half| half.as_str().to_lowercase()),
    ) {
        (12, Some(half)) if half == "am" => 0,
        (12, Some(_)) => 12,
        (hour, Some(half)) if half == "pm" => hour + 12,
        (hour, _) => hour,
    };
    let time = Time::new(hour, number("minute").unwrap_or(0), 0, 0).ok()?;
    let at = |date: Date| zone.to_zoned(date.to_datetime(time)).ok();
    let is_past = |at: &Zoned| *at <= now;
    let next = match (found.name("month"), number("day")) {
        (Some(month), Some(day)) => {
            let month = month.as_str().to_lowercase();
            let month = MONTHS.iter().position(|name| month.starts_with(name))?;
            let date = Date::new(now.year(), i8::try_from(month + 1).ok()?, day).ok()?;
            match at(date)? {
                past if is_past(&past) => at(date.checked_add(1.year()).ok()?)?,
                next => next,
            }
        }
        _ => match at(now.date())? {
            past if is_past(&past) => at(now.date().tomorrow().ok()?)?,
            next => next,
        },
    };
    Some(next.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Option<&str>) {
        let now: Zoned = "2026-11-21T13:00:00[UTC]".parse().unwrap();
        let expected = expected.map(|at| at.parse::<Timestamp>().unwrap());
        assert_eq!(until(words, &now), expected, "{words}");
    }

    #[test]
    fn the_time_is_the_next_one_that_is_named() {
        check("You've hit your limit · resets 3pm", Some("2026-11-21T15:00:00Z"));
        check(
            "You've hit your limit · resets 3pm (Europe/Berlin)",
            Some("2026-11-21T14:00:00Z"),
        );
        check("limit reached, resets 12:30am", Some("2026-11-22T00:30:00Z"));
        check("Your limit will reset at 1pm.", Some("2026-11-22T13:00:00Z"));
        check("resets Dec 5 at 3:30pm", Some("2026-12-05T15:30:00Z"));
        check("resets Jan 2, 9am (UTC)", Some("2027-01-02T09:00:00Z"));
        check("API Error: Request rejected (429)", None);
        check("resets soon", None);
    }
}
