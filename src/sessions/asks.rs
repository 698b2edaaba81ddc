//! Answers to questions of agents. The waiting `notify --ask` and the daemon race for the answer file; exactly one wins, and an
//! answer that nobody waits for any more becomes a prompt.

use std::time::Duration;

use super::Engine;
use crate::domain::Timestamp;
use crate::domain::ask::{Ask, AskState};
use crate::domain::dialog::Actor;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, LetterId, SessionId};
use crate::domain::letter::{Answer, LETTER_VERSION};
use crate::domain::route::PromptOrigin;
use crate::domain::text::sanitise;
use crate::domain::turn::Turn;
use crate::runner::{LaunchDir, mailbox};
use crate::store::Tx;

/// How long after an ask's time its answer is still looked for. A daemon that was down longer finds it at the launch's end.
const TAKE_BACK_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Answers an ask; one whose time is over by a prompt. `RefusedByState` when it was answered before, `Usage` when the answer
    /// is none of its choices.
    pub async fn answer(&self, id: &LetterId, text: &str, by: Actor) -> Result<()> {
        let ask_id = id.clone();
        let ask = self.0.store.read(move |tx| tx.ask(&ask_id)).await?;
        if ask.state == AskState::Answered {
            return Err(Fault::new(Kind::RefusedByState, "the question was answered before")
                .hint("To say more: `telecoder send SESSION \"...\"`."));
        }
        let text = chosen(&ask.choices, text)?;
        if ask.state == AskState::Expired {
            return self.answer_late(ask, text).await;
        }
        let dir = LaunchDir::new(self.0.paths.launch(&ask.session, ask.launch));
        let awaited = mailbox::put_answer(
            &dir.mail(),
            &Answer {
                v: LETTER_VERSION,
                id: id.clone(),
                text: text.clone(),
                at: self.0.store.read(|tx| Ok::<Timestamp, Fault>(tx.now())).await?,
            },
        )?;
        let (engine, session) = (self.clone(), ask.session.clone());
        self.0
            .store
            .write(move |tx| {
                if !tx.close_ask(&ask.id, AskState::Answered, Some((&text, &by.name)))? || awaited {
                    return Ok(());
                }
                engine.answer_by_prompt(tx, &ask, &text).map(drop)
            })
            .await?;
        self.wake(&session);
        Ok(())
    }

    async fn answer_late(&self, ask: Ask, text: String) -> Result<()> {
        let (engine, session) = (self.clone(), ask.session.clone());
        let prompt = prompt_of(&ask, &text);
        let turn = self
            .0
            .store
            .write(move |tx| engine.answer_by_prompt(tx, &ask, &text))
            .await?;
        self.wake(&session);
        if turn.text != sanitise(&prompt).text {
            return Err(
                Fault::new(Kind::RefusedByState, "the question was answered before, by a prompt")
                    .hint("To say more: `telecoder send SESSION \"...\"`."),
            );
        }
        Ok(())
    }

    /// The answer as a prompt: once, however often this is called.
    fn answer_by_prompt(&self, tx: &Tx<'_>, ask: &Ask, text: &str) -> Result<Turn> {
        let key = Some(format!("answer:{}", ask.id));
        self.enqueue(tx, &ask.session, &prompt_of(ask, text), PromptOrigin::Answer, key)
    }

    /// A launch is over: nobody waits any more. Open asks expire, and answers that nobody took become prompts.
    pub(super) fn end_asks(&self, tx: &Tx<'_>, session: &SessionId, launch: LaunchNo) -> Result<()> {
        for ask in tx.open_asks(session)? {
            tx.close_ask(&ask.id, AskState::Expired, None)?;
        }
        for ask in tx.answered_asks(session, launch)? {
            self.take_back(tx, &ask);
        }
        Ok(())
    }

    /// Closes what is overdue, and takes back the answers that a waiter did not live to take.
    pub(super) async fn expire_asks(&self) -> Result<()> {
        let engine = self.clone();
        let woken = self
            .0
            .store
            .write(move |tx| {
                let now = tx.now();
                let mut woken = Vec::new();
                for ask in tx.all_open_asks()? {
                    if ask.expires_at.is_some_and(|at| at < now) {
                        tx.close_ask(&ask.id, AskState::Expired, None)?;
                    }
                }
                for ask in tx.answered_asks_over_since(now - TAKE_BACK_WITHIN)? {
                    engine.take_back(tx, &ask);
                    woken.push(ask.session);
                }
                Ok(woken)
            })
            .await?;
        for session in woken {
            self.wake(&session);
        }
        Ok(())
    }

    /// Never fails: a mailbox that is gone has no answer in it, and an ended session takes no prompt.
    fn take_back(&self, tx: &Tx<'_>, ask: &Ask) {
        let dir = LaunchDir::new(self.0.paths.launch(&ask.session, ask.launch));
        if !dir.mail().exists() {
            return;
        }
        let taken_back = mailbox::withdraw_answer(&dir.mail(), &ask.id).and_then(|ours| {
            let answer = ask.answer.as_deref().filter(|_| ours);
            answer.map(|text| self.answer_by_prompt(tx, ask, text)).transpose()
        });
        if let Err(fault) = taken_back {
            tracing::warn!(session.id = %ask.session, ask = %ask.id, error = %fault, "an answer that nobody took stays where it is");
        }
    }
}

fn prompt_of(ask: &Ask, text: &str) -> String {
    format!("Answer to your question \"{}\": {text}", ask.question)
}

/// The choice that `text` names: by its words, or by its number from 1. Free text where there are no choices.
fn chosen(choices: &[String], text: &str) -> Result<String> {
    let text = text.trim();
    if choices.is_empty() {
        return Ok(text.to_owned());
    }
    let by_words = choices.iter().find(|choice| choice.eq_ignore_ascii_case(text));
    let by_number = || text.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?));
    by_words.or_else(by_number).cloned().ok_or_else(|| {
        Fault::new(Kind::Usage, format!("`{text}` is none of the choices"))
            .hint(format!("Choose one of: {}", choices.join(", ")))
    })
}
