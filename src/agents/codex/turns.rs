//! What the transcript says of a prompt and of the end of a turn. No hook speaks when a turn ends by an error of the provider, by
//! Escape, or by a refused permission: the transcript does.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use regex::Regex;

use super::rollout::{End, Record};
use super::text;
use crate::agents::{Recorded, TurnEnd};
use crate::domain::agent::{AgentSignal, FailureKind};

/// Whether `prompt` was taken at or after `since`. `Absent` allows it to be typed again, so it is said only when nothing speaks
/// against it: a prompt that holds our text and more (glued to what a person had typed), a turn that still runs (what was typed
/// meanwhile waits in Codex's memory alone) and a torn line are `Unknown`.
pub fn recorded(records: &[Record], prompt: &str, since: Timestamp) -> Recorded {
    let wanted = text::normalised(prompt);
    let mut verdict = Recorded::Absent;
    let mut runs = false;
    for record in records {
        match record {
            Record::Prompt { text, at } if *at >= since => {
                let taken = text::normalised(text);
                if taken == wanted {
                    return Recorded::Taken;
                }
                if taken.contains(&wanted) {
                    verdict = Recorded::Unknown;
                }
            }
            Record::Prompt { .. } => {}
            Record::Torn => verdict = Recorded::Unknown,
            Record::Cut { before } if *before > since => verdict = Recorded::Unknown,
            Record::Cut { .. } | Record::Plan { .. } => {}
            Record::Began { .. } => runs = true,
            Record::Ended { .. } => runs = false,
        }
    }
    if runs { Recorded::Unknown } else { verdict }
}

/// How the last turn since then ended. A prompt that was taken without an end after it runs.
pub fn end(records: &[Record], since: Timestamp) -> TurnEnd {
    match records.last() {
        Some(Record::Ended { end, at }) if *at >= since => TurnEnd::Ended(match meaning(end, *at) {
            AgentSignal::TurnEnded { final_text: None } => AgentSignal::TurnEnded {
                final_text: plan(records),
            },
            told => told,
        }),
        Some(Record::Prompt { at, .. } | Record::Began { at } | Record::Plan { at, .. }) if *at >= since => {
            TurnEnd::Runs
        }
        _ => TurnEnd::Unknown,
    }
}

/// The last message of a turn that ended well since then.
pub fn final_text(records: &[Record], since: Timestamp) -> Option<String> {
    records.iter().rev().find_map(|record| match record {
        Record::Ended {
            end: End::Done { last_message },
            at,
        } if *at >= since => last_message.clone().or_else(|| plan(records)),
        _ => None,
    })
}

/// What the last turn proposes to do, where it planned.
pub fn plan(records: &[Record]) -> Option<String> {
    let turn = records
        .iter()
        .rev()
        .take_while(|record| !matches!(record, Record::Began { .. }));
    turn.into_iter().find_map(|record| match record {
        Record::Plan { text, .. } => Some(text.trim_end().to_owned()),
        _ => None,
    })
}

fn meaning(end: &End, at: Timestamp) -> AgentSignal {
    match end {
        End::Done { last_message } => AgentSignal::TurnEnded {
            final_text: last_message.clone(),
        },
        End::Aborted => AgentSignal::TurnInterrupted,
        End::Error { message, kind } if is_limit(kind) => AgentSignal::Limited {
            text: message.clone(),
            until: limited_until(message, at),
        },
        End::Error { message, kind } => AgentSignal::Failed {
            kind: failure(kind, message),
            text: message.clone(),
        },
    }
}

fn is_limit(kind: &str) -> bool {
    kind == "usage_limit_exceeded" || kind.ends_with(" 429")
}

