//! The agent in a pane of a tmux server of its own, with a recorder in place of `telecoder hook` and `notify`.

use std::cell::Cell;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};
use serde_json::Value;
use telecoder::agents::{Adapter, Registry};
use telecoder::domain::agent::{AgentPlace, AgentSignal};
use telecoder::domain::screen::{Screen, ScreenReading};
use tempfile::TempDir;

/// A busy machine may be slow; no test waits so long when all is well.
const WAIT_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub const ID: &str = "0f0e0d0c-0b0a-8908-8706-050403020100";

/// Writes each call as one line: the event and its payload, or `notify` and its text.
const RECORDER: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
if [ "$1" = hook ]; then printf '%s %s\n' "$2" "$(cat)" >> calls
else shift 2; printf 'notify %s\n' "$*" >> calls; fi
"#;

/// Runs the agent and keeps its exit code.
const RUN: &str = r#"dir=$1; shift; "$@" 2> "$dir/stderr"; echo $? > "$dir/code.new"; mv "$dir/code.new" "$dir/code""#;

pub struct Home {
    dir: TempDir,
    panes: Cell<u32>,
}

pub struct Pane<'a> {
    home: &'a Home,
    socket: PathBuf,
    pub agent: Arc<dyn Adapter>,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let recorder = dir.path().join("recorder");
        std::fs::write(&recorder, RECORDER).unwrap();
        std::fs::set_permissions(&recorder, PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        std::fs::write(dir.path().join("calls"), "").unwrap();
        let panes = Cell::new(0);
        Self { dir, panes }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where its agent keeps its records.
    pub fn place(&self) -> AgentPlace<'_> {
        AgentPlace {
            session_dir: self.dir.path(),
            work_dir: self.dir.path(),
            native_id: Some(ID),
        }
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A new conversation in a pane of 80 by 24.
    pub fn start(&self, args: &[&str]) -> Pane<'_> {
        self.start_with(&["--session-id", ID], args)
    }

    pub fn start_with(&self, conversation: &[&str], args: &[&str]) -> Pane<'_> {
        self.panes.set(self.panes.get() + 1);
        let pane = Pane {
            home: self,
            // A server that is going down still answers on its socket.
            socket: self.path(&format!("sock{}", self.panes.get())),
            agent: Registry::default().get("demo").unwrap(),
        };
        let _ = std::fs::remove_file(self.path("code"));
        let (dir, work) = (self.path(""), self.path("work"));
        let (home, recorder) = (self.path("demo"), self.path("recorder"));
        let mut words = vec![
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "-c",
            work.to_str().unwrap(),
            "--",
        ];
        words.extend(["sh", "-c", RUN, "sh", dir.to_str().unwrap()]);
        words.extend([
            env!("CARGO_BIN_EXE_telecoder"),
            "demo-agent",
            "--home",
            home.to_str().unwrap(),
        ]);
        words.extend(["--hooks", recorder.to_str().unwrap()]);
        words.extend(conversation.iter().chain(args));
        let output = pane.tmux(&words, b"");
        assert!(output.status.success(), "{output:?}");
        pane
    }

    /// What the recorder was called with: event (or `notify`) and the rest of the line.
    pub fn calls(&self) -> Vec<(String, String)> {
        let calls = self.read("calls");
        let line = |line: &str| {
            let (event, rest) = line.split_once(' ').unwrap();
            (event.to_owned(), rest.to_owned())
        };
        calls.lines().map(line).collect()
    }

    pub fn events(&self) -> Vec<String> {
        self.calls().into_iter().map(|(event, _)| event).collect()
    }

    pub fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|&called| called == event).count()
    }

    /// The payload of the last event of this name.
    pub fn payload(&self, event: &str) -> Value {
        let calls = self.calls();
        let (_, payload) = calls.iter().rfind(|(called, _)| called == event).expect(event);
        serde_json::from_str(payload).unwrap()
    }

    #[track_caller]
    pub fn wait_for_count(&self, event: &str, count: usize) {
        wait(&format!("{count} {event} among {:?}", self.events()), || {
            self.count(event) >= count
        });
        assert_eq!(self.count(event), count);
    }
}

