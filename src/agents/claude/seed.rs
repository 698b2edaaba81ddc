//! What has to be in `~/.claude.json` so that no question of the first run blocks a window that nobody looks at: that the onboarding
//! is over, that this workspace is trusted, and that the key which the person configured may be used.
//!
//! The file is the person's and Claude Code's own. Only what is missing is added, everything else stays to the byte of its meaning,
//! and nothing that was refused is allowed. The lock is the one that Claude Code itself takes.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::place::Home;
use crate::domain::fault::{Fault, Kind, Result};

/// How long the lock may be held by others before it counts as left behind.
const LOCK_LIMIT: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Claude Code remembers a key by its last characters.
const KEY_TAIL_CHARS: usize = 20;

pub fn seed(home: &Home, work_dir: &Path, env: &BTreeMap<String, String>) -> Result<()> {
    let work_dir = work_dir.canonicalize().unwrap_or_else(|_| work_dir.to_owned());
    // A link is followed: a person may keep the file elsewhere.
    let file = home.state.canonicalize().unwrap_or_else(|_| home.state.clone());
    let _lock = Lock::take(&file);
    let before = read(&file)?;
    let mut after = before.clone();
    complete(&mut after, &work_dir.to_string_lossy(), env.get("ANTHROPIC_API_KEY"));
    if after == before {
        return Ok(());
    }
    write(&file, &Value::Object(after))
}

fn complete(state: &mut Map<String, Value>, work_dir: &str, key: Option<&String>) {
    state.entry("hasCompletedOnboarding").or_insert(json!(true));
    if let Some(projects) = object(state, "projects")
        && let Some(project) = object(projects, work_dir)
    {
        project.insert("hasTrustDialogAccepted".into(), json!(true));
    }
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        let skipped = key.chars().count().saturating_sub(KEY_TAIL_CHARS);
        let tail: String = key.chars().skip(skipped).collect();
        approve(state, &tail);
    }
}

/// A key that the person refused in Claude Code itself stays refused.
fn approve(state: &mut Map<String, Value>, tail: &str) {
    let Some(responses) = object(state, "customApiKeyResponses") else {
        return;
    };
    let holds = |list: Option<&Value>| {
        list.and_then(Value::as_array)
            .is_some_and(|list| list.iter().any(|item| item.as_str() == Some(tail)))
    };
    if holds(responses.get("rejected")) || holds(responses.get("approved")) {
        return;
    }
    responses.entry("rejected").or_insert_with(|| json!([]));
    let approved = responses.entry("approved").or_insert_with(|| json!([]));
    if let Some(list) = approved.as_array_mut() {
        list.push(json!(tail));
    }
}

/// The object at `key`, made if it is missing. `None`: something else stands there, which is not ours to replace.
fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

fn read(file: &Path) -> Result<Map<String, Value>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) if text.trim().is_empty() => return Ok(Map::new()),
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(Fault::io(format!("reading {}", file.display()), &error)),
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(state)) => Ok(state),
        _ => Err(Fault::new(
            Kind::Failure,
            format!("{} is not the JSON object that Claude Code keeps there", file.display()),
        )
        .hint("Repair it, or start Claude Code once by hand: it puts a damaged file aside.")),
    }
}

/// A new file beside the old one takes its place, with its mode: a crash leaves the one or the other.
fn write(file: &Path, state: &Value) -> Result<()> {
    let told = |what: &str, error: &std::io::Error| Fault::io(format!("{what} {}", file.display()), error);
    let beside = file.with_extension(format!("json.telecoder-{}", uuid::Uuid::now_v7()));
    let text = format!("{state:#}\n");
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut new| {
            if let Ok(old) = std::fs::metadata(file) {
                new.set_permissions(old.permissions())?;
            }
            new.write_all(text.as_bytes())?;
            new.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside);
        told("writing", &error)
    })
}

/// Claude Code's own lock: a directory beside the file, which whoever makes it holds.
struct Lock(Option<PathBuf>);

impl Lock {
    /// One that stays is left behind by a crash, or its holder is slower than we can wait; the rename keeps the file whole anyway.
    fn take(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let limit = Instant::now() + LOCK_LIMIT;
        loop {
            match std::fs::create_dir(&path) {
                Ok(()) => return Self(Some(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && Instant::now() < limit => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(_) => return Self(None),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_dir(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded(before: &str, key: Option<&str>) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let home = Home {
            state: dir.path().join(".claude.json"),
            dir: dir.path().join(".claude"),
        };
        if !before.is_empty() {
            std::fs::write(&home.state, before).unwrap();
        }
        let env = key.map(|key| ("ANTHROPIC_API_KEY".to_owned(), key.to_owned()));
        let env = env.into_iter().collect();
        seed(&home, Path::new("/no/such/work"), &env).unwrap();
        let once = std::fs::read_to_string(&home.state).unwrap();
        seed(&home, Path::new("/no/such/work"), &env).unwrap();
        assert_eq!(
            std::fs::read_to_string(&home.state).unwrap(),
            once,
            "the second time changes nothing"
        );
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        serde_json::from_str(&once).unwrap()
    }

    #[test]
    fn what_is_missing_is_added() {
        let expected = json!({
            "hasCompletedOnboarding": true,
            "projects": { "/no/such/work": { "hasTrustDialogAccepted": true } },
        });
        assert_eq!(seeded("", None), expected);
        let key = "sk-0123456789-0123456789-abc";
        let state = seeded("", Some(key));
        assert_eq!(
            state["customApiKeyResponses"]["approved"],
            json!(["456789-0123456789-abc"[1..]])
        );
    }

    #[test]
    fn what_the_person_has_stays() {
        let before = json!({
            "hasCompletedOnboarding": false,
            "theme": "dark",
            "projects": { "/other": { "hasTrustDialogAccepted": false, "x": [1] } },
            "customApiKeyResponses": { "approved": [], "rejected": ["56789-0123456789-abc"] },
        });
        let state = seeded(&before.to_string(), Some("sk-0123456789-0123456789-abc"));
        assert_eq!(state["hasCompletedOnboarding"], false);
        assert_eq!(state["theme"], "dark");
        assert_eq!(state["projects"]["/other"], before["projects"]["/other"]);
        assert_eq!(state["customApiKeyResponses"], before["customApiKeyResponses"]);
    }

    #[test]
    fn a_damaged_file_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".claude.json");
        std::fs::write(&state, "{ half").unwrap();
        let home = Home {
            state: state.clone(),
            dir: dir.path().join(".claude"),
        };
        assert!(seed(&home, Path::new("/w"), &BTreeMap::new()).is_err());
        assert_eq!(std::fs::read_to_string(&state).unwrap(), "{ half");
    }
}
