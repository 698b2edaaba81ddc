//! Answers to questions of agents. The waiting `notify --ask` and the daemon race for the answer file; exactly one wins, and an
//! answer that nobody waits for any more becomes a prompt.

use super::Engine;
use crate::domain::Timestamp;
use crate::domain::ask::AskState;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::letter::{Answer, LETTER_VERSION};
use crate::domain::route::PromptOrigin;
use crate::runner::{LaunchDir, mailbox};

impl Engine {
    /// Answers an ask. `RefusedByState` when it is not open any more, `Usage` when the answer is none of its choices.
    pub async fn answer(&self, id: &LetterId, text: &str) -> Result<()> {
        let ask_id = id.clone();
        let ask = self.0.store.read(move |tx| tx.ask(&ask_id)).await?;
        if ask.state != AskState::Open {
            return Err(Fault::new(
                Kind::RefusedByState,
                "the question is not open any more: it moved on",
            ));
        }
        let text = chosen(&ask.choices, text)?;
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
                if !tx.close_ask(&ask.id, AskState::Answered, Some(&text))? || awaited {
                    return Ok(());
                }
                let prompt = format!("Answer to your question \"{}\": {text}", ask.question);
                let key = Some(format!("answer:{}", ask.id));
                engine
                    .enqueue(tx, &ask.session, &prompt, PromptOrigin::Answer, key)
                    .map(drop)
            })
            .await?;
        self.wake(&session);
        Ok(())
    }
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