fn failure(kind: &str, message: &str) -> FailureKind {
    match kind {
        "context_window_exceeded" => FailureKind::ContextFull,
        "model_not_found" => FailureKind::Model,
        "unauthorized" => FailureKind::Login,
        _ if kind.ends_with(" 401") || message.contains("401 Unauthorized") => FailureKind::Login,
        // The key of a provider that is not set where Codex was started.
        _ if message.starts_with("Missing environment variable") => FailureKind::Login,
        "server_overloaded" | "internal_server_error" => FailureKind::Provider,
        _ if kind.starts_with("http_") || kind.starts_with("response_") => FailureKind::Provider,
        _ => FailureKind::Other,
    }
}

/// `try again at 2:31 PM.` (today, or tomorrow where that has passed), `try again at Nov 22nd, 2026 2:31 PM.`, or `try again in 3
/// days 4 hours`, in the time zone of this machine.
fn limited_until(message: &str, said_at: Timestamp) -> Option<Timestamp> {
    static AT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"try again at (?:(?P<month>[A-Z][a-z]{2}) (?P<day>\d+)(?:st|nd|rd|th), (?P<year>\d{4}) )?(?P<hour>\d+):(?P<minute>\d\d) (?P<half>[AP]M)")
            .expect("a constant pattern")
    });
    let zone = TimeZone::system();
    let Some(hit) = AT.captures(message) else {
        return limited_for(message, said_at);
    };
    let number = |name: &str| hit[name].parse::<i8>().ok();
    let hour = number("hour")? % 12 + if &hit["half"] == "PM" { 12 } else { 0 };
    let time = Time::new(hour, number("minute")?, 0, 0).ok()?;
    // The seconds are cut off, so it is over at the latest when the minute is.
    let at = |moment: DateTime| {
        let minute = moment.to_zoned(zone.clone()).ok()?.timestamp();
        minute.checked_add(1.minute()).ok()
    };
    if hit.name("month").is_some() {
        let month = month_number(&hit["month"])?;
        return at(Date::new(hit["year"].parse().ok()?, month, number("day")?)
            .ok()?
            .to_datetime(time));
    }
    let day = said_at.to_zoned(zone.clone()).date();
    at(day.to_datetime(time))
        .filter(|until| *until >= said_at)
        .or_else(|| at(day.saturating_add(1.day()).to_datetime(time)))
}

fn month_number(name: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = MONTHS.iter().position(|month| *month == name)?;
    i8::try_from(at + 1).ok()
}

