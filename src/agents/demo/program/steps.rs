//! What directives do.

use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;

use super::app::{App, Flow, Phase};
use super::dialog::{Answer, Dialog};
use super::hooks::{self, DecidingHook, SESSION_VARIABLE};
use super::job::{Job, shell_code};
use super::script::{self, Step};
use super::turn::{Doing, Turn};
use crate::agents::demo::look;
use crate::agents::demo::wire::Record;
use crate::agents::signal;
use crate::domain::Timestamp;

/// Printed between two looks at the keyboard.
const FLOOD_CHUNK: u64 = 32 * 1024;
/// Bytes of a line of a flood, with its line feed.
const FLOOD_LINE: u64 = 64;
const CHOICES: [&str; 2] = ["Yes", "No"];
const YES: Answer = Answer::Chosen(0);
const NO: Answer = Answer::Chosen(1);
/// Leaves the tree of the program: its parent ends at once, and it ignores the hang-up.
const ORPHAN_SCRIPT: &str = r#"(trap '' HUP; exec sh -c "$1") </dev/null >/dev/null 2>&1 &"#;

impl App {
    /// Does what can be done without waiting.
    pub fn advance(&mut self) -> Flow {
        while matches!(self.phase, Phase::Turn(_)) {
            if self.steers() {
                self.take_steered();
                continue;
            }
            let Phase::Turn(turn) = &mut self.phase else {
                break;
            };
            match &turn.doing {
                Doing::Next => match turn.steps.pop_front() {
                    Some(step) => self.begin_step(step)?,
                    None => self.end_turn(),
                },
                Doing::Sleep { until } | Doing::Limit { until: Some(until), .. } if Instant::now() >= *until => {
                    turn.doing = Doing::Next;
                    self.touch();
                }
                Doing::Job { .. } => {
                    if !self.pump_job() {
                        break;
                    }
                }
                Doing::Flood { .. } => {
                    self.flood();
                    break;
                }
                Doing::Sleep { .. } | Doing::Limit { .. } | Doing::Ask(_) | Doing::Hang => break,
            }
        }
        ControlFlow::Continue(())
    }

    pub fn on_answer(&mut self, answer: Answer) {
        let word = match &answer {
            Answer::Cancelled => "cancelled",
            Answer::Said(said) => said.as_str(),
            yes if *yes == YES => "yes",
            Answer::Chosen(_) => "no",
        }
        .to_owned();
        self.set_doing(Doing::Next);
        if let Some(hook) = self.deciding.take().filter(|_| !self.options.quirks.leave_hook) {
            hook.end();
        }
        self.note(format!("answered {word}"));
        self.stop_drawing(self.options.quirks.late_screen);
        self.paint();
        self.fire(signal::PERMISSION_RESOLVED, json!({"decision": word}));
        match answer {
            Answer::Cancelled => self.interrupt(),
            Answer::Said(said) => self.turn_mut(|turn| turn.final_text = Some(format!("demo: you said {said}"))),
            yes if yes == YES => {}
            Answer::Chosen(_) => self.refused(),
        }
    }

    /// Ctrl-Z: the terminal in order, stopped, and on again when somebody continues us.
    pub fn suspend(&mut self) {
        self.leave_terminal();
        let _ = kill_process(getpid(), Signal::STOP);
        let _ = self.terminal.enter();
        self.repaint();
    }

