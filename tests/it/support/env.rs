//! One installation.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use rustix::process::Signal;

use super::daemon::signal;
use super::{Daemon, Http, Output, cleanup, eventually, found_within};

/// Marks every process that a test starts itself.
pub const MARK: &str = "TC_TEST_ENV";

/// An installation of its own. Its directory's path is short, for sockets' sake.
pub struct TestEnv {
    root: TempDir,
    program: PathBuf,
    extra_env: Vec<(String, String)>,
}

impl TestEnv {
    pub fn new() -> Self {
        Self::beneath(&std::env::temp_dir())
    }

    pub fn beneath(dir: &Path) -> Self {
        let root = tempfile::Builder::new()
            .prefix("tc-")
            .rand_bytes(6)
            .tempdir_in(dir)
            .expect("a temporary directory");
        for dir in ["home", "cwd", "tmp"] {
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(root.path().join(dir))
                .expect("a directory");
        }
        let env = Self {
            root,
            program: Self::binary().to_owned(),
            extra_env: Vec::new(),
        };
        env.write_config(DEMO_CONFIG);
        env
    }

    /// Adds a variable to everything that is started from now on.
    pub fn set_env(&mut self, key: &str, value: &str) {
        self.extra_env.push((key.into(), value.into()));
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }
    /// Where commands run; in no repository.
    pub fn cwd(&self) -> PathBuf {
        self.root().join("cwd")
    }
    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }
    pub fn config_file(&self) -> PathBuf {
        self.root().join("config.toml")
    }
    pub fn api_sock(&self) -> PathBuf {
        self.data().join("api.sock")
    }
    pub fn tmux_sock(&self) -> PathBuf {
        self.data().join("tmux/sock")
    }
    pub fn binary() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_telecoder"))
    }
    /// A copy of the binary beneath the root, which is run from now on.
    pub fn copy_binary(&mut self) -> PathBuf {
        let copy = self.root().join("telecoder");
        std::fs::copy(Self::binary(), &copy).expect("a copy of the program");
        self.program.clone_from(&copy);
        copy
    }
    /// What marks this installation's processes.
    pub fn mark(&self) -> String {
        self.root().display().to_string()
    }

    /// The same as a variable, for what a test starts by other ways than `program`.
    pub fn mark_variable(&self) -> (String, String) {
        (MARK.to_owned(), self.mark())
    }

    /// Replaces the configuration; a running daemon keeps its own.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config_file(), text).expect("writing the configuration");
    }

    /// Any program, in this installation's environment and nothing of ours.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("USER", "tester")
            .env("SHELL", "/bin/sh")
            .env("LANG", "C.UTF-8")
            .env("TMPDIR", self.root().join("tmp"))
            .env("TERM", "xterm-256color")
            .env("TELECODER_CONFIG", self.config_file())
            .env("TELECODER_DATA_DIR", self.data())
            .env(MARK, self.mark())
            .envs(self.extra_env.iter().map(|(key, value)| (key, value)))
            .current_dir(self.cwd())
            .stdin(Stdio::null());
        command
    }

    /// The binary, ready to be changed and started.
    pub fn telecoder(&self, args: &[&str]) -> Command {
        let mut command = self.program(&self.program);
        command.args(args);
        command
    }

    /// Runs the binary to its end.
    pub fn cmd(&self, args: &[&str]) -> Output {
        self.finish(self.telecoder(args), args, None)
    }

    /// Runs the binary to its end with something on stdin.
    pub fn cmd_with_stdin(&self, args: &[&str], stdin: &[u8]) -> Output {
        self.finish(self.telecoder(args), args, Some(stdin))
    }

    /// Runs the binary in another directory.
    pub fn cmd_in(&self, dir: &Path, args: &[&str]) -> Output {
        let mut command = self.telecoder(args);
        command.current_dir(dir);
        self.finish(command, args, None)
    }

    /// Runs a prepared command to its end.
    pub fn finish(&self, mut command: Command, args: &[&str], stdin: Option<&[u8]>) -> Output {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if stdin.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().expect("starting the program");
        if let (Some(bytes), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A program that does not read its input to the end is the test's matter, not ours.
            let _ = pipe.write_all(bytes);
        }
        let watchdog = Watchdog::over(child.id());
        let output = child.wait_with_output().expect("waiting for the program");
        watchdog.end(args);
        Output {
            line: args.join(" "),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON of a command that must work.
    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        self.cmd(&args).ok().json()
    }

    /// A session as `status --json` shows it.
    #[track_caller]
    pub fn status(&self, session: &str) -> Value {
        self.json(&["status", session])
    }

    /// Waits until a session has this status; returns it.
    #[track_caller]
    pub fn wait_status(&self, session: &str, status: &str) -> Value {
        let mut last = Value::Null;
        eventually(&format!("`{session}` is {status}"), || {
            last = self.status(session);
            (last["status"] == status).then(|| last.clone())
        })
    }

    /// Waits until the session's newest turn has this state.
    #[track_caller]
    pub fn wait_turn(&self, session: &str, state: &str) -> Value {
        eventually(&format!("the newest turn of `{session}` is {state}"), || {
            let shown = self.status(session);
            (shown["turn"]["state"] == state).then_some(shown)
        })
    }

    /// Waits until the session's log holds a text.
    #[track_caller]
    pub fn wait_log(&self, session: &str, text: &str) -> String {
        eventually(&format!("the log of `{session}` holds {text:?}"), || {
            let log = self.cmd(&["logs", session]).stdout;
            log.contains(text).then_some(log)
        })
    }

    /// Waits until the session's screen shows a text.
    #[track_caller]
    pub fn wait_screen(&self, session: &str, text: &str) -> String {
        self.screen_within(super::wait::WAIT_LIMIT, session, text)
            .unwrap_or_else(|screen| panic!("the screen of `{session}` does not show {text:?}:\n{screen}"))
    }

    /// The session's screen once it shows a text within the limit; else the last screen as an error.
    pub fn screen_within(&self, limit: Duration, session: &str, text: &str) -> Result<String, String> {
        let mut last = String::new();
        let found = found_within(limit, || {
            last = self.cmd(&["screen", session]).stdout;
            last.contains(text).then_some(())
        });
        found.map(|()| last.clone()).ok_or(last)
    }

    /// Starts a daemon in the foreground and waits until it answers.
    #[track_caller]
    pub fn serve(&self) -> Daemon {
        Daemon::start(self, &[])
    }

    /// The daemon's pid, from its lock.
    pub fn daemon_pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.data().join("lock")).ok()?;
        text.trim().parse().ok()
    }

    /// A client of the API's bytes.
    pub fn http(&self) -> Http {
        Http::new(self.api_sock())
    }

    /// Runs tmux against this installation's server.
    pub fn tmux(&self, args: &[&str]) -> Output {
        let mut command = self.program("tmux");
        command.arg("-S").arg(self.tmux_sock()).args(args);
        self.finish(command, args, None)
    }

    /// A git repository with one commit, beneath this installation's directory.
    #[track_caller]
    pub fn git_repo(&self, name: &str) -> PathBuf {
        let path = self.root().join(name);
        std::fs::create_dir(&path).expect("a directory");
        std::fs::write(path.join("README.md"), "hello\n").expect("a file");
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["add", "."],
            &["commit", "-q", "-m", "begin"],
        ] {
            self.git(&path, args);
        }
        path
    }

    #[track_caller]
    pub fn git(&self, dir: &Path, args: &[&str]) -> Output {
        let mut command = self.program("git");
        command.args(["-c", "user.name=Tester", "-c", "user.email=tester@localhost"]);
        command.args(args).current_dir(dir);
        self.finish(command, args, None).ok()
    }
}

/// Kills a program that does not end, so that a test that hangs becomes one that fails.
struct Watchdog {
    done: mpsc::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
}

impl Watchdog {
    fn over(pid: u32) -> Self {
        let (done, ended) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let hangs = ended.recv_timeout(COMMAND_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout);
            if hangs {
                signal(pid, Signal::KILL);
            }
            hangs
        });
        Self { done, thread }
    }

    #[track_caller]
    fn end(self, args: &[&str]) {
        let _ = self.done.send(());
        let hung = self.thread.join().expect("the watchdog");
        assert!(!hung, "`{}` did not end within {COMMAND_LIMIT:?}", args.join(" "));
    }
}

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// The bundled agent only: no test depends on what else is installed.
const DEMO_CONFIG: &str = "default_agent = \"demo\"\n";

impl Drop for TestEnv {
    fn drop(&mut self) {
        cleanup::end_everything(self);
    }
}
