//! The persistent control-mode client: requests in over its stdin, answers matched to them, notifications out.
//!
//! One line may be answered by any number of blocks (`if-shell` adds those of its branch), so each request is followed by
//! a line that prints a mark which nobody else knows; the mark's block ends the request. Requests are pipelined; tmux
//! answers in order. Two tasks serve the pipe; both end when either end of it closes, when a request timed out, or when
//! the stream is broken. What had been sent and not answered then is `Lost`, what had not been sent is `NotSent`.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command as Process};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::command::CommandList;
use super::error::TmuxError;
use super::parser::{Item, Parser};
use super::reply::Reply;
use crate::domain::ids::WindowId;

/// An answer takes 0.1 ms; a server that needs this long hangs, and the client is given up.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Requests that wait to be written; more than this wait in their callers.
const REQUESTS_WAITING_MAX: usize = 256;
/// A line of an answer: a row of a screen or of a list.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// All lines of one request's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

type Answer = Result<Reply, TmuxError>;

/// A handle to one control client; cheap to clone. Dead once its connection ended.
#[derive(Clone)]
pub(super) struct Control {
    requests: mpsc::Sender<Request>,
    ended: CancellationToken,
    pid: u32,
}

/// The connection's other side: what tmux says by itself. `None` once the connection has ended.
pub(super) struct Notices {
    said: mpsc::UnboundedReceiver<Item>,
}

struct Request {
    line: String,
    answer: oneshot::Sender<Answer>,
}

struct Pending {
    mark: String,
    reply: Reply,
    answer: oneshot::Sender<Answer>,
}

/// Requests written and not yet answered, oldest first; `None` once the connection has ended.
type Queue = Arc<Mutex<Option<VecDeque<Pending>>>>;

impl Control {
    /// Starts the client and waits until it answers.
    pub async fn attach(mut process: Process) -> Result<(Self, Notices), TmuxError> {
        process
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = process
            .spawn()
            .map_err(|error| TmuxError::Io(format!("starting the tmux control client: {error}")))?;
        let (Some(stdin), Some(stdout), Some(pid)) = (child.stdin.take(), child.stdout.take(), child.id()) else {
            return Err(TmuxError::Io("the tmux control client has no pipes".into()));
        };
        let (requests, waiting) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (say, said) = mpsc::unbounded_channel();
        let ended = CancellationToken::new();
        let queue: Queue = Arc::new(Mutex::new(Some(VecDeque::new())));
        tokio::spawn(write_requests(stdin, waiting, queue.clone(), ended.clone()));
        tokio::spawn(read_answers(child, stdout, queue, say, ended.clone()));
        let control = Self { requests, ended, pid };
        let mut notices = Notices { said };
        // tmux reads the first lines of a client sometimes before it has attached it; such a client gets no news.
        notices.attached().await?;
        control.send(String::new()).await?;
        Ok((control, notices))
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Errors: `NotSent` (may go another way), `Lost` and `Timeout` (it may have been carried out).
    pub async fn request(&self, list: &CommandList) -> Answer {
        let line = list.line();
        if line.contains('\0') {
            return Err(TmuxError::Refused("a command cannot hold a NUL".into()));
        }
        self.send(line).await
    }

    /// Ends the connection; what waits for an answer is `Lost`.
    pub fn close(&self) {
        self.ended.cancel();
    }

    async fn send(&self, line: String) -> Answer {
        let (answer, answered) = oneshot::channel();
        let request = Request { line, answer };
        let exchange = async {
            if self.requests.send(request).await.is_err() {
                return Err(TmuxError::NotSent);
            }
            answered.await.unwrap_or(Err(TmuxError::Lost))
        };
        match tokio::time::timeout(ANSWER_TIME_MAX, exchange).await {
            Ok(answer) => answer,
            Err(_) => {
                self.close();
                Err(TmuxError::Timeout(ANSWER_TIME_MAX))
            }
        }
    }
}

impl Notices {
    async fn attached(&mut self) -> Result<(), TmuxError> {
        let attached = async {
            while let Some(item) = self.said.recv().await {
                if item == Item::Attached {
                    return Ok(());
                }
            }
            Err(TmuxError::Lost)
        };
        tokio::time::timeout(ANSWER_TIME_MAX, attached)
            .await
            .unwrap_or(Err(TmuxError::Timeout(ANSWER_TIME_MAX)))
    }

    /// The next window that tmux says was closed or unlinked somewhere.
    pub async fn next(&mut self) -> Option<WindowId> {
        loop {
            if let Item::WindowGone(window) = self.said.recv().await? {
                return Some(window);
            }
        }
    }

