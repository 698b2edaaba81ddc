//! The command line per policy word.

use std::path::{Path, PathBuf};

use super::*;
use crate::domain::ids::{LaunchNo, SessionId, SessionName};

struct Place {
    dir: tempfile::TempDir,
    session: SessionId,
    name: SessionName,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        std::fs::write(dir.path().join("agents.md"), "Say \"done\".\n").unwrap();
        Self {
            dir,
            session: "abcdefghij23".parse().unwrap(),
            name: "fix-login".parse().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arguments(&self, policy: Policy, resume: Option<&str>, fork_of: Option<&str>) -> Vec<String> {
        self.arguments_of("developer_instructions = \"Be kind.\"\n", policy, resume, fork_of)
    }

    /// For a person with these settings.
    fn arguments_of(&self, own: &str, policy: Policy, resume: Option<&str>, fork_of: Option<&str>) -> Vec<String> {
        let repository = Path::new("/their/repo");
        let (work, mail, agents_md) = (self.path("work"), self.path("mail"), self.path("agents.md"));
        let context = LaunchContext {
            session: &self.session,
            name: &self.name,
            launch: LaunchNo(2),
            policy,
            work_dir: &work,
            repository: Some(repository),
            session_dir: self.dir.path(),
            launch_dir: self.dir.path(),
            mailbox: &mail,
            data_dir: self.dir.path(),
            agents_md: &agents_md,
            telecoder: Path::new("/d/bin/telecoder"),
            resume,
            fork_of,
        };
        arguments(&context, &own.parse().unwrap()).unwrap()
    }
}

/// What `-c` sets, as one TOML document.
fn settings(arguments: &[String]) -> toml::Table {
    let pairs = arguments.windows(2).filter(|pair| pair[0] == "-c");
    let lines: Vec<&str> = pairs.map(|pair| pair[1].as_str()).collect();
    lines.join("\n").parse().expect("TOML")
}

#[test]
fn a_policy_word_becomes_codexs_own() {
    let place = Place::new();
    let mail = place.path("mail").display().to_string();
    let of = |policy| place.arguments(policy, None, None);
    let has = |arguments: &[String], wanted: &str| arguments.join(" ").contains(wanted);
    for policy in Policy::ALL {
        assert!(has(&of(policy), "--no-daemon"));
        assert!(!has(&of(policy), "dangerously"));
    }
    assert!(has(
        &of(Policy::Ask),
        &format!("-a on-request -s workspace-write --add-dir {mail}")
    ));
    assert!(has(&of(Policy::Standard), "-a on-request -s workspace-write"));
    assert!(has(&of(Policy::Yolo), "-a never -s danger-full-access"));
    assert!(has(&of(Policy::Locked), "-a never -s read-only"));
    assert_eq!(
        settings(&of(Policy::Locked))["features"]["shell_tool"].as_bool(),
        Some(false)
    );
    let observe = settings(&of(Policy::Observe));
    let places = observe["permissions"][OBSERVER]["filesystem"].as_table().unwrap();
    assert_eq!(places[":root"].as_str(), Some("read"));
    assert_eq!(places[&mail].as_str(), Some("write"));
    assert_eq!(places.len(), 2);
}

#[test]
fn instructions_are_added_to_the_persons_own() {
    let place = Place::new();
    let told = |policy| {
        let settings = settings(&place.arguments(policy, None, None));
        settings["developer_instructions"].as_str().unwrap().to_owned()
    };
    assert_eq!(told(Policy::Yolo), "Be kind.\n\nSay \"done\".");
    assert!(told(Policy::Ask).contains("uncommitted work counts"));
    assert!(told(Policy::Locked).contains("last message"));
}

#[test]
fn a_folder_with_settings_of_its_own_is_not_trusted_by_us() {
    let place = Place::new();
    let work = place.path("work").canonicalize().unwrap().display().to_string();
    let trusted = settings(&place.arguments(Policy::Ask, None, None));
    assert_eq!(trusted["projects"][&work]["trust_level"].as_str(), Some("trusted"));
    let settings_of_its_own = place.path("work/.codex");
    let is_ours = || settings(&place.arguments(Policy::Ask, None, None)).contains_key("projects");
    std::os::unix::fs::symlink(place.path("empty"), &settings_of_its_own).unwrap();
    assert!(!is_ours());
    std::fs::create_dir(place.path("empty")).unwrap();
    assert!(!is_ours());
    std::fs::remove_file(&settings_of_its_own).unwrap();
    std::fs::create_dir(&settings_of_its_own).unwrap();
    assert!(is_ours(), "a killed sandbox leaves an empty one");
    std::fs::write(settings_of_its_own.join("config.toml"), "").unwrap();
    assert!(!is_ours());
}

#[test]
fn what_the_person_does_not_trust_stays_so() {
    let place = Place::new();
    let work = place.path("work").canonicalize().unwrap().display().to_string();
    let becomes = |of: &str, level: &str| {
        let own = format!("[projects.{}]\ntrust_level = \"{level}\"\n", quoted(of));
        let set = settings(&place.arguments_of(&own, Policy::Ask, None, None));
        set["projects"][&work]["trust_level"].as_str().map(str::to_owned)
    };
    // The workspace, the repository that it is a clone of, and what that lies in.
    for of in [&work, "/their/repo", "/their"] {
        for level in ["trusted", "untrusted"] {
            assert_eq!(becomes(of, level).as_deref(), Some(level), "{of}");
        }
    }
    std::fs::create_dir(place.path("work/.codex")).unwrap();
    std::fs::write(place.path("work/.codex/config.toml"), "").unwrap();
    assert_eq!(becomes("/their/repo", "untrusted").as_deref(), Some("untrusted"));
}

#[test]
fn what_notify_needs_gets_through() {
    let set = settings(&Place::new().arguments(Policy::Ask, None, None));
    let set = set["shell_environment_policy"]["set"].as_table().unwrap();
    assert_eq!(set["TELECODER_LAUNCH"].as_str(), Some("2"));
    assert_eq!(set["TELECODER_NATIVE_ID_VAR"].as_str(), Some("CODEX_THREAD_ID"));
}

#[test]
fn a_resume_and_a_fork_name_the_conversation() {
    let place = Place::new();
    assert_eq!(
        place.arguments(Policy::Ask, Some("u"), None)[..3],
        ["resume", "u", "--no-daemon"]
    );
    assert_eq!(place.arguments(Policy::Ask, None, Some("u"))[..2], ["fork", "u"]);
    assert_eq!(place.arguments(Policy::Ask, None, None)[0], "--no-daemon");
}

#[test]
fn a_text_becomes_one_toml_string() {
    for text in ["a\n\"b\" \\ ''' é", "\u{1}\u{7f}"] {
        let table: toml::Table = format!("x={}", quoted(text)).parse().unwrap();
        assert_eq!(table["x"].as_str(), Some(text));
    }
}
