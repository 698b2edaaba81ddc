//! An installation with one agent in it, and the questions that the cases ask.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::under_test::{self, Act, AgentUnderTest};
use crate::llm::FakeLlm;
use crate::support::{Daemon, Output, TestEnv, eventually_within};

/// How long anything may take: Gemini CLI 0.61 computes half a minute over a prompt of 100 kB, on a busy machine a minute and a half.
pub const LIMIT: Duration = Duration::from_secs(180);

/// States that are the last word on a prompt.
const ENDED: [&str; 7] = [
    "finished",
    "interrupted",
    "refused",
    "uncertain",
    "cancelled",
    "failed",
    "delivered_unconfirmed",
];

pub struct Stage {
    pub agent: AgentUnderTest,
    pub env: TestEnv,
    pub llm: FakeLlm,
    pub daemon: Option<Daemon>,
}

impl Stage {
    pub fn of(name: &str) -> Self {
        Self::prepared(name, |_| ())
    }

    /// The same with something done to the installation before its daemon starts.
    pub fn prepared(name: &str, prepare: impl FnOnce(&mut TestEnv)) -> Self {
        Self::set_up(name, TestEnv::new(), prepare)
    }

    /// The same in an installation that was made before.
    pub fn set_up(name: &str, mut env: TestEnv, prepare: impl FnOnce(&mut TestEnv)) -> Self {
        let agent = under_test::named(name);
        let llm = FakeLlm::start();
        agent.install(&mut env, &llm);
        prepare(&mut env);
        let daemon = Some(env.serve());
        Self {
            agent,
            env,
            llm,
            daemon,
        }
    }

    /// Starts a session under the agent's asking policy with its first prompt.
    #[track_caller]
    pub fn run(&self, session: &str, prompt: &str) {
        self.run_under(session, self.agent.asking_policy, None, prompt);
    }

    /// Starts a session under this policy, in a repository where one is given.
    #[track_caller]
    pub fn run_under(&self, session: &str, policy: &str, repository: Option<&Path>, prompt: &str) {
        let mut args = vec!["run", "--agent", self.agent.name, "--policy", policy, "--name", session];
        let repository = repository.map(|path| path.to_string_lossy());
        if let Some(repository) = &repository {
            args.extend(["--repo", repository]);
        }
        args.push("-");
        self.env.cmd_with_stdin(&args, prompt.as_bytes()).ok();
    }

    /// Sends a prompt; returns the turn.
    #[track_caller]
    pub fn send(&self, session: &str, prompt: &str) -> Value {
        let sent = self
            .env
            .cmd_with_stdin(&["send", session, "--json", "-"], prompt.as_bytes());
        sent.ok().json()
    }

    /// Sends a prompt and waits until its turn is finished; returns the turn as it was sent.
    #[track_caller]
    pub fn ask(&self, session: &str, prompt: &str) -> Value {
        let turn = self.send(session, prompt);
        self.quiet(session);
        let state = &self.turn(session, &turn["id"])["state"];
        assert_eq!(state, "finished", "{}", self.picture(session));
        turn
    }

    /// Starts a session and waits until its first prompt is answered.
    #[track_caller]
    pub fn begin(&self, session: &str) {
        self.run(session, &self.agent.prompt(&[Act::Say("ready to begin")]));
        self.quiet(session);
    }

    pub fn turns(&self, session: &str) -> Vec<Value> {
        let answer = self.env.http().get(&format!("/v1/sessions/{session}/turns"));
        answer.json().as_array().cloned().unwrap_or_default()
    }

    /// The turn as it is now.
    #[track_caller]
    pub fn turn(&self, session: &str, id: &Value) -> Value {
        let turns = self.turns(session);
        let found = turns.into_iter().find(|turn| turn["id"] == *id);
        found.unwrap_or_else(|| panic!("`{session}` has no turn {id}"))
    }

