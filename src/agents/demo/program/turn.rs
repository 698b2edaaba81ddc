//! A turn: from an accepted prompt to its final text, its interruption, or the end of the program.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::app::{App, Phase};
use super::dialog::Dialog;
use super::hooks;
use super::job::Job;
use super::script::{self, Step};
use crate::agents::demo::look;
use crate::agents::demo::wire::Record;
use crate::agents::signal;
use crate::domain::Timestamp;
use crate::domain::text::sha256_hex;

/// How much of a prompt the transcript area shows.
const ECHO_LINES_MAX: usize = 20;
const ECHO_CHARS_MAX: usize = 1500;
/// A longer prompt, or one of more lines, is framed by the quirk `wrap-paste`.
const WRAP_CHARS: usize = 800;
const WRAP_LINES: usize = 4;

/// A prompt that was submitted while a turn ran.
pub struct Waiting {
    pub text: String,
    /// Its hook was fired already (a quirk).
    pub told: bool,
}

pub struct Turn {
    pub prompt_id: String,
    pub prompt: String,
    pub steps: VecDeque<Step>,
    pub doing: Doing,
    pub final_text: Option<String>,
    /// The turn is given up: which kind of failure, and after which time it may be over.
    pub failure: Option<(String, Option<Duration>)>,
    /// How long the program computes and does nothing else when the turn has ended.
    pub freezes_for: Option<Duration>,
    /// Not a prompt but a command of the person's (a quirk): no hooks, no final text.
    pub unasked: bool,
}

pub enum Doing {
    Next,
    Job { job: Job, what: String },
    Sleep { until: Instant },
    Flood { left: u64, line: u64 },
    Ask(Dialog),
    Limit { text: String, until: Option<Instant> },
    Hang,
}

impl Turn {
    fn new(prompt: String, steps: Vec<Step>) -> Self {
        Self {
            prompt_id: uuid::Uuid::now_v7().to_string(),
            prompt,
            steps: steps.into(),
            doing: Doing::Next,
            final_text: None,
            failure: None,
            freezes_for: None,
            unasked: false,
        }
    }

    pub fn status(&self) -> String {
        match &self.doing {
            Doing::Limit { text, .. } => text.clone(),
            _ => "Working… (esc to interrupt)".into(),
        }
    }

    /// How long the turn can be left alone; None: until something comes.
    pub fn wait_limit(&self) -> Option<Duration> {
        match &self.doing {
            Doing::Next | Doing::Flood { .. } => Some(Duration::ZERO),
            Doing::Sleep { until } | Doing::Limit { until: Some(until), .. } => {
                Some(until.saturating_duration_since(Instant::now()))
            }
            Doing::Job { .. } | Doing::Ask(_) | Doing::Limit { until: None, .. } | Doing::Hang => None,
        }
    }
}

impl App {
    /// Enter was pressed on this text.
    pub fn submit(&mut self, text: String) {
        if text.trim().is_empty() {
            return;
        }
        let quirks = &self.options.quirks;
        if let Some(model) = text.strip_prefix("/model ").filter(|_| quirks.slash_commands) {
            return self.show(look::GUTTER_REST, &format!("The model is {model} now"));
        }
        if quirks.slash_commands && is_unknown_command(&text) {
            let word = text.split_whitespace().next().unwrap_or("").to_owned();
            return self.show(look::GUTTER_REST, &format!("Unknown command: {word}"));
        }
        if let Some(command) = text.strip_prefix('!').filter(|_| quirks.bang_shell) {
            return self.begin_unasked(command.to_owned());
        }
        let text = if quirks.trim_prompt {
            text.trim().to_owned()
        } else {
            text
        };
        let text = if quirks.wrap_paste { framed(text) } else { text };
        if matches!(self.phase, Phase::Idle) {
            self.begin_turn(text, false);
        } else {
            self.enqueue(text);
        }
    }

