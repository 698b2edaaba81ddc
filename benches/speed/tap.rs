//! The other end of a terminal: a program that tells with its own clock what it read and when, and the bench's side of it.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use rustix::time::{ClockId, clock_gettime};

/// The bench itself, started in a pane with this flag and a socket's path, is the reader.
pub const FLAG: &str = "--read-terminal";
/// How long what was typed may take to arrive.
const LIMIT: Duration = Duration::from_secs(20);
const STAMP_BYTES: usize = 8;
/// More than any prompt here.
const READ_BYTES: usize = 16 * 1024;

/// Raw mode, bracketed paste, and for each read one datagram: the time right after it, and what it brought.
pub fn read_terminal(socket: &Path) {
    let out = UnixDatagram::unbound().expect("a socket");
    out.connect(socket).expect("the bench listens");
    let (mut stdin, mut stdout) = (std::io::stdin(), std::io::stdout());
    let mut modes = tcgetattr(&stdin).expect("a terminal");
    modes.make_raw();
    tcsetattr(&stdin, OptionalActions::Now, &modes).expect("raw mode");
    stdout
        .write_all(b"\x1b[?2004h> ")
        .and_then(|()| stdout.flush())
        .expect("a terminal");
    let mut datagram = vec![0; STAMP_BYTES + READ_BYTES];
    let mut count = 0;
    loop {
        let stamp = nanoseconds().to_le_bytes();
        datagram[..STAMP_BYTES].copy_from_slice(&stamp);
        // The first one, without text, says that the reader is there. A bench that is gone is the end.
        if out.send(&datagram[..STAMP_BYTES + count]).is_err() {
            return;
        }
        count = match stdin.read(&mut datagram[STAMP_BYTES..]) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
    }
}

/// The clock of `Instant`, which other processes read alike.
fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or_default()
}

/// Where one reader reports.
pub struct Tap {
    socket: UnixDatagram,
    path: PathBuf,
    base: (Instant, u64),
}

impl Tap {
    pub fn new(path: PathBuf) -> Self {
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self {
            socket,
            path,
            base: (Instant::now(), nanoseconds()),
        }
    }

    /// The command line of its reader.
    pub fn command(&self) -> [String; 3] {
        let own = std::env::current_exe().expect("the bench's own program");
        [own, FLAG.into(), self.path.clone()].map(|part| part.display().to_string())
    }

    /// Waits until the reader is in raw mode.
    pub fn wait_ready(&self) {
        self.next();
    }

    /// When the reader had read all of `token`.
    pub fn arrival(&self, token: &str) -> Instant {
        let mut seen = Vec::new();
        loop {
            let (at, bytes) = self.next();
            seen.extend(bytes);
            if seen.windows(token.len()).any(|part| part == token.as_bytes()) {
                return at;
            }
        }
    }

    fn next(&self) -> (Instant, Vec<u8>) {
        let mut datagram = vec![0; STAMP_BYTES + READ_BYTES];
        let count = self.socket.recv(&mut datagram).expect("what was typed arrives in time");
        let (stamp, text) = datagram[..count].split_at(STAMP_BYTES);
        let stamp = u64::from_le_bytes(stamp.try_into().expect("a stamp"));
        let at = self.base.0 + Duration::from_nanos(stamp.saturating_sub(self.base.1));
        (at, text.to_vec())
    }
}
