//! The live link to one server: who it is, the control client while there is one, and the news.
//!
//! A request takes the control client; while that is down it takes a process. A request that types or makes something is
//! never sent twice. A task per handle keeps the link: it attaches anew when only the client was lost, tells
//! `ServerLost` once when the server has died, and then looks until one answers again. While all is well it sleeps.

use std::path::PathBuf;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tmux_interface::ListWindows;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, broadcast, watch};

use super::command::CommandList;
use super::control::{Control, Notices};
use super::error::{Repeat, TmuxError};
use super::exec::Exec;
use super::identity;
use super::reply::Reply;
use super::server::{HOME_STAMP, SESSION, Start};
use super::{TmuxEvent, TmuxOptions};
use crate::domain::fault::Result;
use crate::domain::ids::WindowId;
use crate::domain::letter::ProcessRef;

/// Events that a slow subscriber may be behind before it is told that it missed some.
const EVENTS_WAITING_MAX: usize = 1024;
/// Pauses between attempts to attach, and between looks for a server: doubled from the first to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A client that held this long starts the pauses anew.
const STEADY_AFTER: Duration = Duration::from_secs(10);

pub(super) struct Link {
    pub options: TmuxOptions,
    pub exec: Exec,
    /// Held while a server is found or started.
    pub gate: Mutex<()>,
    server: watch::Sender<Option<ProcessRef>>,
    control: RwLock<Option<Control>>,
    attached: watch::Sender<bool>,
    lost: AtomicBool,
    events: broadcast::Sender<TmuxEvent>,
    numbers: AtomicU64,
}

impl Link {
    pub fn new(options: TmuxOptions, exec: Exec) -> Self {
        Self {
            options,
            exec,
            gate: Mutex::new(()),
            server: watch::Sender::new(None),
            control: RwLock::new(None),
            attached: watch::Sender::new(false),
            lost: AtomicBool::new(false),
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            numbers: AtomicU64::new(0),
        }
    }

    pub fn identity_file(&self) -> PathBuf {
        self.options.dir.join("server.json")
    }

    pub fn config_file(&self) -> PathBuf {
        self.options.dir.join("tmux.conf")
    }

    pub fn events(&self) -> broadcast::Receiver<TmuxEvent> {
        self.events.subscribe()
    }

    /// The server whose ids are good, as far as we know.
    pub fn server(&self) -> Option<ProcessRef> {
        *self.server.borrow()
    }

    pub fn control(&self) -> Option<Control> {
        self.control
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// A number that no other call of this process gets.
    pub fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until the control client is attached, at most `limit`. False: the process way will have to do for now.
    pub async fn wait_attached(&self, limit: Duration) -> bool {
        let mut attached = self.attached.subscribe();
        let waited = tokio::time::timeout(limit, attached.wait_for(|attached| *attached)).await;
        matches!(waited, Ok(Ok(_)))
    }

    /// Runs `list` by the fastest way that is up.
    pub async fn run(&self, list: &CommandList, repeat: Repeat) -> Result<Reply, TmuxError> {
        let Some(control) = self.control() else {
            return self.exec.run(list).await;
        };
        match control.request(list).await {
            Err(TmuxError::NotSent) => self.exec.run(list).await,
            Err(TmuxError::Lost) if repeat == Repeat::Safe => self.exec.run(list).await,
            answer => answer,
        }
    }

    /// From now on `server` is the one; tells `ServerBack` if one had been lost.
    pub fn adopt(&self, server: ProcessRef) {
        self.server
            .send_if_modified(|known| known.replace(server) != Some(server));
        if self.lost.swap(false, Ordering::SeqCst) {
            self.tell(TmuxEvent::ServerBack(server));
        }
    }

    /// Tells `ServerLost`, once for each server.
    pub fn mark_lost(&self, server: ProcessRef) {
        let is_news = self.server.send_if_modified(|known| {
            let is_known = *known == Some(server);
            if is_known {
                *known = None;
            }
            is_known
        });
        if is_news {
            self.set_control(None);
            self.lost.store(true, Ordering::SeqCst);
            self.tell(TmuxEvent::ServerLost);
        }
    }

    /// The task that keeps the link; runs until it is dropped.
    pub async fn keep(&self) {
        let mut server = self.server.subscribe();
        loop {
            let known = *server.borrow_and_update();
            tokio::select! {
                // Another server was adopted, or this one was found dead by someone else.
                changed = server.changed() => if changed.is_err() { return },
                () = self.keep_one(known) => {}
            }
        }
    }

    async fn keep_one(&self, server: Option<ProcessRef>) {
        let Some(server) = server else {
            return self.look_for_server().await;
        };
        tokio::select! {
            () = identity::ended(server) => {}
            () = self.keep_attached() => {}
        }
        self.mark_lost(server);
    }

    /// A server may come back without our doing (a systemd unit). A connection costs no process.
    async fn look_for_server(&self) {
        let mut pause = PAUSE_FIRST;
        loop {
            tokio::time::sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
            let wanted = self.lost.load(Ordering::SeqCst);
            if wanted
                && UnixStream::connect(self.exec.socket()).await.is_ok()
                && self.ensure(Start::Never).await.is_ok()
            {
                return;
            }
        }
    }

    /// Never returns; the server's end is seen by its pidfd.
    async fn keep_attached(&self) {
        let mut pause = PAUSE_FIRST;
        let mut first = true;
        loop {
            let began = tokio::time::Instant::now();
            if let Err(error) = self.hold_client(first).await {
                tracing::warn!(error = %error, "no control client on the tmux server");
            }
            self.set_control(None);
            first = false;
            if began.elapsed() > STEADY_AFTER {
                pause = PAUSE_FIRST;
            }
            tokio::time::sleep(pause).await;
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Attaches and passes on what tmux says, until the client is lost.
    async fn hold_client(&self, first: bool) -> Result<(), TmuxError> {
        if !first {
            // The client ends, too, when a person closed the last window and with it our session.
            self.prepare_session().await?;
        }
        let (control, mut notices) = Control::attach(self.exec.control_client(SESSION)).await?;
        self.set_control(Some(control));
        while let Some(window) = notices.next().await {
            self.check_windows(window, &mut notices).await;
        }
        Ok(())
    }

    /// tmux says "closed" also when a person's own view of the windows goes away; only a window that is in no session is
    /// told as closed.
    async fn check_windows(&self, first: WindowId, notices: &mut Notices) {
        let mut named = vec![first];
        while let Some(window) = notices.try_next() {
            if !named.contains(&window) {
                named.push(window);
            }
        }
        let list = ListWindows::new()
            .all()
            .format(format!("#{{window_id}} #{{{HOME_STAMP}}}"));
        let listed = self
            .run(&list.build().into(), Repeat::Safe)
            .await
            .and_then(Reply::into_output);
        let Ok(listed) = listed else { return };
        let there: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        for window in named.into_iter().filter(|window| !there.contains(&window.as_str())) {
            self.tell(TmuxEvent::WindowClosed(window));
        }
        if !listed.lines().any(|line| line.ends_with(" 1"))
            && let Err(error) = self.prepare_session().await
        {
            tracing::warn!(error = %error, "the window `home` could not be made again");
        }
    }

    fn set_control(&self, control: Option<Control>) {
        let is_attached = control.is_some();
        let old = {
            let mut place = self.control.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::replace(&mut *place, control)
        };
        if let Some(old) = old {
            old.close();
        }
        self.attached.send_replace(is_attached);
    }

    fn tell(&self, event: TmuxEvent) {
        // An error says that nobody listens; the state is in the server all the same.
        _ = self.events.send(event);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.set_control(None);
    }
}
