//! The room against a real tmux: `tmux` of PATH, or the one that `TELECODER_TEST_TMUX` names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::broadcast;

use super::*;
use crate::domain::text::sanitise;

mod attaching;
mod keys;
mod loss;
mod paste;
mod server;
mod windows;

/// Everything that a loaded machine may make slow.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

pub(super) fn program() -> PathBuf {
    let name = std::env::var_os("TELECODER_TEST_TMUX").unwrap_or_else(|| "tmux".into());
    which::which(name).expect("a tmux to test with")
}

impl Tmux {
    async fn paste(&self, pane: &PaneId, session: &SessionId, text: &Sanitised) -> Result<Guarded> {
        self.link.paste(pane, session, text).await
    }
}

impl Link {
    async fn paste(&self, pane: &PaneId, session: &SessionId, text: &Sanitised) -> Result<Guarded> {
        let prepared = self.prepare_paste(text).await?;
        self.paste_prepared(pane, session, prepared).await
    }
}

/// A server of its own in a temporary directory; ends with the value.
struct Bed {
    dir: tempfile::TempDir,
    tmux: Tmux,
}

impl Bed {
    async fn new() -> Self {
        let dir = short_dir();
        let tmux = Tmux::connect(options(&dir)).await.expect("tmux starts");
        Self { dir, tmux }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A tmux process beside the room under test.
    fn raw(&self, args: &[&str]) -> String {
        raw(self.tmux.options(), args)
    }

    async fn window(&self, name: &str, session: &SessionId, script: &str) -> Placement {
        let program = self.script(name, script);
        self.window_of(name, session, &program, None)
            .await
            .expect("a window opens")
    }

    async fn window_of(
        &self,
        name: &str,
        session: &SessionId,
        program: &Path,
        pipe_to: Option<Vec<String>>,
    ) -> Result<Placement> {
        let name: SessionName = name.parse().unwrap();
        let new = NewWindow {
            name: &name,
            session,
            launch: LaunchNo(1),
            program,
            cwd: self.dir.path(),
            pipe_to,
        };
        self.tmux.new_window(new).await
    }

    fn script(&self, name: &str, script: &str) -> PathBuf {
        let path = self.path(&format!("{name}.sh"));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// A program in raw mode that asks for bracketed paste and keeps every byte that it gets in `<name>.got`.
    async fn reader(&self, name: &str, session: &SessionId) -> Placement {
        let got = self.path(&format!("{name}.got"));
        let script = format!(
            "stty raw -echo\nprintf '\\033[?2004hREADY'\nexec cat > '{}'",
            got.display()
        );
        let place = self.window(name, session, &script).await;
        self.shows(&place.pane, "READY").await;
        until("the reader's file", || got.exists()).await;
        place
    }

    fn got(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(&format!("{name}.got"))).unwrap_or_default()
    }

    async fn gets(&self, name: &str, bytes: &[u8]) {
        until("all bytes in the reader", || self.got(name).len() >= bytes.len()).await;
        let got = self.got(name);
        assert!(
            got == bytes,
            "{name} got {} bytes, expected {}; first difference at {:?}",
            got.len(),
            bytes.len(),
            got.iter().zip(bytes).position(|(a, b)| a != b)
        );
    }

    async fn shows(&self, pane: &PaneId, text: &str) {
        let look = async {
            loop {
                let screen = self.tmux.screen(pane).await.expect("a screen");
                if screen.text().contains(text) {
                    return;
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::time::timeout(PATIENCE, look)
            .await
            .unwrap_or_else(|_| panic!("the pane never showed `{text}`"));
    }

    async fn paste(&self, place: &Placement, session: &SessionId, text: &str) -> Result<Guarded> {
        self.tmux.paste(&place.pane, session, &sanitise(text)).await
    }

    async fn attached(&self) {
        assert!(
            self.tmux.link.wait_attached(PATIENCE).await,
            "the control client never came"
        );
    }

    /// Without the control client, and without a try to get it back.
    fn by_process_only(&self) -> Link {
        let options = self.tmux.options().clone();
        let exec = Exec::new(&options.program, socket(&options), config_file(&options));
        Link::new(options, exec)
    }

    fn paste_files(&self) -> usize {
        std::fs::read_dir(self.path("buffers")).unwrap().count()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        kill_server(self.tmux.options());
    }
}

fn short_dir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("tc")
        .rand_bytes(6)
        .tempdir_in("/tmp")
        .unwrap()
}

fn options(dir: &tempfile::TempDir) -> TmuxOptions {
    TmuxOptions {
        program: program(),
        dir: dir.path().to_owned(),
        history_lines: 2000,
        may_start_server: true,
    }
}

fn raw_process(options: &TmuxOptions) -> std::process::Command {
    let mut process = std::process::Command::new(&options.program);
    process.env_remove("TMUX").env_remove("TMUX_PANE");
    process.arg("-N").arg("-S").arg(socket(options));
    process
}

fn raw(options: &TmuxOptions, args: &[&str]) -> String {
    let output = raw_process(options).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Ends the server of these options and waits until it is gone.
fn kill_server(options: &TmuxOptions) {
    let known = identity::load(&options.dir.join("server.json"));
    raw(options, &["kill-server"]);
    let begin = std::time::Instant::now();
    while known.is_some_and(identity::is_alive) {
        assert!(begin.elapsed() < PATIENCE, "a tmux server is left over");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn session(n: u64) -> SessionId {
    SessionId::from_random(0x0123_4567_89ab_cdef_u64.wrapping_mul(n + 1))
}

async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let look = async {
        while !there() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::time::timeout(PATIENCE, look)
        .await
        .unwrap_or_else(|_| panic!("{what}: never"));
}

async fn next_event(events: &mut broadcast::Receiver<TmuxEvent>, limit: Duration) -> TmuxEvent {
    tokio::time::timeout(limit, events.recv())
        .await
        .expect("an event in time")
        .expect("an event")
}

fn bracketed(text: &str) -> Vec<u8> {
    format!("\u{1b}[200~{text}\u{1b}[201~").into_bytes()
}
