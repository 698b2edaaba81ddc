//! A daemon in the foreground.

use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus, Stdio};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::{TestEnv, eventually};

/// `telecoder serve`; killed when dropped.
pub struct Daemon {
    child: Child,
    log: std::path::PathBuf,
}

impl Daemon {
    #[track_caller]
    pub fn start(env: &TestEnv, args: &[&str]) -> Self {
        let mut daemon = Self::spawn(env, args);
        eventually("the daemon's socket answers", || {
            if let Some(status) = daemon.child.try_wait().expect("looking at the daemon") {
                panic!("the daemon ended with {status}: {}", daemon.log());
            }
            UnixStream::connect(env.api_sock()).ok()
        });
        daemon
    }

    /// Starts it with variables of its own and waits for nothing.
    pub fn spawn_with(env: &TestEnv, variables: &[(&str, &str)]) -> Self {
        Self::begin(env, &[], variables)
    }

    /// Starts it and waits for nothing.
    pub fn spawn(env: &TestEnv, args: &[&str]) -> Self {
        Self::begin(env, args, &[])
    }

    fn begin(env: &TestEnv, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let log = env.root().join("serve.log");
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .expect("the daemon's log");
        let mut command = env.telecoder(&["serve"]);
        command
            .args(args)
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(file);
        Self {
            child: command.spawn().expect("starting the daemon"),
            log,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far, with every earlier daemon of this installation.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL, as a crash would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub fn stop(mut self) -> ExitStatus {
        signal(self.pid(), Signal::TERM);
        self.wait()
    }

    /// Kills it and starts the next one.
    #[track_caller]
    pub fn restart(self, env: &TestEnv) -> Self {
        self.kill();
        env.serve()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("looking at the daemon").is_some()
    }

    /// Waits for its own end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        eventually("the daemon ends", || {
            self.child.try_wait().expect("looking at the daemon")
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to one process that a test started; one that has ended is none. The `kill` of a shell is not a program of its
/// own on a bare system, and a signal that silently never went would look like a daemon that does not end.
#[track_caller]
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    match kill_process(pid, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => panic!("signalling process {pid:?}: {error}"),
    }
}
