//! A reply to a question of an agent's: it answers the question.

use super::{Desk, open_ask};
use crate::bridge::router::Reply;
use crate::channels::telegram::markdown::code;
use crate::domain::ask::Ask;
use crate::domain::fault::{Fault, Kind, Result};

pub(super) async fn answer(desk: &Desk<'_>, text: &str) -> Result<Reply> {
    let here = desk.here.clone();
    let ask = desk.store.read(move |tx| open_ask(tx, &here)).await?.ok_or_else(|| {
        Fault::new(Kind::RefusedByState, "the question is not open any more")
            .hint("Send your text as a message of its own.")
    })?;
    let chosen = choice(&ask, text);
    desk.engine.answer(&ask.id, &chosen).await?;
    Ok(Reply::of(
        &ask.session,
        format!("Answered {}", code(&crate::bridge::words::excerpt(&chosen, 100))),
    ))
}

/// The number of a choice stands for it, unless a number is a choice itself.
fn choice(ask: &Ask, text: &str) -> String {
    let text = text.trim();
    if ask.choices.iter().any(|choice| choice == text) {
        return text.to_owned();
    }
    let number = text.trim_end_matches(['.', ')']).parse::<usize>().ok();
    let numbered = number.and_then(|number| ask.choices.get(number.checked_sub(1)?));
    let spelled = || ask.choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
    numbered.or_else(spelled).cloned().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::ask::AskState;
    use crate::domain::ids::{LaunchNo, SessionId};

    fn ask(choices: &[&str]) -> Ask {
        Ask {
            id: "00000000-0000-7000-8000-000000000000".parse().expect("an id"),
            session: SessionId::from_random(1),
            launch: LaunchNo(1),
            question: "which?".into(),
            choices: choices.iter().map(|c| (*c).to_owned()).collect(),
            state: AskState::Open,
            answer: None,
            opened_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
        }
    }

    #[test]
    fn numbers_and_spellings_choose() {
        let colours = ask(&["Red", "Blue"]);
        assert_eq!(choice(&colours, "2"), "Blue");
        assert_eq!(choice(&colours, " 1. "), "Red");
        assert_eq!(choice(&colours, "blue"), "Blue");
        assert_eq!(choice(&colours, "3"), "3");
        assert_eq!(choice(&colours, "0"), "0");
        assert_eq!(choice(&ask(&["2", "1"]), "1"), "1");
        assert_eq!(choice(&ask(&[]), "1"), "1");
    }
}
