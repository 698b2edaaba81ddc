//! What can be learned of an installed agent without talking to its provider: the version it says it has.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long `--version` may take; one of the real agents needs 3.4 s.
const VERSION_LIMIT: Duration = Duration::from_secs(10);
/// Pause between two looks whether it has ended.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// A version line is short; more than this is not read.
const OUTPUT_BYTES_MAX: u64 = 4096;

/// The first word with a digit and a dot in what `--version` prints.
pub fn version(program: &Path) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let limit = Instant::now() + VERSION_LIMIT;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > limit {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(LOOK_PAUSE);
    }
    let mut output = Vec::new();
    child
        .stdout
        .take()?
        .take(OUTPUT_BYTES_MAX)
        .read_to_end(&mut output)
        .ok()?;
    version_in(&String::from_utf8_lossy(&output))
}

fn version_in(output: &str) -> Option<String> {
    output
        .split_whitespace()
        .map(|word| word.trim_start_matches('v').trim_end_matches([',', ')', ';']))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .map(str::to_owned)
}

/// Whether version `a` is older than `b`, number by number.
pub fn is_older(a: &str, b: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        version
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    numbers(a) < numbers(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared() {
        assert_eq!(version_in("2.1.329 (Some Agent)"), Some("2.1.329".into()));
        assert_eq!(version_in("agent-cli 0.169.0\n"), Some("0.169.0".into()));
        assert_eq!(version_in("agent v1.2"), Some("1.2".into()));
        assert_eq!(version_in("hello"), None);
        assert!(is_older("2.1.9", "2.1.10"));
        assert!(!is_older("2.2", "2.1.10"));
        assert!(!is_older("2.1.10", "2.1.10"));
    }

    #[test]
    fn a_program_that_says_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent");
        std::fs::write(&path, "#!/bin/sh\necho \"1.2.3 (agent)\"\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(version(&path), Some("1.2.3".into()));
        assert_eq!(version(Path::new("/no/such/program")), None);
    }
}