    fn begin_step(&mut self, step: Step) -> Flow {
        match step {
            Step::Shell(command) => self.shell(command),
            Step::Notify(text) => self.notify(&text),
            Step::Ask(question) => self.ask(&question),
            Step::Question {
                question,
                choices,
                several,
            } => self.question(&question, &choices, several),
            Step::Fail { kind, after } => self.turn_mut(|turn| {
                turn.steps.clear();
                turn.failure = Some((kind, after));
            }),
            Step::Usage { input, output, cost } => self.record(&Record::Usage {
                input,
                output,
                cost,
                at: Timestamp::now(),
            }),
            Step::Say(text) => self.turn_mut(|turn| turn.final_text = Some(text)),
            Step::Bad(told) => self.turn_mut(|turn| turn.final_text = Some(format!("demo: {told}"))),
            Step::Sleep(time) => self.set_doing(Doing::Sleep {
                until: Instant::now() + time,
            }),
            Step::Flood(left) => self.set_doing(Doing::Flood { left, line: 0 }),
            Step::Freeze { time, after_end: false } => self.freeze(time),
            Step::Freeze { time, .. } => self.turn_mut(|turn| turn.freezes_for = Some(time)),
            Step::Cover(time) => self.cover(time),
            Step::Hang => self.set_doing(Doing::Hang),
            Step::Limit(when) => self.limit(&when),
            Step::SpawnOrphan(command) => self.spawn_orphan(&command),
            Step::StopSelf => self.suspend(),
            Step::Crash(signal) => self.crash(signal),
            Step::Exit(code) => {
                self.note(format!("exit {code}"));
                return ControlFlow::Break(code);
            }
        }
        ControlFlow::Continue(())
    }

