//! Watches launches: new letters and exit records by inotify, a shim's death by pidfd. No polling, no process per launch.
//!
//! One inotify descriptor serves all launches. What it says is a hint only: the reader of a change looks for itself, so a
//! change may be told twice, and after an overflow of the kernel's queue everything is told again. Keeps nothing on disk; after a
//! restart `watch` tells what is there.

mod batch;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use self::batch::{Batch, CtlFile};
use super::{LaunchDir, process};
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::letter::ProcessRef;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaunchKey {
    pub session: SessionId,
    pub launch: LaunchNo,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LaunchChange {
    /// Something is new in `mail/new` (or was there when the watch began).
    Mail,
    /// `ctl/shim.json` is there.
    ShimStarted,
    /// `ctl/exit.json` is there.
    ExitRecorded,
    /// The shim's process ended (with or without an exit record).
    ShimGone,
}

type Changes = mpsc::UnboundedSender<(LaunchKey, LaunchChange)>;

/// A handle; dropping the last one ends the watching.
#[derive(Clone)]
pub struct Watcher {
    inner: Arc<Inner>,
}

impl Watcher {
    /// Changes may be reported more than once and are never missed: what is there when `watch` is called is reported too.
    ///
    /// To be called within the async runtime, which then runs the watching.
    pub fn new() -> Result<(Self, mpsc::UnboundedReceiver<(LaunchKey, LaunchChange)>)> {
        let failed = |error: io::Error| Fault::io("starting to watch launches", &error);
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        let fd = readable(fd).map_err(failed)?;
        let (changes, receiver) = mpsc::unbounded_channel();
        let inner = Arc::new_cyclic(|weak| Inner {
            fd: Arc::new(fd),
            changes,
            state: Mutex::default(),
            reader: Mutex::new(None),
            own: weak.clone(),
        });
        inner.start_reading();
        Ok((Self { inner }, receiver))
    }

    /// Watches `mail/new` and `ctl/` of a launch, which must exist. Watching it again tells again what is there.
    pub fn watch(&self, key: LaunchKey, dir: &LaunchDir) -> Result<()> {
        let inner = &self.inner;
        let add = |path: &Path| {
            let flags = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
            inotify::add_watch(inner.fd.get_ref(), path, flags)
                .map_err(|error| Fault::io(format_args!("watching {}", path.display()), &error.into()))
        };
        {
            let mut state = inner.state();
            let (mail, ctl) = (add(&dir.mail().join("new"))?, add(&dir.ctl())?);
            state.places.insert(mail, (key.clone(), Place::Mail));
            state.places.insert(ctl, (key.clone(), Place::Ctl));
            state.dirs.insert(key.clone(), dir.clone());
        }
        inner.tell_what_is_there(&key, dir);
        Ok(())
    }

    /// Tells `ShimGone` when this process ends, or at once when it has.
    pub fn watch_shim(&self, key: LaunchKey, shim: ProcessRef) -> Result<()> {
        let Some(pidfd) = process::open(shim) else {
            self.inner.tell(&key, LaunchChange::ShimGone);
            return Ok(());
        };
        let failed = |error: io::Error| Fault::io(format_args!("watching process {}", shim.pid), &error);
        let pidfd = readable(pidfd).map_err(failed)?;
        let (changes, told) = (self.inner.changes.clone(), key.clone());
        let task = tokio::spawn(async move {
            // A pidfd becomes readable when its process ends; an error means that it cannot be watched, so: look.
            let _ = pidfd.readable().await;
            let _ = changes.send((told, LaunchChange::ShimGone));
        });
        if let Some(before) = self.inner.state().shims.insert(key, task.abort_handle()) {
            before.abort();
        }
        Ok(())
    }

    /// Ends the watching of a launch. A change that is on its way may still arrive.
    pub fn unwatch(&self, key: &LaunchKey) {
        let mut state = self.inner.state();
        let watches: Vec<i32> = state.watches_of(key);
        for watch in watches {
            state.places.remove(&watch);
            // A directory that was removed took its watch with it.
            let _ = inotify::remove_watch(self.inner.fd.get_ref(), watch);
        }
        state.dirs.remove(key);
        if let Some(shim) = state.shims.remove(key) {
            shim.abort();
        }
    }
}

#[derive(Clone, Copy)]
enum Place {
    Mail,
    Ctl,
}

#[derive(Default)]
struct State {
    places: HashMap<i32, (LaunchKey, Place)>,
    dirs: HashMap<LaunchKey, LaunchDir>,
    shims: HashMap<LaunchKey, AbortHandle>,
}

impl State {
    fn watches_of(&self, key: &LaunchKey) -> Vec<i32> {
        let own = self.places.iter().filter(|(_, (of, _))| of == key);
        own.map(|(watch, _)| *watch).collect()
    }
}

struct Inner {
    fd: Arc<AsyncFd<OwnedFd>>,
    changes: Changes,
    state: Mutex<State>,
    reader: Mutex<Option<AbortHandle>>,
    own: Weak<Inner>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let reader = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner);
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        reader
            .take()
            .into_iter()
            .chain(state.shims.drain().map(|(_, shim)| shim))
            .for_each(|task| task.abort());
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one insertion or removal, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_reading(&self) {
        let (fd, own) = (Arc::clone(&self.fd), self.own.clone());
        let task = tokio::spawn(async move {
            while let Ok(mut ready) = fd.readable().await {
                let Some(inner) = own.upgrade() else { return };
                let batch = Batch::read(fd.get_ref());
                if batch.drained {
                    ready.clear_ready();
                }
                inner.tell_batch(batch);
            }
        });
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }

    fn tell_batch(&self, batch: Batch) {
        if batch.overflowed {
            let dirs: Vec<(LaunchKey, LaunchDir)> = self.state().dirs.clone().into_iter().collect();
            for (key, dir) in dirs {
                self.tell_what_is_there(&key, &dir);
            }
        }
        let mut told = HashSet::new();
        for (watch, file) in batch.events {
            let Some((key, place)) = self.state().places.get(&watch).cloned() else {
                continue;
            };
            let change = match (place, file) {
                (Place::Mail, _) => LaunchChange::Mail,
                (Place::Ctl, CtlFile::Shim) => LaunchChange::ShimStarted,
                (Place::Ctl, CtlFile::Exit) => LaunchChange::ExitRecorded,
                (Place::Ctl, CtlFile::Other) => continue,
            };
            if told.insert((key.clone(), change.clone())) {
                self.tell(&key, change);
            }
        }
    }

    fn tell_what_is_there(&self, key: &LaunchKey, dir: &LaunchDir) {
        if dir.shim_json().exists() {
            self.tell(key, LaunchChange::ShimStarted);
        }
        let has_mail = std::fs::read_dir(dir.mail().join("new")).is_ok_and(|mut new| new.next().is_some());
        if has_mail {
            self.tell(key, LaunchChange::Mail);
        }
        if dir.exit_json().exists() {
            self.tell(key, LaunchChange::ExitRecorded);
        }
    }

    fn tell(&self, key: &LaunchKey, change: LaunchChange) {
        // Nobody listens any more: the daemon is going down.
        let _ = self.changes.send((key.clone(), change));
    }
}

/// Returns when this process has ended; at once when it has, or when it cannot be watched.
pub async fn ended(process: ProcessRef) {
    if let Some(Ok(pidfd)) = process::open(process).map(readable) {
        let _ = pidfd.readable().await;
    }
}

#[expect(unsafe_code, reason = "tokio's safe constructor is deprecated in favour of this one")]
fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor until it is dropped, and the `AsyncFd` owns it: it is neither
    // replaced nor closed while it is registered.
    unsafe { Ok(AsyncFd::register_with_interest(fd, Interest::READABLE)?) }
}

#[cfg(test)]
mod tests;
