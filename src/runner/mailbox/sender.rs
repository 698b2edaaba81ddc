//! Who writes: what the environment of an agent says.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::letter::Origin;
use crate::runner::{LaunchDir, process, read_shim};

/// The agent's own id of its conversation, and the variable that names the variable where the agent itself puts it.
const NATIVE_ID: &str = "TELECODER_NATIVE_ID";
const NATIVE_ID_VAR: &str = "TELECODER_NATIVE_ID_VAR";
const NATIVE_ID_CHARS_MAX: usize = 200;

/// What a letter says of its sender.
#[derive(Debug, Clone)]
pub struct Sender {
    pub session: SessionId,
    pub launch: LaunchNo,
    pub origin: Origin,
}

impl Sender {
    /// From the environment that `run.sh` sets, from /proc and from where `mail` is mounted. Error `NoMailbox` outside a session.
    pub fn from_env(mail: &Path, native_id: Option<String>) -> Result<Self> {
        let session = variable("TELECODER_SESSION")?;
        let launch = variable("TELECODER_LAUNCH")?;
        let by_mount = of_one_session(mail, &session).any(is_mount);
        Ok(Self {
            session: session
                .parse()
                .map_err(|error: Fault| no_mailbox(format!("TELECODER_SESSION: {error}")))?,
            launch: launch
                .parse()
                .map(LaunchNo)
                .map_err(|_| no_mailbox(format!("TELECODER_LAUNCH: `{launch}` is not a number")))?,
            origin: Origin {
                by_mount,
                ..process::own_origin(native_id)
            },
        })
    }
}

/// The mailbox that the environment names (`TELECODER_MAILBOX`). Error `NoMailbox` outside a session.
pub fn own_mailbox() -> Result<PathBuf> {
    variable("TELECODER_MAILBOX").map(PathBuf::from)
}

/// What is said by a process that does not descend from its launch (a service, a sandbox whose processes have numbers of their own) is
/// put aside by the daemon, so it is refused while its writer can still say it otherwise. Nothing is refused where an agent's own id
/// speaks for it, or a sandbox that was opened for the mailbox, or where the launch's record cannot be read.
pub fn check_in_sight(mail: &Path, sender: &Sender) -> Result<()> {
    let shim = mail.parent().map(|dir| read_shim(&LaunchDir::new(dir.to_owned())));
    let Some(Ok(Some(record))) = shim else { return Ok(()) };
    let origin = &sender.origin;
    if origin.native_id.is_some() || origin.is_vouched_for(&record) || origin.leads_to(Some(record.shim), None) {
        return Ok(());
    }
    if record.mount_counts {
        return Err(closed(mail));
    }
    let message = "this process was not started by its session's agent, or runs in a sandbox with processes of its own";
    Err(Fault::new(Kind::NotPermitted, message)
        .hint("Nothing was sent. Run `telecoder notify` from the agent itself, outside of such a sandbox."))
}

/// An agent asks a person for what its sandbox denied by the words of the denial: the directory, and right behind it "operation not
/// permitted". It may ask once for the same words, so a name that is new each time stands among the first of them (docs/agents.md).
fn closed(mail: &Path) -> Fault {
    let letter = uuid::Uuid::now_v7();
    let message = format!("letter {letter}: {}: operation not permitted", mail.display());
    Fault::new(Kind::NotPermitted, message)
        .hint("Nothing was sent. The sandbox has to be opened for exactly that directory; then send it again.")
}

/// The agent's native id: `TELECODER_NATIVE_ID`, else the variable that `TELECODER_NATIVE_ID_VAR` names (an adapter sets
/// that name for its launch).
pub fn own_native_id() -> Option<String> {
    let named = || std::env::var(std::env::var(NATIVE_ID_VAR).ok()?).ok();
    let id = std::env::var(NATIVE_ID).ok().or_else(named)?;
    (!id.is_empty() && id.chars().count() <= NATIVE_ID_CHARS_MAX).then_some(id)
}

/// The mailbox and the directories around it that belong to its session alone: `<session>/launches/<n>/mail`.
fn of_one_session<'a>(mail: &'a Path, session: &str) -> impl Iterator<Item = &'a Path> {
    let mut around = mail.ancestors();
    let is_in_session = around.nth(3).and_then(Path::file_name) == Some(session.as_ref());
    mail.ancestors().take(if is_in_session { 4 } else { 1 })
}

/// Whether something is mounted exactly there, as a sandbox does with a place that was opened for it. (Linux 5.8 and later tell it.)
fn is_mount(dir: &Path) -> bool {
    let about = statx(CWD, dir, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
    about.is_ok_and(|about| about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

fn variable(name: &str) -> Result<String> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(no_mailbox(format!("{name} is not set"))),
    }
}

pub fn no_mailbox(message: impl Into<String>) -> Fault {
    Fault::new(Kind::NoMailbox, message)
        .hint("This works only inside a session's window: start one with `telecoder run`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_not_looked_for_beyond_its_session() {
        let of = |mail: &'static str| of_one_session(Path::new(mail), "abc").last().unwrap();
        assert_eq!(
            of("/data/sessions/abc/launches/2/mail"),
            Path::new("/data/sessions/abc")
        );
        assert_eq!(of("/tmp/place/mail"), Path::new("/tmp/place/mail"));
        assert_eq!(of("/mail"), Path::new("/mail"));
    }

    #[test]
    fn a_mount_is_told_from_a_directory_beneath_one() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_mount(Path::new("/proc")));
        assert!(!is_mount(Path::new("/proc/self")));
        assert!(!is_mount(dir.path()) && !is_mount(&dir.path().join("nothing")));
    }
}