    fn shell(&mut self, command: String) {
        if !self.options.mode.may_run(&command) {
            self.note(format!("not permitted in this mode: {command}"));
            return self.refused();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]);
        self.start_job(shell, format!("sh {command}"));
    }

    fn notify(&mut self, text: &str) {
        let program = self.options.telecoder.clone().unwrap_or_else(|| "telecoder".into());
        let mut notify = Command::new(program);
        notify.args(["notify", "--", text]);
        self.start_job(notify, format!("notify {text}"));
    }

    fn start_job(&mut self, mut command: Command, what: String) {
        self.show(look::GUTTER_REPLY, &what);
        command.env(SESSION_VARIABLE, self.options.conversation.id());
        match Job::start(command) {
            Ok(job) => self.set_doing(Doing::Job { job, what }),
            Err(error) => self.note(format!("{what}: {error}")),
        }
    }

    /// Takes output and looks for the end. True: the job is over.
    fn pump_job(&mut self) -> bool {
        let Phase::Turn(turn) = &mut self.phase else {
            return false;
        };
        let Doing::Job { job, .. } = &mut turn.doing else {
            return false;
        };
        // Ended first, output second: whatever was written before the end is then read.
        let ended = job.ended();
        let read = job.read();
        let Some(status) = ended.filter(|_| read.is_none()) else {
            self.show_output(&read.unwrap_or_default());
            return false;
        };
        let rest = job.take_partial();
        self.show_output(&rest);
        self.end_of_job(shell_code(status));
        true
    }

    fn end_of_job(&mut self, code: i32) {
        let mut ended = None;
        self.turn_mut(|turn| ended = Some(std::mem::replace(&mut turn.doing, Doing::Next)));
        let Some(Doing::Job { job, what }) = ended else {
            return;
        };
        if code != 0 {
            self.show(look::GUTTER_REST, &format!("exit code {code}"));
        }
        self.record(&Record::Action {
            what,
            code: Some(code),
            output: job.kept(),
            at: Timestamp::now(),
        });
    }

    fn show_output(&mut self, output: &str) {
        if !output.is_empty() {
            self.show(look::GUTTER_REST, output.strip_suffix('\n').unwrap_or(output));
        }
    }

    fn ask(&mut self, question: &str) {
        if let Some(yes) = self.options.mode.answer() {
            self.note(format!(
                "{question}: {} by the permission mode",
                if yes { "yes" } else { "no" }
            ));
            if !yes {
                self.refused();
            }
            return;
        }
        self.note(format!("asks: {question}"));
        self.open_dialog(Dialog::new("Permission", question, &CHOICES));
        self.paint();
        let payload = json!({
            "tool_name": "demo",
            "tool_input": {"question": hooks::short(question)},
            "choices": CHOICES,
        });
        if self.options.quirks.mutes(signal::PERMISSION_REQUEST) {
            return;
        }
        match self.hooks.start_deciding(signal::PERMISSION_REQUEST, payload) {
            Ok(hook) => self.deciding = hook,
            Err(told) => self.show(look::GUTTER_REST, &told),
        }
    }

    /// The hook of the open dialog has ended: with a decision, or without a word.
    pub fn on_decision(&mut self) {
        let text = self.deciding.take().map(DecidingHook::finish).unwrap_or_default();
        match signal::decided(&text) {
            Some(true) => self.on_answer(YES),
            Some(false) => self.on_answer(NO),
            None => {}
        }
    }

    /// A question of the agent's own: no permission mode answers it.
    fn question(&mut self, question: &str, choices: &[String], several: bool) {
        self.note(format!("asks: {question}"));
        let labels: Vec<&str> = choices.iter().map(String::as_str).collect();
        self.open_dialog(Dialog::question(question, &labels, several));
        self.paint();
    }

    /// A "No" ends the turn: nothing that was to follow is done.
    fn refused(&mut self) {
        self.turn_mut(|turn| {
            turn.steps.clear();
            turn.final_text = Some("demo: not permitted; nothing further was done".into());
        });
    }

    fn limit(&mut self, when: &str) {
        let lifted = script::duration(when);
        let text = match lifted {
            Some(_) => format!("Usage limit reached · resets in {when}"),
            None => format!("Usage limit reached · resets {when}"),
        };
        self.note(text.clone());
        self.set_doing(Doing::Limit {
            text: text.clone(),
            until: lifted.map(|time| Instant::now() + time),
        });
        self.paint();
        self.fire(signal::LIMIT, json!({"message": hooks::short(&text)}));
    }

    fn spawn_orphan(&mut self, command: &str) {
        let started = Command::new("sh")
            .args(["-c", ORPHAN_SCRIPT, "sh", command])
            .stdin(Stdio::null())
            .process_group(0)
            .status();
        match started {
            Ok(_) => self.note(format!("started on its own: {command}")),
            Err(error) => self.note(format!("{command}: {error}")),
        }
    }

    fn crash(&mut self, signal: Signal) {
        self.note(format!("crash by signal {}", signal.as_raw()));
        self.paint();
        // It takes away the handlers first: ours, and the runtime's for SEGV and BUS.
        let _ = signal_hook::low_level::emulate_default_handler(signal.as_raw());
    }

    fn flood(&mut self) {
        let Phase::Turn(Turn {
            doing: Doing::Flood { left, line },
            ..
        }) = &mut self.phase
        else {
            return;
        };
        let lines = (*left).min(FLOOD_CHUNK).div_ceil(FLOOD_LINE);
        let first = *line;
        *line += lines;
        *left = left.saturating_sub(lines * FLOOD_LINE);
        if *left == 0 {
            self.set_doing(Doing::Next);
        }
        for number in first..first + lines {
            self.show(look::GUTTER_REST, &flood_line(number));
        }
    }

    /// Shows what was done, and keeps it in the transcript.
    fn note(&mut self, what: String) {
        self.show(look::GUTTER_REST, &what);
        self.record(&Record::Action {
            what,
            code: None,
            output: String::new(),
            at: Timestamp::now(),
        });
    }

    fn open_dialog(&mut self, dialog: Dialog) {
        let dialog = dialog.deaf_for(self.options.quirks.deaf_dialog);
        self.set_doing(Doing::Ask(dialog));
    }

    fn set_doing(&mut self, doing: Doing) {
        self.turn_mut(|turn| turn.doing = doing);
        self.touch();
    }

    fn turn_mut(&mut self, change: impl FnOnce(&mut Turn)) {
        if let Phase::Turn(turn) = &mut self.phase {
            change(turn);
        }
    }
}

fn flood_line(number: u64) -> String {
    let begin = format!("flood {number:08} ");
    let fill = FLOOD_LINE as usize - 1 - begin.len();
    begin + &"x".repeat(fill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_flood_are_counted_with_their_line_feed() {
        assert_eq!(flood_line(0).len() as u64 + 1, FLOOD_LINE);
        assert_eq!(flood_line(99_999_999).len() as u64 + 1, FLOOD_LINE);
    }
}
