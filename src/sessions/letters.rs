//! Letters: takes what lies in the launch's mailbox into the store, then removes it. A letter is believed only if its origin
//! leads to this launch; anything else is put aside and reported.

use std::sync::Arc;

use super::actor::Actor;
use super::{Engine, launch, speaker, tell};
use crate::agents::Adapter;
use crate::domain::agent::{AgentSignal, PromptProof};
use crate::domain::ask::{Ask, AskState};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::{LaunchNo, LetterId, SessionId};
use crate::domain::launch::{Launch, ShimRecord};
use crate::domain::letter::{Letter, LetterKind};
use crate::domain::message::{MessageFile, MessageKind};
use crate::domain::session::{Reason, Session, SessionEvent, Source};
use crate::domain::turn::{Turn, TurnState};
use crate::runner::mailbox::{self, Found};
use crate::store::{NewMessage, Tx};

/// How much of a step is shown.
const STEP_CHARS_MAX: usize = 100;
/// Letters that one transaction takes.
const LETTERS_PER_TAKE: usize = 64;
/// Characters of a letter's key that are kept.
const KEY_CHARS_MAX: usize = 200;

/// A letter that may be taken, with its files in our own keeping.
pub(super) struct Taken {
    file: String,
    letter: Letter,
    files: Vec<MessageFile>,
    pub meaning: AgentSignal,
    /// Whose hook it was, where the payload says it.
    pub speaker: Option<String>,
    /// See [`speaker::depth`].
    pub depth: Option<u32>,
    /// Of which of the agent's turns, the same.
    turn: Option<String>,
}

impl Actor {
    /// Takes every letter that is there. Clears the mail flag when the mailbox is empty.
    pub(super) async fn take_letters(&mut self, session: &Session, launch: &Launch) -> Result<()> {
        let dir = self.launch_dir(launch);
        // An agent's first hooks may be faster than the shim's own record; without it no origin can be checked.
        let Some(shim) = self.shim(launch)? else {
            return Ok(());
        };
        // The letter that names the agent's conversation may lie before others that only this name proves.
        let mut native_id = session.native_id.clone();
        loop {
            let found = match mailbox::read_new(&dir.mail(), LETTERS_PER_TAKE) {
                // The agent's own doing. What lay there is gone; it must not hide how the agent goes on and ends.
                Err(fault) if fault.kind == Kind::NoMailbox => {
                    tracing::warn!(session.id = %self.id, error = %fault, "no letter can come from this launch");
                    self.dirty.mail = false;
                    return Ok(());
                }
                found => found?,
            };
            let count = found.len();
            let mut batch = Vec::new();
            let mut stayed = 0;
            for item in found {
                match self.sort(item, native_id.as_deref(), launch, &shim)? {
                    Sorted::Take(taken) => {
                        if speaker::counts(native_id.as_deref(), launch.hook_depth, &taken) {
                            native_id = named_by(&taken.meaning).or(native_id);
                        }
                        batch.push(*taken);
                    }
                    Sorted::PutAside { file, reason } => self.put_aside(launch, file, reason).await?,
                    Sorted::Stays => stayed += 1,
                }
            }
            crate::failpoint!("O1");
            self.take_batch(launch, batch).await?;
            if count < LETTERS_PER_TAKE || stayed == count {
                self.dirty.mail = false;
                return Ok(());
            }
        }
    }

