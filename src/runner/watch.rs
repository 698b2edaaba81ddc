//! Watches launches: new letters and exit records by inotify, a shim's death by pidfd. No polling, no process per launch.

use tokio::sync::mpsc;

use super::LaunchDir;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::letter::ProcessRef;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchKey {
    pub session: SessionId,
    pub launch: LaunchNo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
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

/// A handle; dropping it ends the watching.
#[derive(Clone)]
pub struct Watcher {}

impl Watcher {
    /// Changes may be reported more than once and are never missed: what is there when `watch` is called is reported too.
    pub fn new() -> Result<(Self, mpsc::UnboundedReceiver<(LaunchKey, LaunchChange)>)> {
        todo!()
    }
    pub fn watch(&self, _key: LaunchKey, _dir: &LaunchDir) -> Result<()> {
        todo!()
    }
    pub fn watch_shim(&self, _key: LaunchKey, _shim: ProcessRef) -> Result<()> {
        todo!()
    }
    pub fn unwatch(&self, _key: &LaunchKey) {
        todo!()
    }
}
