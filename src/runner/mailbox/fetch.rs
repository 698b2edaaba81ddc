//! Taking a file out of a directory that an agent may write: beneath it, through no link, with one name only.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::beneath::{Refused, regular};
use crate::domain::fault::{Fault, Kind, Result};

/// Copies `path`, which lies beneath `dir`, to the new file `into` (0600). Returns its length.
///
/// `NotFound` when there is no such file, `NotPermitted` when it is a link or anything else that could lead elsewhere, `OverLimit`.
pub fn fetch_beneath(dir: &Path, path: &Path, limit: u64, into: &Path) -> Result<u64> {
    let inside = if path.is_absolute() {
        path.strip_prefix(dir).map_err(|_| outside(path))?
    } else {
        path
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = rustix::fs::open(dir, flags, Mode::empty())
        .map_err(|error| Fault::io(format!("opening {}", dir.display()), &error.into()))?;
    let file = regular(&held, inside, limit).map_err(|refused| match refused {
        Refused::Gone => Fault::new(
            Kind::NotFound,
            format!("there is no file `{}` in the workspace", inside.display()),
        ),
        Refused::Reason(reason) if reason.contains("over the limit") => {
            Fault::new(Kind::OverLimit, format!("`{}` {reason}", inside.display()))
        }
        Refused::Reason(reason) => Fault::new(Kind::NotPermitted, format!("`{}` {reason}", inside.display()))
            .hint("Only regular files inside the workspace are handed out."),
        Refused::Failed(error) => Fault::io(format!("opening `{}`", inside.display()), &error),
    })?;
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(into)
        .map_err(|error| Fault::io(format!("making {}", into.display()), &error))?;
    // It may grow while it is read.
    let copied = io::copy(&mut file.take(limit), &mut copy).and_then(|length| copy.sync_all().map(|()| length));
    copied.map_err(|error| Fault::io(format!("copying `{}`", inside.display()), &error))
}

fn outside(path: &Path) -> Fault {
    Fault::new(
        Kind::NotPermitted,
        format!("`{}` lies outside of the workspace", path.display()),
    )
    .hint("Name it relative to the workspace, for example `docs/plan.md`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_inside_comes_out() {
        let dir = tempfile::tempdir().expect("a directory");
        let (work, out) = (dir.path().join("work"), dir.path().join("out"));
        std::fs::create_dir_all(work.join("docs")).expect("made");
        std::fs::create_dir(&out).expect("made");
        std::fs::write(work.join("docs/plan.md"), "plan").expect("written");
        std::fs::write(dir.path().join("secret"), "secret").expect("written");
        std::os::unix::fs::symlink("../secret", work.join("link")).expect("linked");
        std::os::unix::fs::symlink("..", work.join("up")).expect("linked");
        std::fs::hard_link(dir.path().join("secret"), work.join("hard")).expect("linked");
        let fetch = |path: &str, name: &str| fetch_beneath(&work, Path::new(path), 100, &out.join(name));
        assert_eq!(fetch("docs/plan.md", "1"), Ok(4));
        let absolute = work.join("docs/plan.md");
        assert_eq!(fetch(absolute.to_str().expect("UTF-8"), "2"), Ok(4));
        for bad in ["link", "up/secret", "hard", "../secret", "/etc/passwd", "docs", "none"] {
            let fault = fetch(bad, "bad").expect_err(bad);
            assert!(
                matches!(fault.kind, Kind::NotPermitted | Kind::NotFound),
                "{bad}: {fault:?}"
            );
        }
        assert!(!out.join("bad").exists());
        assert_eq!(
            fetch_beneath(&work, Path::new("docs/plan.md"), 3, &out.join("3"))
                .expect_err("too long")
                .kind,
            Kind::OverLimit
        );
    }
}