    fn sort(&self, found: Found, native_id: Option<&str>, launch: &Launch, shim: &ShimRecord) -> Result<Sorted> {
        let (file, letter) = match found {
            Found::Letter { file, letter } => (file, *letter),
            Found::Bad { file, .. } if self.memory.immovable.contains(&file) => return Ok(Sorted::Stays),
            Found::Bad { file, reason } => return Ok(Sorted::PutAside { file, reason }),
            Found::Newer { file, version } => {
                tracing::warn!(session.id = %self.id, file, version, "a letter of a newer version stays in the mailbox");
                return Ok(Sorted::Stays);
            }
        };
        if self.memory.immovable.contains(&file) {
            return Ok(Sorted::Stays);
        }
        if letter.kind == LetterKind::Request {
            let reason = "it asks for something that TeleCoder does not grant yet".to_owned();
            return Ok(Sorted::PutAside { file, reason });
        }
        let addressed = letter.session == self.id && letter.launch == launch.no;
        // A hook is run by the agent itself, outside of its sandbox.
        let is_said = matches!(letter.kind, LetterKind::Notify | LetterKind::Ask);
        let is_vouched_for = is_said && letter.origin.is_vouched_for(shim);
        if !addressed || !(is_vouched_for || letter.origin.leads_to(Some(shim.shim), native_id)) {
            let reason = format!(
                "its origin (process {}) does not lead to this launch",
                letter.origin.pid
            );
            return Ok(Sorted::PutAside { file, reason });
        }
        let files = match self.keep_files(launch, &letter) {
            Ok(files) => files,
            Err(fault) if matches!(fault.kind, Kind::NotFound | Kind::NotPermitted | Kind::OverLimit) => {
                return Ok(Sorted::PutAside {
                    file,
                    reason: fault.message,
                });
            }
            Err(fault) => return Err(fault),
        };
        let meaning = match (letter.kind, &letter.event) {
            (LetterKind::Hook, Some(event)) => {
                let data = letter.data.as_ref().unwrap_or(&serde_json::Value::Null);
                self.adapter.interpret(event, data, letter.at)
            }
            _ => AgentSignal::Nothing,
        };
        let speaker = letter.data.as_ref().and_then(|data| self.adapter.speaker(data));
        let turn = letter.data.as_ref().and_then(|data| self.adapter.turn_of(data));
        Ok(Sorted::Take(Box::new(Taken {
            depth: speaker::depth(&letter.origin, shim),
            speaker,
            turn,
            file,
            letter,
            files,
            meaning,
        })))
    }

    /// Copies attachments out of the agent's reach before the letter counts as taken.
    fn keep_files(&self, launch: &Launch, letter: &Letter) -> Result<Vec<MessageFile>> {
        let mail = self.launch_dir(launch).mail();
        let outgoing = self.engine.0.paths.outgoing(&self.id);
        if !letter.files.is_empty() {
            launch::make_private_dir(&outgoing)?;
        }
        let mut kept = Vec::new();
        for (i, attachment) in letter.files.iter().enumerate() {
            let path = outgoing.join(format!("{}-{i}", letter.id));
            // Up to 50 MB and a sync: the other sessions do not wait for it.
            let size = tokio::task::block_in_place(|| mailbox::take_attachment(&mail, attachment, &path))?;
            kept.push(MessageFile {
                path,
                name: attachment.name.clone(),
                size,
                caption: attachment.caption.clone(),
            });
        }
        Ok(kept)
    }

    /// Takes the letters in one transaction. If the store cannot take them together, each is taken by itself, and one that it
    /// never will take is put aside: it must not stand in the way of the others for ever.
    async fn take_batch(&mut self, launch: &Launch, batch: Vec<Taken>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = Arc::new(batch);
        match self.take_together(launch, batch.clone()).await {
            Err(fault) if fault.kind == Kind::Failure => {
                tracing::warn!(session.id = %self.id, error = %fault, "letters one by one")
            }
            done => return done,
        }
        for taken in Arc::into_inner(batch).unwrap_or_default() {
            let file = taken.file.clone();
            match self.take_together(launch, Arc::new(vec![taken])).await {
                Err(fault) if fault.kind == Kind::Failure => self.put_aside(launch, file, fault.message).await?,
                done => done?,
            }
        }
        Ok(())
    }

    async fn take_together(&mut self, launch: &Launch, batch: Arc<Vec<Taken>>) -> Result<()> {
        let mail = self.launch_dir(launch).mail();
        if batch
            .iter()
            .any(|taken| matches!(taken.meaning, AgentSignal::Started { .. }))
        {
            self.memory.started = true;
        }
        let (engine, id, no) = (self.engine.clone(), self.id.clone(), launch.no);
        let rows = batch.clone();
        self.engine
            .0
            .store
            .write(move |tx| rows.iter().try_for_each(|taken| take(&engine, tx, &id, no, taken)))
            .await?;
        crate::failpoint!("O2");
        #[cfg(feature = "failpoints")]
        if batch
            .iter()
            .any(|taken| matches!(taken.meaning, AgentSignal::PromptAccepted { .. }))
        {
            crate::failpoint!("I8");
        }
        for taken in batch.iter() {
            let discarded = mailbox::discard(&mail, &taken.file, &taken.letter.files);
            self.note_immovable(&taken.file, discarded);
        }
        Ok(())
    }