    /// Escape. Nothing in the box is touched.
    pub fn interrupt(&mut self) {
        if self.is_hanging() || !matches!(self.phase, Phase::Turn(_)) {
            return;
        }
        self.end_job();
        let Phase::Turn(turn) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return;
        };
        self.record(&Record::Interrupted { at: Timestamp::now() });
        self.show(look::GUTTER_REST, "Interrupted");
        if self.options.quirks.restore_interrupted {
            self.restore(turn.prompt);
        }
        self.paint();
        if !turn.unasked {
            self.fire(signal::INTERRUPTED, json!({"prompt_id": turn.prompt_id}));
        }
        self.begin_next();
    }

    pub fn is_hanging(&self) -> bool {
        matches!(&self.phase, Phase::Turn(turn) if matches!(turn.doing, Doing::Hang))
    }

    /// Ends the command that runs, if one does.
    pub fn end_job(&mut self) {
        if let Phase::Turn(turn) = &mut self.phase
            && let Doing::Job { job, .. } = std::mem::replace(&mut turn.doing, Doing::Next)
        {
            job.end();
        }
    }

    /// Every step is done.
    pub fn end_turn(&mut self) {
        let Phase::Turn(turn) = std::mem::replace(&mut self.phase, Phase::Idle) else {
            return;
        };
        if !turn.unasked {
            let text = turn.final_text.unwrap_or_else(|| "demo: done".into());
            self.show(look::GUTTER_REPLY, &text);
            let (id, last) = (turn.prompt_id, hooks::short(&text).to_owned());
            self.record(&Record::Final {
                text,
                at: Timestamp::now(),
            });
            self.paint();
            let mut payload = json!({"prompt_id": id, "last_assistant_message": last});
            match turn.failure {
                None => self.fire(signal::STOP, payload),
                Some((kind, after)) => {
                    payload["error"] = json!(kind);
                    payload["until"] = json!(after.map(|after| Timestamp::now() + after));
                    self.fire(signal::STOP_FAILURE, payload);
                }
            }
        }
        if let Some(time) = turn.freezes_for {
            self.freeze(time);
        }
        self.begin_next();
    }

    /// Computes without reading the keyboard or drawing, its screen as if it were idle.
    pub fn freeze(&mut self, time: Duration) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        self.paint();
        let until = Instant::now() + time;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        self.phase = phase;
        self.touch();
    }

    /// Takes the block away for so long, and draws nothing in its place.
    pub fn cover(&mut self, time: Duration) {
        self.erase();
        thread::sleep(time);
        self.repaint();
    }

    pub fn show_prompt(&mut self, text: &str) {
        let chars: String = text.chars().take(ECHO_CHARS_MAX).collect();
        let lines: Vec<&str> = chars.lines().take(ECHO_LINES_MAX).collect();
        let echo = lines.join("\n");
        self.show(look::GUTTER_PROMPT, &echo);
        if echo.len() < text.trim_end().len() {
            let all = format!("… {} characters in all", text.chars().count());
            self.show(look::GUTTER_REST, &all);
        }
    }

    fn enqueue(&mut self, text: String) {
        self.record_synced(&Record::Queued {
            text: text.clone(),
            at: Timestamp::now(),
        });
        let told = self.options.quirks.accept_when_queued;
        if let (true, Phase::Turn(turn)) = (told, &self.phase) {
            let (event, payload) = hooks::prompt_submitted(&turn.prompt_id, &text);
            self.fire(event, payload);
        }
        self.queue.push(Waiting { text, told });
        self.touch();
    }

    fn begin_next(&mut self) {
        self.touch();
        if !self.queue.is_empty() {
            let waiting = self.queue.remove(0);
            self.begin_turn(waiting.text, waiting.told);
        }
    }

    /// Whether a prompt that was submitted while the turn ran is to go into it now.
    pub fn steers(&self) -> bool {
        self.options.quirks.steer
            && !self.queue.is_empty()
            && matches!(
                &self.phase,
                Phase::Turn(Turn {
                    doing: Doing::Next,
                    unasked: false,
                    failure: None,
                    ..
                })
            )
    }

    /// What waits goes into the running turn: recorded, shown and told with its id. Its directives come after those that are left.
    pub fn take_steered(&mut self) {
        let waiting = self.queue.remove(0);
        let Phase::Turn(turn) = &mut self.phase else {
            return;
        };
        let steps = script::parse(&waiting.text);
        if steps.is_empty() {
            turn.steps.push_back(Step::Notify(reply_to(&waiting.text)));
        }
        turn.steps.extend(steps);
        let prompt_id = turn.prompt_id.clone();
        let (event, payload) = hooks::prompt_submitted(&prompt_id, &waiting.text);
        let record = Record::Prompt {
            prompt_id,
            text: waiting.text.clone(),
            at: Timestamp::now(),
        };
        if !self.record_synced(&record) {
            return;
        }
        self.show_prompt(&waiting.text);
        self.paint();
        self.fire(event, payload);
    }

    /// The prompt is taken: recorded, shown, told, in this order.
    fn begin_turn(&mut self, prompt: String, told: bool) {
        self.announce();
        let mut steps = script::parse(&prompt);
        if steps.is_empty() {
            let reply = reply_to(&prompt);
            steps = vec![Step::Notify(reply.clone()), Step::Say(reply)];
        }
        let turn = Turn::new(prompt, steps);
        let record = Record::Prompt {
            prompt_id: turn.prompt_id.clone(),
            text: turn.prompt.clone(),
            at: Timestamp::now(),
        };
        if !self.record_synced(&record) {
            return;
        }
        self.show_prompt(&turn.prompt);
        let (event, payload) = hooks::prompt_submitted(&turn.prompt_id, &turn.prompt);
        self.phase = Phase::Turn(turn);
        self.paint();
        if !told {
            thread::sleep(self.options.quirks.late_evidence);
            self.fire(event, payload);
        }
    }

    fn begin_unasked(&mut self, command: String) {
        if !matches!(self.phase, Phase::Idle) {
            return;
        }
        let mut turn = Turn::new(String::new(), vec![Step::Shell(command)]);
        turn.unasked = true;
        self.phase = Phase::Turn(turn);
    }
}

/// What a prompt without a directive is answered with: enough to tell by the reply which text arrived.
fn reply_to(prompt: &str) -> String {
    let digest = sha256_hex(prompt.as_bytes());
    format!("demo: got {} bytes, sha256 {}", prompt.len(), &digest[..12])
}

/// `/word …`, but not a path.
fn is_unknown_command(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or("");
    text.starts_with('/') && word.len() > 1 && !word[1..].contains('/')
}

fn framed(text: String) -> String {
    let long = text.chars().count() > WRAP_CHARS || text.split('\n').count() >= WRAP_LINES;
    if !long {
        return text;
    }
    format!("\n\n<pasted_content id=\"eb40\">\n{text}\n</pasted_content id=\"eb40\">\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_names_the_text() {
        assert_eq!(reply_to("abc"), "demo: got 3 bytes, sha256 ba7816bf8f01");
    }

    #[test]
    fn commands_are_not_paths() {
        assert!(is_unknown_command("/foo bar/baz"));
        assert!(!is_unknown_command("/etc/hosts x") && !is_unknown_command(" /foo") && !is_unknown_command("/ x"));
    }

    #[test]
    fn only_long_prompts_are_framed() {
        assert_eq!(framed("a\nb\nc".into()), "a\nb\nc");
        assert!(framed("a\nb\nc\nd".into()).starts_with("\n\n<pasted_content"));
        assert!(framed("x".repeat(801)).contains(&"x".repeat(801)));
    }
}
