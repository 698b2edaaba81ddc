//! The socket: only the daemon's own user (and root) gets a connection, and a client that takes nothing loses it.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Sleep;

use crate::domain::fault::{Fault, Result};

/// How long a client may take nothing of what is written to it before it is dropped (a stopped `events -f`). It comes back
/// with the last event's id and misses nothing.
const WRITE_STALL_LIMIT: Duration = Duration::from_secs(30);
/// Pause after a failed accept (out of file descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Who is at the other end, as the kernel says.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// None for a process of another pid namespace.
    pub pid: Option<u32>,
}

pub struct PeerListener {
    inner: UnixListener,
    own_uid: u32,
}

impl PeerListener {
    pub fn bind(path: &Path) -> Result<Self> {
        let doing = || format!("binding {}", path.display());
        let fresh = path.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        let inner = UnixListener::bind(&fresh).map_err(|e| Fault::io(doing(), &e))?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))
            .and_then(|()| std::fs::rename(&fresh, path))
            .map_err(|e| Fault::io(doing(), &e))?;
        Ok(Self {
            inner,
            own_uid: rustix::process::geteuid().as_raw(),
        })
    }

    fn admit(&self, stream: &UnixStream) -> Option<Peer> {
        let cred = stream.peer_cred().ok()?;
        if cred.uid() != self.own_uid && cred.uid() != 0 {
            tracing::warn!(uid = cred.uid(), "refused a connection of another user");
            return None;
        }
        let pid = cred.pid().and_then(|pid| u32::try_from(pid).ok());
        Some(Peer {
            pid: pid.filter(|pid| *pid != 0),
        })
    }
}

impl Listener for PeerListener {
    type Io = Stalling<UnixStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        loop {
            match self.inner.accept().await {
                Ok((stream, _)) => {
                    if let Some(peer) = self.admit(&stream) {
                        return (Stalling::new(stream, WRITE_STALL_LIMIT), peer);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting an API connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { pid: None })
    }
}

impl Connected<IncomingStream<'_, PeerListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, PeerListener>) -> Self {
        *stream.remote_addr()
    }
}

/// A stream whose writes fail with `TimedOut` when they have not moved for a time.
pub struct Stalling<S> {
    inner: S,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Stalling<S> {
    fn new(inner: S, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            stalled: None,
        }
    }

    /// Passes a finished write on and clears the clock; an unfinished one runs against it.
    fn timed<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let limit = self.limit;
        let clock = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match clock.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.timed(cx, wrote)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.timed(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_client_that_takes_nothing_loses_its_connection() {
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let mut ours = Stalling::new(ours, Duration::from_millis(30));
        let piece = vec![0; 64 * 1024];
        let error = loop {
            if let Err(error) = ours.write_all(&piece).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(theirs);
    }

    #[tokio::test]
    async fn the_socket_is_private_and_replaces_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        drop(PeerListener::bind(&path).unwrap());
        let mut listener = PeerListener::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (connected, (_, peer)) = tokio::join!(UnixStream::connect(&path), listener.accept());
        connected.unwrap();
        assert_eq!(peer.pid, Some(std::process::id()));
    }
}
