//! What agents find in the data directory: the stable path of this binary, and the constitution.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Result};

/// What an agent is told about living in a session.
const AGENTS_MD: &str = include_str!("../../agents.md");

/// Writes both. Each is swapped by rename, so an agent that reads meanwhile sees the old or the new one, whole.
pub fn install(dir: &DataDir) -> Result<()> {
    let own = std::env::current_exe().map_err(|e| Fault::io("finding the path of this program", &e))?;
    link_binary(&own, &dir.telecoder())?;
    write_agents_md(&dir.agents_md())
}

fn link_binary(own: &Path, link: &Path) -> Result<()> {
    if !own.exists() {
        // The file was replaced under the running program; what the link names now is the newer one.
        tracing::warn!(path = %own.display(), "the running program's file is gone, its link stays as it is");
        return Ok(());
    }
    let fresh = link.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    symlink(own, &fresh)
        .and_then(|()| std::fs::rename(&fresh, link))
        .map_err(|e| Fault::io(format!("linking {}", link.display()), &e))
}

fn write_agents_md(path: &Path) -> Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == AGENTS_MD.as_bytes()) {
        return Ok(());
    }
    let fresh = path.with_extension("md.new");
    std::fs::write(&fresh, AGENTS_MD)
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(|e| Fault::io(format!("writing {}", path.display()), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_binary_replaces_the_link_of_the_old_one() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("telecoder");
        for name in ["old", "new"] {
            let own = temp.path().join(name);
            std::fs::write(&own, name).unwrap();
            link_binary(&own, &link).unwrap();
            assert_eq!(std::fs::read_to_string(&link).unwrap(), name);
        }
        link_binary(&temp.path().join("gone"), &link).unwrap();
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "new");
    }

    #[test]
    fn the_constitution_is_that_of_the_binary() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("agents.md");
        std::fs::write(&path, "of an older version").unwrap();
        write_agents_md(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), AGENTS_MD);
    }
}