    /// One that is already there.
    pub fn try_next(&mut self) -> Option<WindowId> {
        loop {
            if let Item::WindowGone(window) = self.said.try_recv().ok()? {
                return Some(window);
            }
        }
    }
}

async fn write_requests(
    mut stdin: ChildStdin,
    mut requests: mpsc::Receiver<Request>,
    queue: Queue,
    ended: CancellationToken,
) {
    // 74 random bits: no screen can show the mark by chance or by intent.
    let nonce = uuid::Uuid::now_v7().simple().to_string();
    for number in 0_u64.. {
        let request = tokio::select! {
            () = ended.cancelled() => break,
            request = requests.recv() => match request {
                Some(request) => request,
                None => break,
            },
        };
        let mark = format!("{nonce}-{number}");
        let text = format!("{}\ndisplay-message -p {mark}\n", request.line);
        let pending = Pending {
            mark,
            reply: Reply::default(),
            answer: request.answer,
        };
        if let Err(pending) = push(&queue, pending) {
            _ = pending.answer.send(Err(TmuxError::NotSent));
            break;
        }
        // An empty line would detach the client.
        let text = text.trim_start_matches('\n').as_bytes();
        if let Err(written) = write_all(&mut stdin, text).await {
            if written == 0
                && let Some(pending) = pop_newest(&queue)
            {
                _ = pending.answer.send(Err(TmuxError::NotSent));
            }
            break;
        }
    }
    ended.cancel();
    requests.close();
    while let Some(request) = requests.recv().await {
        _ = request.answer.send(Err(TmuxError::NotSent));
    }
}

/// Err: how many bytes went out before the pipe broke.
async fn write_all(stdin: &mut ChildStdin, text: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < text.len() {
        match stdin.write(&text[written..]).await {
            Ok(0) => return Err(written),
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

async fn read_answers(
    mut child: Child,
    stdout: ChildStdout,
    queue: Queue,
    say: mpsc::UnboundedSender<Item>,
    ended: CancellationToken,
) {
    tokio::select! {
        () = ended.cancelled() => {}
        () = read_lines(stdout, &queue, &say) => {}
    }
    // Dropping the waiting answers tells their callers that they are lost.
    drop(lock(&queue).take());
    ended.cancel();
    if let Err(error) = child.kill().await {
        tracing::debug!(error = %error, "the tmux control client had ended by itself");
    }
}

async fn read_lines(stdout: ChildStdout, queue: &Queue, say: &mpsc::UnboundedSender<Item>) {
    let mut parser = Parser::default();
    let mut reader = BufReader::with_capacity(64 * 1024, stdout);
    let mut line = Vec::new();
    while read_line(&mut reader, &mut line).await {
        match parser.line(&line) {
            Ok(None) => {}
            Ok(Some(item @ (Item::WindowGone(_) | Item::Attached))) => _ = say.send(item),
            Ok(Some(Item::ConfigError(text))) => {
                tracing::warn!(error = text, "tmux refused a line of its configuration")
            }
            Ok(Some(item)) => {
                if !answer(queue, item) {
                    tracing::warn!("a tmux answer is over the limit; connecting anew");
                    return;
                }
            }
            Err(_) => {
                tracing::warn!("the tmux control stream is broken; connecting anew");
                return;
            }
        }
    }
}

/// False at the stream's end, at an error, and at a line over the limit.
async fn read_line(reader: &mut BufReader<ChildStdout>, line: &mut Vec<u8>) -> bool {
    line.clear();
    loop {
        let Ok(part) = reader.fill_buf().await else {
            return false;
        };
        if part.is_empty() || line.len() > LINE_BYTES_MAX {
            return false;
        }
        let end = part.iter().position(|b| *b == b'\n');
        line.extend_from_slice(&part[..end.unwrap_or(part.len())]);
        let used = end.map_or(part.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return true;
        }
    }
}

/// Adds a block to the oldest request, and answers it when the block is its mark. False: the answer is over the limit.
fn answer(queue: &Queue, item: Item) -> bool {
    let mut queue = lock(queue);
    let Some(pending) = queue.as_mut().and_then(|queue| queue.front_mut()) else {
        return true;
    };
    match item {
        Item::Block { failed: false, text } if text.trim_end() == pending.mark => {
            if let Some(done) = queue.as_mut().and_then(VecDeque::pop_front) {
                _ = done.answer.send(Ok(done.reply));
            }
            return true;
        }
        Item::Block { failed: false, text } => pending.reply.output.push_str(&text),
        Item::Block { failed: true, text } | Item::Stray(text) => {
            pending.reply.error.get_or_insert_with(|| text.trim_end().to_owned());
        }
        Item::WindowGone(_) | Item::ConfigError(_) | Item::Attached => {}
    }
    pending.reply.output.len() <= ANSWER_BYTES_MAX
}

fn push(queue: &Queue, pending: Pending) -> Result<(), Pending> {
    match lock(queue).as_mut() {
        Some(queue) => {
            queue.push_back(pending);
            Ok(())
        }
        None => Err(pending),
    }
}

fn pop_newest(queue: &Queue) -> Option<Pending> {
    lock(queue).as_mut().and_then(VecDeque::pop_back)
}

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, Option<VecDeque<Pending>>> {
    // No code panics while it holds this lock; a poisoned one would still hold a sound queue.
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
