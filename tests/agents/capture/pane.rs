//! A program in a tmux window of its own, driven by hand.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::TestEnv;

/// A screen rests when it was the same for so long.
const REST: Duration = Duration::from_millis(1200);
const REST_LIMIT: Duration = Duration::from_secs(45);
/// How long it may show nothing at all: the slowest program's start on a busy machine.
const BLANK_LIMIT: Duration = Duration::from_secs(120);
/// What every agent needs between a paste and Enter.
const SUBMIT_PAUSE: Duration = Duration::from_millis(600);

pub struct Pane {
    tmux: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Pane {
    pub fn start(env: &TestEnv, argv: &[&str], variables: &[(String, String)], work: &Path, size: (u16, u16)) -> Self {
        // A server of its own: the one before may still be ending.
        let servers = std::fs::read_dir(env.root()).expect("a directory").count();
        let socket = env.root().join(format!("capture-{servers}.sock")).display().to_string();
        let tmux = ["tmux", "-S", &socket, "-f", "/dev/null"].map(str::to_owned).to_vec();
        let mut variables = variables.to_vec();
        for (name, value) in [
            ("HOME", env.home().display().to_string()),
            ("TMPDIR", env.root().join("tmp").display().to_string()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
            ("SHELL", "/bin/sh".into()),
        ] {
            variables.push((name.into(), value));
        }
        // By this, whatever is left at the end is found.
        variables.push(env.mark_variable());
        let pane = Self { tmux, variables };
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        let work = work.display().to_string();
        let line = shlex::try_join(argv.iter().copied()).expect("arguments without NUL");
        let start = ["new-session", "-d", "-x", &columns, "-y", &rows, "-c", &work, &line];
        pane.tmux(&start, None);
        pane
    }

    fn tmux(&self, args: &[&str], input: Option<&str>) -> String {
        let mut command = Command::new(&self.tmux[0]);
        command
            .args(&self.tmux[1..])
            .args(args)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("tmux");
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            pipe.write_all(text.as_bytes()).expect("tmux reads its input");
        }
        let output = child.wait_with_output().expect("tmux ends");
        assert!(
            output.status.success() || args[0] == "kill-server",
            "the program has ended: tmux {args:?}"
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The rows with their style, and the cursor.
    pub fn screen(&self) -> (String, (u16, u16)) {
        let rows = self.tmux(&["capture-pane", "-e", "-p"], None);
        let cursor = self.tmux(&["display-message", "-p", "#{cursor_x},#{cursor_y}"], None);
        let at = cursor
            .trim()
            .split_once(',')
            .and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
        (rows.trim_end_matches('\n').to_owned(), at.unwrap_or_default())
    }

    pub fn paste(&self, text: &str) {
        self.tmux(&["load-buffer", "-b", "prompt", "-"], Some(text));
        self.tmux(&["paste-buffer", "-p", "-r", "-d", "-b", "prompt"], None);
        std::thread::sleep(SUBMIT_PAUSE);
    }

    pub fn submit(&self) {
        self.keys(&["Enter"]);
    }

    pub fn keys(&self, keys: &[&str]) {
        let args: Vec<&str> = ["send-keys"].iter().chain(keys).copied().collect();
        self.tmux(&args, None);
    }

    /// Waits until something is shown and nothing moves.
    pub fn rest(&self) {
        let begun = Instant::now();
        while super::is_blank(&self.screen().0) && begun.elapsed() < BLANK_LIMIT {
            std::thread::sleep(Duration::from_millis(100));
        }
        self.rest_within(REST_LIMIT);
    }

    /// The same for a screen that may blink for ever.
    pub fn rest_within(&self, limit: Duration) {
        let begun = Instant::now();
        let mut last = self.screen();
        let mut since = Instant::now();
        while begun.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(100));
            let now = self.screen();
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() >= REST && !super::is_blank(&last.0) {
                return;
            }
        }
    }

    pub fn end(&self) {
        self.tmux(&["kill-server"], None);
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.end();
    }
}