impl Pane<'_> {
    pub fn tmux(&self, words: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("tmux")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.dir.path())
            .env("LANG", "C.UTF-8")
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(&self.socket)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn keys(&self, keys: &[&str]) {
        let output = self.tmux(&[&["send-keys"], keys].concat(), b"");
        assert!(output.status.success(), "{output:?}");
    }

    pub fn paste(&self, text: &str) {
        assert!(self.tmux(&["load-buffer", "-"], text.as_bytes()).status.success());
        assert!(self.tmux(&["paste-buffer", "-p", "-r", "-d"], b"").status.success());
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let output = self.tmux(&["resize-window", "-x", &columns, "-y", &rows], b"");
        assert!(output.status.success(), "{output:?}");
    }

    pub fn screen(&self) -> Screen {
        let output = self.tmux(&["capture-pane", "-p"], b"");
        let rows = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect();
        Screen::plain(rows)
    }

    /// Waits for a reading that the screen gives.
    #[track_caller]
    pub fn wait_reading(&self, what: &str, holds: impl Fn(&ScreenReading) -> bool) {
        let holds = || holds(&self.agent.read_screen(&self.screen()));
        if !wait_quietly(holds) {
            let screen = self.screen();
            let reading = self.agent.read_screen(&screen);
            panic!(
                "no {what}: {reading:?}\n{}\n{}",
                screen.text(),
                self.home.read("stderr")
            );
        }
    }

    #[track_caller]
    pub fn wait_idle(&self) {
        self.wait_reading("empty box", |reading| *reading == ScreenReading::ComposerEmpty);
    }

    #[track_caller]
    pub fn wait_busy(&self) {
        self.wait_reading("working agent", |reading| *reading == ScreenReading::Busy);
    }

    #[track_caller]
    pub fn wait_text(&self, text: &str) {
        if !wait_quietly(|| self.screen().text().contains(text)) {
            panic!("no `{text}` on the screen\n{}", self.screen().text());
        }
    }

    /// Paste, look, Enter: what a careful driver does.
    #[track_caller]
    pub fn submit(&self, text: &str) {
        self.paste(text);
        self.wait_reading("box with the text", |reading| match reading {
            ScreenReading::ComposerHolds { shown } => self.agent.composer_shows(shown, text),
            _ => false,
        });
        self.keys(&["Enter"]);
    }

    /// Pastes behind what the box holds, and Enter.
    #[track_caller]
    pub fn submit_more(&self, text: &str) {
        self.paste(text);
        self.wait_text(text.trim());
        self.keys(&["Enter"]);
    }

    pub fn agent_pid(&self) -> Pid {
        self.find_agent().expect("a running agent")
    }

    /// The child of the pane's shell, while it runs.
    fn find_agent(&self) -> Option<Pid> {
        let shell = self.tmux(&["list-panes", "-F", "#{pane_pid}"], b"");
        let shell = String::from_utf8(shell.stdout).unwrap().trim().to_owned();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
        Pid::from_raw(children.trim().parse().ok()?)
    }

    /// Submits to an idle agent and waits for its proof.
    #[track_caller]
    pub fn deliver(&self, text: &str) {
        self.wait_idle();
        let before = self.home.count("UserPromptSubmit");
        self.submit(text);
        self.home.wait_for_count("UserPromptSubmit", before + 1);
        let payload = self.home.payload("UserPromptSubmit");
        match self
            .agent
            .interpret("UserPromptSubmit", &payload, telecoder::domain::Timestamp::UNIX_EPOCH)
        {
            AgentSignal::PromptAccepted { prompt } => assert!(prompt.matches(text), "{text:?} became {payload}"),
            other => panic!("{payload} means {other:?}"),
        }
    }

    /// The exit code, when the agent has ended.
    #[track_caller]
    pub fn wait_code(&self) -> i32 {
        wait("the agent's end", || self.home.path("code").exists());
        self.home.read("code").trim().parse().unwrap()
    }
}

impl Drop for Pane<'_> {
    fn drop(&mut self) {
        let agent = self.find_agent();
        self.tmux(&["kill-server"], b"");
        let left = || agent.is_some_and(|agent| test_kill_process(agent).is_ok());
        if !wait_quietly(|| !left()) && !std::thread::panicking() {
            panic!("the agent outlived its terminal");
        }
    }
}

#[track_caller]
pub fn wait(what: &str, holds: impl Fn() -> bool) {
    assert!(wait_quietly(holds), "waited in vain for {what}");
}

fn wait_quietly(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + WAIT_MAX;
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    holds()
}
