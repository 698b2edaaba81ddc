//! The floors: the same acts with nothing around them. Ours, but none of the product's code.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::rig::Rig;
use crate::tap::Tap;

/// A database on the same disk with the same promise: a commit is synced.
pub struct Database(Connection);

impl Database {
    pub fn open(path: &Path) -> Self {
        let conn = Connection::open(path).expect("a database");
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
        )
        .expect("its settings");
        Self(conn)
    }

    /// One row, one FULL commit.
    pub fn commit(&self, text: &str) {
        let mut insert = self.0.prepare_cached("INSERT INTO t (text) VALUES (?1)").expect("SQL");
        insert.execute([text]).expect("a commit");
    }
}

/// A control client of our own on the same tmux server, with a reader in a pane of its own.
pub struct Pane {
    client: Child,
    stdin: ChildStdin,
    pane: String,
    text_file: PathBuf,
    tap: Tap,
}

impl Pane {
    pub fn open(rig: &Rig) -> Self {
        let tap = Tap::new(rig.env.root().join("floor-tap"));
        let mut client = rig
            .env
            .program("tmux")
            .arg("-S")
            .arg(rig.env.tmux_sock())
            .args(["-C", "new-session", "-s", "floor"])
            .args(tap.command())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a control client");
        let mut stdout = client.stdout.take().expect("its output");
        // What it says is read, or tmux would hold it back; the reader tells what matters.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        tap.wait_ready();
        let panes = rig.env.tmux(&["list-panes", "-t", "floor", "-F", "#{pane_id}"]).ok();
        Self {
            stdin: client.stdin.take().expect("its input"),
            client,
            pane: panes.stdout.trim().to_owned(),
            text_file: rig.env.root().join("floor-text"),
            tap,
        }
    }

    /// Loads a text and pastes it; returns when the reader had its `token`.
    pub fn paste(&mut self, text: &str, token: &str) -> Instant {
        std::fs::write(&self.text_file, text).expect("the text's file");
        let (file, pane) = (self.text_file.display(), &self.pane);
        let line = format!("load-buffer -b floor {file} ; paste-buffer -p -r -d -b floor -t {pane}\n");
        self.stdin.write_all(line.as_bytes()).expect("the control client lives");
        self.tap.arrival(token)
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // Its session, and with it the reader.
        let _ = self.stdin.write_all(b"kill-session -t floor\n");
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// Builds `floor.c`; none without a C compiler that can link statically.
pub fn static_program(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/floor.c");
    let program = dir.join("floor");
    let built = Command::new("cc")
        .args(["-O2", "-static", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "cc cannot build {}",
        source.display()
    );
    program
}

/// How long a program takes from its start to its end.
pub fn run(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().expect("starting a program");
    let took = began.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// A socket that answers each request of a connection with as many bytes.
pub fn echo(path: &Path) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 256];
            while let Ok(count @ 1..) = stream.read(&mut request) {
                if stream.write_all(&request[..count]).is_err() {
                    break;
                }
            }
        }
    });
}

/// Connect, ask, hear.
pub fn round_trip(path: &Path) -> Duration {
    let began = Instant::now();
    let mut stream = UnixStream::connect(path).expect("the echo");
    stream.write_all(&[b'x'; 200]).expect("asking");
    let mut answer = [0; 200];
    stream.read_exact(&mut answer).expect("hearing");
    began.elapsed()
}