    /// A file that stays in the mailbox though it was dealt with (the agent took our right to remove it) is not looked at again.
    fn note_immovable(&mut self, file: &str, removed: Result<()>) {
        if let Err(fault) = removed {
            tracing::warn!(session.id = %self.id, error = %fault, "a letter that was dealt with stays in the mailbox");
            self.memory.immovable.insert(file.to_owned());
        }
    }

    async fn put_aside(&mut self, launch: &Launch, file: String, reason: String) -> Result<()> {
        tracing::warn!(session.id = %self.id, file, reason, "a letter was put aside");
        let (engine, id, name) = (self.engine.clone(), self.id.clone(), file.clone());
        self.engine
            .0
            .store
            .write(move |tx| {
                tx.quarantine_letter(&id, &name, &reason)?;
                let session = tx.session(&id)?;
                let text = format!("A letter in its mailbox was put aside and not delivered: {reason}.");
                tell::notice(&engine, tx, &session, text, None).map(drop)
            })
            .await?;
        let removed = mailbox::quarantine(&self.launch_dir(launch).mail(), &file);
        self.note_immovable(&file, removed);
        Ok(())
    }
}

fn named_by(meaning: &AgentSignal) -> Option<String> {
    match meaning {
        AgentSignal::Started { native_id } => native_id.clone(),
        _ => None,
    }
}

enum Sorted {
    Take(Box<Taken>),
    PutAside { file: String, reason: String },
    Stays,
}

/// One letter, in the transaction of its batch. A repeated letter changes nothing.
fn take(engine: &Engine, tx: &Tx<'_>, id: &SessionId, no: LaunchNo, taken: &Taken) -> Result<()> {
    let letter = &taken.letter;
    let key = letter
        .key
        .as_deref()
        .map(|key| key.chars().take(KEY_CHARS_MAX).collect::<String>());
    if !tx.take_letter(id, &letter.id, key.as_deref())? {
        return Ok(());
    }
    match letter.kind {
        LetterKind::Notify => insert_message(engine, tx, id, taken, MessageKind::Reply),
        LetterKind::Ask => {
            tx.open_ask(&Ask {
                id: letter.id.clone(),
                session: id.clone(),
                launch: no,
                question: letter.text.clone().unwrap_or_default(),
                choices: letter.choices.clone(),
                state: AskState::Open,
                answer: None,
                opened_at: letter.at,
                expires_at: letter.expires_at,
            })?;
            insert_message(engine, tx, id, taken, MessageKind::Ask)
        }
        LetterKind::Hook => {
            if !speaker::speaks_for(tx, &tx.session(id)?, no, taken)? {
                tracing::info!(session.id = %id, event = letter.event, "a hook of another conversation does not count");
                return Ok(());
            }
            speaker::note_depth(tx, id, no, taken)?;
            on_signal(
                engine,
                tx,
                id,
                no,
                &taken.meaning,
                Said {
                    source: Source::Hook,
                    letter: Some(&letter.id),
                    turn: taken.turn.as_deref(),
                },
            )
        }
        // Put aside before it comes here.
        LetterKind::Request => Ok(()),
    }
}

fn insert_message(engine: &Engine, tx: &Tx<'_>, id: &SessionId, taken: &Taken, kind: MessageKind) -> Result<()> {
    let session = tx.session(id)?;
    let letter = &taken.letter;
    tx.insert_message(NewMessage {
        session: Some(id.clone()),
        kind,
        text: letter.text.clone().unwrap_or_default(),
        done: letter.done.clone(),
        choices: letter.choices.clone(),
        files: taken.files.clone(),
        to: tell::destination(engine, &session),
        reply_to: None,
        letter: Some(letter.id.clone()),
        dialog: None,
    })?;
    Ok(())
}

/// Where a signal comes from, and the letter that brought it.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub source: Source,
    pub letter: Option<&'a LetterId>,
    /// The agent's own id of the turn that it is about.
    pub turn: Option<&'a str>,
}

