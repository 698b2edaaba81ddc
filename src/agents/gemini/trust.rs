//! What the person has said of folders that are not to be trusted: heeded, though a session's own launch trusts its workspace.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{home, unreadable};
use crate::agents::{LaunchContext, jsonc};
use crate::domain::fault::{Fault, Kind, Result};

const FILE: &str = "trustedFolders.json";
/// Names the file, where the person keeps it elsewhere.
const FILE_VARIABLE: &str = "GEMINI_CLI_TRUSTED_FOLDERS_PATH";
const DISTRUST: &str = "DO_NOT_TRUST";
/// Speaks of the folder above.
const PARENT: &str = "TRUST_PARENT";

/// Refuses a workspace that the person does not trust, or that is a clone of such a repository. Without trust the program runs no
/// hooks, and so it cannot be a session there.
pub fn check(context: &LaunchContext<'_>) -> Result<()> {
    let Some(user) = home::user_dir() else { return Ok(()) };
    if !asks_for_trust(&home::settings_of(&user)?) {
        return Ok(());
    }
    let named = std::env::var_os(FILE_VARIABLE).filter(|value| !value.is_empty());
    let file = named.map_or_else(|| user.join(FILE), PathBuf::from);
    check_places(&file, places(context))
}

/// The repository, and the workspace where that is the person's own folder. One of the session's own is nobody's but TeleCoder's: what
/// the person says of their home is not meant for it.
fn places<'a>(context: &LaunchContext<'a>) -> impl Iterator<Item = &'a Path> {
    let theirs = Some(context.work_dir).filter(|work_dir| !work_dir.starts_with(context.session_dir));
    context.repository.into_iter().chain(theirs)
}

/// The person may have switched the program's question about folders off; then it heeds no mark either.
fn asks_for_trust(settings: &Map<String, Value>) -> bool {
    let switch = Value::Object(settings.clone());
    switch.pointer("/security/folderTrust/enabled") != Some(&Value::Bool(false))
}

fn check_places<'a>(file: &Path, mut places: impl Iterator<Item = &'a Path>) -> Result<()> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(file, &error)),
    };
    let Some(Value::Object(marks)) = jsonc::parse(&text) else {
        return Err(
            Fault::new(Kind::Config, format!("{} is not a JSON object", file.display()))
                .hint("Repair the file: it says which folders Gemini CLI is not to trust."),
        );
    };
    let distrusted = |place: &&Path| mark_of(&marks, place) == Some(DISTRUST);
    match places.find(distrusted) {
        None => Ok(()),
        Some(place) => Err(Fault::new(
            Kind::NotPermitted,
            format!("{} marks {} as not trusted", file.display(), place.display()),
        )
        .hint(
            "Gemini CLI runs no hooks there, so it cannot be a session. If you trust that folder, start `gemini` in it and say \
             `/permissions`; else take another agent.",
        )),
    }
}

/// What the file says of a folder: the longest of the paths that it lies in has the word.
fn mark_of<'a>(marks: &'a Map<String, Value>, place: &Path) -> Option<&'a str> {
    let place = real(place);
    let holding = marks.iter().filter_map(|(path, mark)| {
        let mark = mark.as_str()?;
        let own = Path::new(path);
        let folder = if mark == PARENT {
            own.parent().unwrap_or(own)
        } else {
            own
        };
        place.starts_with(real(folder)).then_some((path.len(), mark))
    });
    holding.max_by_key(|(length, _)| *length).map(|(_, mark)| mark)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_has_the_word() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let refused = |text: &str, place: &str| {
            std::fs::write(&file, text).unwrap();
            check_places(&file, [Path::new(place)].into_iter())
                .err()
                .map(|fault| fault.kind)
        };
        let distrusts = Some(Kind::NotPermitted);
        let marks = r#"{
            // The person's own words.
            "/their": "DO_NOT_TRUST", "/their/good": "TRUST_FOLDER", "/their/other/one": "TRUST_PARENT", "/free": "TRUST_FOLDER"
        }"#;
        for (place, expected) in [
            ("/their", distrusts),
            ("/their/repo", distrusts),
            ("/theirs", None),
            ("/their/good/deep", None),
            ("/their/other/two", None),
            ("/free", None),
            ("/elsewhere", None),
        ] {
            assert_eq!(refused(marks, place), expected, "{place}");
        }
        assert_eq!(refused("no JSON", "/free"), Some(Kind::Config));
        let gone = dir.path().join("gone");
        assert!(check_places(&gone, [Path::new("/their")].into_iter()).is_ok());
    }

    #[test]
    fn a_question_that_is_switched_off_leaves_no_mark() {
        let settings = |text: &str| match jsonc::parse(text) {
            Some(Value::Object(settings)) => settings,
            other => panic!("{other:?}"),
        };
        assert!(asks_for_trust(&settings("{}")));
        assert!(asks_for_trust(&settings(
            r#"{"security": {"folderTrust": {"enabled": true}}}"#
        )));
        assert!(!asks_for_trust(&settings(
            r#"{"security": {"folderTrust": {"enabled": false}}}"#
        )));
    }
}