    /// Waits until every prompt has its last word and the session is idle again.
    #[track_caller]
    pub fn quiet(&self, session: &str) -> Vec<Value> {
        let (mut last, mut since) = (String::new(), Instant::now());
        loop {
            let turns = self.turns(session);
            let status = self.env.status(session);
            let waiting = turns.iter().filter(|turn| !has_ended(turn)).count();
            if waiting == 0 && status["status"] == "idle" && !turns.is_empty() {
                return turns;
            }
            let now = format!("{waiting} {} {}", status["status"], status["reason"]);
            if now != last {
                (last, since) = (now, Instant::now());
            }
            assert!(
                since.elapsed() < LIMIT,
                "`{session}` is stuck: {}",
                self.picture(session)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything that explains why a case failed.
    pub fn picture(&self, session: &str) -> String {
        let status = self.env.cmd(&["status", session, "--json"]).stdout;
        let screen = self.env.cmd(&["screen", session]).stdout;
        let explained = self.env.cmd(&["explain", session]).stdout;
        let daemon = self.daemon.as_ref().map(Daemon::log).unwrap_or_default();
        let tail: Vec<&str> = daemon.lines().rev().take(12).collect();
        let turns: Vec<String> = self.turns(session).iter().rev().take(8).map(in_brief).collect();
        // The screen first: what is cut off a long log is its beginning.
        format!(
            "{screen}\nmodel: {:?}\ndaemon: {tail:#?}\n{status}\nturns, the last one first: {turns:#?}\n{explained}",
            self.llm.violations()
        )
    }

    /// A command that succeeds; else it is shown with all that can be seen of the session.
    #[track_caller]
    pub fn succeeds(&self, session: &str, args: &[&str]) {
        let output = self.env.cmd(args);
        assert_eq!(output.code, 0, "{output:#?}\n{}", self.picture(session));
    }

    /// Waits until the session has this status.
    #[track_caller]
    pub fn wait_status(&self, session: &str, wanted: &str) -> Value {
        let mut last = Value::Null;
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            last = self.env.status(session);
            if last["status"] == wanted {
                return last;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("`{session}` is not {wanted}: {last:#}\n{}", self.picture(session));
    }

    /// Waits until a dialog is open and shown; returns the session.
    #[track_caller]
    pub fn wait_dialog(&self, session: &str) -> Value {
        let begun = Instant::now();
        loop {
            let shown = self.wait_status(session, "needs_input");
            // A hook may announce it before its choices are on the screen; a person is shown the whole of it.
            let choices = shown["dialog"]["choices"].as_array().map_or(0, Vec::len);
            if choices >= 2 {
                return shown;
            }
            assert!(begun.elapsed() < LIMIT, "no dialog is shown: {}", self.picture(session));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a person is told that the provider refuses; returns the words.
    #[track_caller]
    pub fn wait_told_of_limit(&self, session: &str, turn: &Value) -> String {
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            let status = self.env.status(session);
            if status["status"] == "limited" || status["status"] == "needs_input" {
                return status["reason"]["text"].to_string();
            }
            let turn = self.turn(session, turn);
            if turn["state"] == "finished" {
                // The agent sat it out by itself: there is nothing that a person must know.
                return "no limit any more".to_owned();
            }
            if has_ended(&turn) {
                assert_eq!(turn["state"], "failed", "{turn:#}");
                return turn["reason"]["text"].to_string();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nobody was told: {}", self.picture(session));
    }

    pub fn approve(&self, session: &str, digest: Option<&str>) -> Output {
        self.decide("approve", session, digest)
    }

    pub fn deny(&self, session: &str, digest: Option<&str>) -> Output {
        self.decide("deny", session, digest)
    }

    fn decide(&self, verb: &str, session: &str, digest: Option<&str>) -> Output {
        let mut args = vec![verb, session];
        args.extend(digest.iter().flat_map(|digest| ["--dialog", digest]));
        self.env.cmd(&args)
    }

    /// Where the session's agent works.
    pub fn work(&self, session: &str) -> PathBuf {
        PathBuf::from(self.env.status(session)["workDir"].as_str().expect("a directory"))
    }

    /// Texts of the messages of one session, oldest first.
    pub fn messages(&self, session: &str) -> Vec<String> {
        let answer = self.env.http().get(&format!("/v1/sessions/{session}/messages"));
        let messages = answer.json().as_array().cloned().unwrap_or_default();
        let texts = messages
            .iter()
            .filter_map(|message| message["text"].as_str().map(str::to_owned));
        texts.collect()
    }

    #[track_caller]
    pub fn wait_message(&self, session: &str, text: &str) {
        let begun = Instant::now();
        while begun.elapsed() < LIMIT {
            if self.messages(session).iter().any(|message| message.contains(text)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "no message {text:?}: {:?}\n{}",
            self.messages(session),
            self.picture(session)
        );
    }

    #[track_caller]
    pub fn wait_file(&self, path: &Path) {
        eventually_within(LIMIT, &format!("{} is there", path.display()), || {
            path.exists().then_some(())
        });
    }

    /// How often a text that was sent stands in one conversation of the model's.
    pub fn times_seen(&self, text: &str) -> usize {
        let seen = self.agent.seen(&self.env, &self.llm);
        seen.get(&self.agent.canonical(text)).copied().unwrap_or_default()
    }

    /// What no provider would have taken is a fault of the agent's or of the test's.
    #[track_caller]
    pub fn end(self) {
        let violations = self.llm.violations();
        assert!(violations.is_empty(), "the model refused: {violations:#?}");
    }
}

pub fn has_ended(turn: &Value) -> bool {
    turn["state"].as_str().is_some_and(|state| ENDED.contains(&state))
}

/// A turn in one line, without the bulk of its texts.
fn in_brief(turn: &Value) -> String {
    let head: String = turn["prompt"].as_str().unwrap_or_default().chars().take(40).collect();
    format!(
        "{head:?} {} {} typed {} accepted {}",
        turn["state"], turn["reason"]["text"], turn["typedAt"], turn["acceptedAt"]
    )
}

/// A file that the agent may not make: outside of its workspace, and of the directories for temporary files that a sandbox opens.
pub struct Far(PathBuf);

impl Far {
    pub fn new(stage: &Stage) -> Self {
        let mark = stage.env.mark().replace('/', "-");
        Self(Path::new("/var/tmp").join(format!("telecoder-far{mark}")))
    }

    pub fn path(&self) -> std::path::Display<'_> {
        self.0.display()
    }

    pub fn exists(&self) -> bool {
        self.0.exists()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // Most often it was never made.
        let _ = std::fs::remove_file(&self.0);
    }
}
