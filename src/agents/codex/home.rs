//! Codex's own directory (`CODEX_HOME`): what we read there. Nothing is written.

use std::path::{Path, PathBuf};

use crate::domain::agent::Login;

pub const VARIABLE: &str = "CODEX_HOME";

/// `$CODEX_HOME`, else `~/.codex`. `given` is what the launch sets, `None` where it sets nothing.
pub fn find(given: Option<&str>, user_home: Option<&Path>) -> PathBuf {
    match given.filter(|given| !given.is_empty()) {
        Some(given) => PathBuf::from(given),
        None => user_home.unwrap_or(Path::new("/")).join(".codex"),
    }
}

/// The person's own settings. A file that cannot be read counts as empty: Codex itself will say what is wrong with it.
pub fn settings(home: &Path) -> toml::Table {
    std::fs::read_to_string(home.join("config.toml"))
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// The person's own standing instructions, which ours are added to.
pub fn instructions(settings: &toml::Table) -> Option<&str> {
    settings.get("developer_instructions")?.as_str()
}

/// Whether the person said that this directory is not trusted: of it or, where it says nothing, of the nearest one above it or of the
/// repository that it is a working tree of.
pub fn distrusts(settings: &toml::Table, dir: &Path) -> bool {
    let projects = settings.get("projects").and_then(toml::Value::as_table);
    let level = |dir: &Path| projects?.get(dir.to_str()?)?.get("trust_level")?.as_str();
    let main = main_checkout(dir);
    let said = dir.ancestors().chain(main.as_deref()).find_map(level);
    said == Some("untrusted")
}

/// The checkout of which `dir` is a further working tree: git writes its place into a file there.
fn main_checkout(dir: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(dir.join(".git")).ok()?;
    let place = Path::new(text.strip_prefix("gitdir:")?.trim());
    let git = place.ancestors().find(|place| place.ends_with(".git"))?;
    Some(git.parent()?.to_owned())
}

/// Whether there is a stored login, or the key of the provider that the person has set up. `has` tells of a variable.
pub fn login(home: &Path, settings: &toml::Table, has: &dyn Fn(&str) -> bool) -> Login {
    let text = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let provider = text(settings, "model_provider").and_then(|name| {
        let providers = settings.get("model_providers")?.as_table()?;
        providers.get(&name)?.as_table()
    });
    if let Some(variable) = provider.and_then(|provider| text(provider, "env_key")) {
        return if has(&variable) { Login::Present } else { Login::Missing };
    }
    if home.join("auth.json").exists() {
        return Login::Present;
    }
    let elsewhere = provider.is_some() || text(settings, "cli_auth_credentials_store").is_some_and(|s| s != "file");
    if elsewhere { Login::Unknown } else { Login::Missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_a_file_or_the_key_of_the_provider() {
        let home = tempfile::tempdir().unwrap();
        let told =
            |settings: &str, has: bool| login(home.path(), &settings.parse().unwrap(), &|name| has && name == "A_KEY");
        let own = "model_provider = \"mine\"\n[model_providers.mine]\nenv_key = \"A_KEY\"\n";
        assert_eq!(told(own, true), Login::Present);
        assert_eq!(told(own, false), Login::Missing);
        assert_eq!(told("", false), Login::Missing);
        assert_eq!(told("cli_auth_credentials_store = \"keyring\"", false), Login::Unknown);
        std::fs::write(home.path().join("auth.json"), "{}").unwrap();
        assert_eq!(told("", false), Login::Present);
        assert_eq!(told(own, false), Login::Missing);
    }

    #[test]
    fn what_the_person_does_not_trust_is_known() {
        let settings = |level: &str| {
            format!("[projects.\"/repo\"]\ntrust_level = \"{level}\"\n")
                .parse()
                .unwrap()
        };
        let (untrusted, trusted) = (settings("untrusted"), settings("trusted"));
        assert!(distrusts(&untrusted, Path::new("/repo")) && distrusts(&untrusted, Path::new("/repo/sub")));
        assert!(!distrusts(&untrusted, Path::new("/other")) && !distrusts(&trusted, Path::new("/repo")));
        assert!(!distrusts(&toml::Table::new(), Path::new("/repo")));
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join(".git"), "gitdir: /repo/.git/worktrees/tree\n").unwrap();
        assert!(distrusts(&untrusted, tree.path()));
    }

    #[test]
    fn the_home_is_named_or_usual() {
        assert_eq!(find(Some("/x"), Some(Path::new("/root"))), Path::new("/x"));
        assert_eq!(find(None, Some(Path::new("/root"))), Path::new("/root/.codex"));
        assert!(settings(Path::new("/nonexistent")).is_empty());
    }
}
