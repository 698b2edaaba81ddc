//! `/inbox [all]`: what finished, failed or waits since somebody last said that they had seen it: a card for each of the newest,
//! with buttons for what can be done about it.

use crate::bridge::router::{Here, Reply, answer};
use crate::bridge::taps::{Action, entry_buttons};
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::markdown::escape;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::{InboxEntry, InboxItem, News, Outcome, Verdict, summary};
use crate::sessions;
use crate::store::Tx;

/// Cards at a time: a phone shows about two.
const CARDS_MAX: usize = 5;
const ENTRIES_MAX: u32 = 100;
const TEXT_CHARS_MAX: usize = 600;

/// The oldest of the cards goes out first, so that the newest stands lowest, where a chat is read.
pub(super) fn inbox(tx: &Tx<'_>, here: &Here, args: &[String]) -> Result<Reply> {
    let all = match args {
        [] => false,
        [word] if word == "all" => true,
        _ => {
            return Err(Fault::new(Kind::Usage, "/inbox takes nothing, or `all`")
                .hint("/inbox all shows what you have seen, too."));
        }
    };
    let entries = sessions::inbox(tx, all, ENTRIES_MAX)?;
    let now = tx.now();
    let cards = entries.iter().take(CARDS_MAX).map(|entry| card(tx, entry, now));
    let mut cards: Vec<Reply> = cards.collect::<Result<_>>()?;
    let Some(mut newest) = (!cards.is_empty()).then(|| cards.remove(0)) else {
        return Ok(Reply::new(match all {
            true => "The inbox is empty.",
            false => "Nothing new. /inbox all shows what you have seen.",
        }));
    };
    for card in cards.iter().rev() {
        answer(tx, here, card)?;
    }
    let more = entries.len().saturating_sub(CARDS_MAX);
    if more > 0 {
        newest
            .text
            .push_str(&format!("\n\n{more} older; they come when these are Done."));
    }
    Ok(newest)
}

fn card(tx: &Tx<'_>, entry: &InboxEntry, now: Timestamp) -> Result<Reply> {
    let name = escape(entry.name.as_str());
    let (session, text, offers) = match &entry.item {
        InboxItem::Outcome(outcome) => (
            &outcome.session,
            told(outcome, &name, now),
            entry_buttons(tx, outcome.id)?,
        ),
        InboxItem::Waits { session, since, why } => (
            session,
            format!(
                "**{name}** waits for you, {}\n{}",
                how_long(*since, now),
                escape(&excerpt(why, TEXT_CHARS_MAX))
            ),
            vec![],
        ),
        InboxItem::News(news) => (
            &news.session,
            said(news, &name, now),
            vec![vec![Action::SeenNews { id: news.id }.offer("Done")?]],
        ),
    };
    Ok(Reply {
        offers,
        ..Reply::of(session, text)
    })
}

fn told(outcome: &Outcome, name: &str, now: Timestamp) -> String {
    let word = match outcome.verdict {
        Verdict::Done => "done",
        Verdict::Failed => "✖ failed",
        Verdict::Interrupted => "interrupted",
        Verdict::Uncertain => "uncertain",
    };
    let mut lines = vec![
        format!("**{name}** {word}, {} ago", how_long(outcome.created_at, now)),
        escape(&outcome.headline),
    ];
    let detail = &outcome.detail;
    lines.extend(summary(detail).iter().map(|line| format!("- {}", escape(line))));
    for (what, claim) in [("Uncertain", &detail.claims.uncertain), ("Next", &detail.claims.next)] {
        if let Some(claim) = claim {
            lines.push(format!("*{what}:* {}", escape(&excerpt(claim, TEXT_CHARS_MAX))));
        }
    }
    if let Some(failure) = detail.failure {
        lines.push(escape(failure.advice()));
    }
    lines.join("\n")
}

fn said(news: &News, name: &str, now: Timestamp) -> String {
    let mut text = format!(
        "**{name}** #{}: {}, {} ago\n> {}",
        news.number,
        escape(&news.what),
        how_long(news.at, now),
        escape(&excerpt(&news.text, TEXT_CHARS_MAX))
    );
    if let Some(url) = &news.url {
        text.push_str(&format!("\n{}", escape(url)));
    }
    text
}