/// What the agent says, by a hook or in its transcript.
pub(super) fn on_signal(
    engine: &Engine,
    tx: &Tx<'_>,
    id: &SessionId,
    no: LaunchNo,
    signal: &AgentSignal,
    said: Said<'_>,
) -> Result<()> {
    let source = said.source;
    if is_end(signal) && is_of_an_earlier_turn(tx, id, said.turn)? {
        tracing::debug!(session.id = %id, "the end of an earlier turn does not count for the one that runs");
        return Ok(());
    }
    let event = match signal {
        AgentSignal::Started { native_id } => {
            if let Some(native_id) = native_id {
                tx.set_native_id(id, Some(native_id))?;
            }
            return Ok(());
        }
        AgentSignal::PromptAccepted { prompt } => {
            let adapter = engine.0.agents.get(&tx.session(id)?.agent)?;
            if let Some(turn) = turn_of_evidence(&*adapter, tx, id, no, prompt)? {
                engine.accept_turn(tx, &turn, said.turn)?;
            }
            SessionEvent::Working { source }
        }
        AgentSignal::DialogOpened(dialog) => {
            let mut dialog = dialog.clone();
            if let Some(asker) = &mut dialog.asker {
                asker.letter = said.letter.cloned();
            }
            return engine.on_dialog(tx, id, no, &dialog, source).map(drop);
        }
        AgentSignal::DialogClosed => SessionEvent::DialogClosed { source },
        AgentSignal::TurnEnded { final_text } => {
            engine.finish_turns(tx, id, final_text.as_deref(), said)?;
            SessionEvent::Ready { source }
        }
        AgentSignal::TurnInterrupted => {
            engine.interrupt_turns(tx, id, &Reason::new("interrupted", "interrupted by a person"))?;
            SessionEvent::Ready { source }
        }
        AgentSignal::Limited { text, until } => {
            tx.set_limited_until(id, *until)?;
            SessionEvent::Limited {
                source,
                text: text.clone(),
            }
        }
        AgentSignal::Failed { kind, text } => return engine.turn_failed(tx, id, *kind, text),
        AgentSignal::Progress { tool, detail } => {
            note_step(tx, id, tool, detail)?;
            return tx.tell_progress(id, tool);
        }
        AgentSignal::Nothing => return Ok(()),
    };
    engine.apply(tx, id, &event).map(drop)
}

fn is_end(signal: &AgentSignal) -> bool {
    use AgentSignal as A;
    matches!(signal, A::TurnEnded { .. } | A::TurnInterrupted | A::Failed { .. })
}

/// A hook that was slow tells the end of a turn which has ended already, while the next one runs.
fn is_of_an_earlier_turn(tx: &Tx<'_>, id: &SessionId, said: Option<&str>) -> Result<bool> {
    let Some(said) = said else {
        return Ok(false);
    };
    let running = tx.running_turns(id)?;
    let is_running = running.iter().any(|turn| turn.agent_turn.as_deref() == Some(said));
    Ok(!running.is_empty() && !is_running && tx.has_ended_turn_of(id, said)?)
}

/// What the agent does now goes to whoever watches the turn.
fn note_step(tx: &Tx<'_>, id: &SessionId, tool: &str, detail: &str) -> Result<()> {
    let line: String = format!("{tool} {detail}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(STEP_CHARS_MAX)
        .collect();
    for turn in tx.running_turns(id)? {
        tx.add_progress_step(&turn.id, &line)?;
    }
    Ok(())
}

/// The turn that the agent says it took: the oldest typed one with this text, else one that was given up as uncertain.
fn turn_of_evidence(
    adapter: &dyn Adapter,
    tx: &Tx<'_>,
    id: &SessionId,
    no: LaunchNo,
    proof: &PromptProof,
) -> Result<Option<Turn>> {
    let mut candidates = tx.unproven_turns(id, no)?;
    candidates.sort_by_key(|turn| (turn.state == TurnState::Uncertain, turn.seq));
    Ok(candidates.into_iter().find(|turn| is_of(adapter, proof, &turn.text)))
}

/// Whether the agent's word is about this text, after what the agent itself makes of a text.
fn is_of(adapter: &dyn Adapter, proof: &PromptProof, text: &str) -> bool {
    let prepared = adapter.prepare(text).text;
    match proof {
        PromptProof::Text(prompt) => {
            let taken = adapter.normalised(prompt);
            taken == adapter.normalised(&prepared) || taken == adapter.normalised(text)
        }
        PromptProof::Beginning(beginning) => {
            let taken = adapter.normalised(beginning);
            !taken.is_empty() && adapter.normalised(&prepared).starts_with(&taken)
        }
        PromptProof::Digest { .. } => proof.matches(&prepared) || proof.matches(text),
    }
}