fn limited_for(message: &str, said_at: Timestamp) -> Option<Timestamp> {
    static PART: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\d+) (day|hour|minute|second)s?").expect("a constant pattern"));
    let (_, rest) = message.split_once("try again in ")?;
    let seconds: i64 = PART
        .captures_iter(rest)
        .filter_map(|part| {
            let unit = match &part[2] {
                "day" => 86_400,
                "hour" => 3_600,
                "minute" => 60,
                _ => 1,
            };
            Some(part[1].parse::<i64>().ok()?.saturating_mul(unit))
        })
        .sum();
    (seconds > 0)
        .then(|| said_at.checked_add(seconds.seconds()).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn prompt(text: &str, when: &str) -> Record {
        Record::Prompt {
            text: text.into(),
            at: at(when),
        }
    }

    const NINE: &str = "2026-11-21T09:00:00Z";
    const TEN: &str = "2026-11-21T10:00:00Z";
    const ELEVEN: &str = "2026-11-21T11:00:00Z";

    #[test]
    fn a_prompt_is_taken_absent_or_unknown() {
        let began = Record::Began { at: at(TEN) };
        let ended = Record::Ended {
            end: End::Aborted,
            at: at(ELEVEN),
        };
        let asked = |records: &[Record]| recorded(records, "fix it ", at(TEN));
        assert_eq!(asked(&[]), Recorded::Absent);
        assert_eq!(asked(&[prompt("fix it", NINE)]), Recorded::Absent);
        assert_eq!(asked(&[prompt("fix it", TEN)]), Recorded::Taken);
        assert_eq!(asked(&[prompt("please fix it", ELEVEN)]), Recorded::Unknown);
        assert_eq!(asked(&[Record::Torn]), Recorded::Unknown);
        assert_eq!(asked(std::slice::from_ref(&began)), Recorded::Unknown);
        assert_eq!(asked(&[began, ended]), Recorded::Absent);
    }

    #[test]
    fn a_plan_is_what_a_turn_ends_with_that_says_nothing_else() {
        let done = |last_message: Option<&str>| Record::Ended {
            end: End::Done {
                last_message: last_message.map(str::to_owned),
            },
            at: at(ELEVEN),
        };
        let planned = |last: Record| {
            let text = "1. Look.\n".to_owned();
            [Record::Began { at: at(TEN) }, Record::Plan { text, at: at(TEN) }, last]
        };
        let told = |records: &[Record]| final_text(records, at(TEN));
        assert_eq!(told(&planned(done(None))).as_deref(), Some("1. Look."));
        assert_eq!(told(&planned(done(Some("said")))).as_deref(), Some("said"));
        assert_eq!(
            told(
                &[
                    &planned(done(None))[..],
                    &[Record::Began { at: at(ELEVEN) }, done(None)]
                ]
                .concat()
            ),
            None
        );
        assert_eq!(end(&planned(done(None))[..2], at(TEN)), TurnEnd::Runs);
        let expected = AgentSignal::TurnEnded {
            final_text: Some("1. Look.".into()),
        };
        assert_eq!(end(&planned(done(None)), at(TEN)), TurnEnd::Ended(expected));
    }

    #[test]
    fn the_end_of_a_turn_has_its_reason() {
        let error = |kind: &str, message: &str| Record::Ended {
            end: End::Error {
                message: message.into(),
                kind: kind.into(),
            },
            at: at(ELEVEN),
        };
        let told = |record: Record| end(&[Record::Began { at: at(TEN) }, record], at(TEN));
        let kind = |record: Record| match told(record) {
            TurnEnd::Ended(AgentSignal::Failed { kind, .. }) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(error("context_window_exceeded", "x")), FailureKind::ContextFull);
        assert_eq!(kind(error("model_not_found", "x")), FailureKind::Model);
        assert_eq!(kind(error("http_connection_failed 401", "x")), FailureKind::Login);
        assert_eq!(kind(error("server_overloaded", "x")), FailureKind::Provider);
        assert_eq!(kind(error("", "x")), FailureKind::Other);
        for limit in ["usage_limit_exceeded", "response_too_many_failed_attempts 429"] {
            assert!(matches!(
                told(error(limit, "x")),
                TurnEnd::Ended(AgentSignal::Limited { .. })
            ));
        }
        assert_eq!(end(&[Record::Began { at: at(TEN) }], at(NINE)), TurnEnd::Runs);
        assert_eq!(end(&[error("", "x")], at("2026-11-21T12:00:00Z")), TurnEnd::Unknown);
    }

    #[test]
    fn the_time_of_a_limit_is_read() {
        let local = |text: &str| {
            let moment: DateTime = text.parse().unwrap();
            Some(moment.to_zoned(TimeZone::system()).unwrap().timestamp())
        };
        let said = local("2026-11-21T13:00:00").unwrap();
        assert_eq!(
            limited_until("or try again at 2:31 PM.", said),
            local("2026-11-21T14:32:00")
        );
        assert_eq!(
            limited_until("try again at 12:05 AM.", said),
            local("2026-11-22T00:06:00")
        );
        assert_eq!(
            limited_until("try again at Dec 2nd, 2026 9:00 AM.", said),
            local("2026-12-02T09:01:00")
        );
        let later = said.checked_add(93_600.seconds()).unwrap();
        assert_eq!(limited_until("try again in 1 day 2 hours.", said), Some(later));
        assert_eq!(limited_until("Quota exceeded.", said), None);
    }
}
