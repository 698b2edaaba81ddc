//! The launch directory, by its files and by running its script.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::*;

struct Fixture {
    tmp: tempfile::TempDir,
    dir: LaunchDir,
    session: SessionId,
    name: SessionName,
}

impl Fixture {
    fn new() -> Self {
        let tmp = tempfile::tempdir().expect("temp dir");
        Self {
            dir: LaunchDir::new(tmp.path().join("it's a $(dir)").join("1")),
            tmp,
            session: SessionId::from_random(1),
            name: "tidy".parse().expect("a name"),
        }
    }

    fn prepare(&self, spec: &LaunchSpec) -> Result<()> {
        let root = self.tmp.path();
        let context = ScriptContext {
            session: &self.session,
            name: &self.name,
            launch: LaunchNo(1),
            work_dir: &root.join("work dir"),
            bin_dir: &root.join("bin"),
            agents_md: &root.join("agents.md"),
        };
        std::fs::create_dir_all(root.join("work dir")).expect("mkdir");
        std::fs::create_dir_all(root.join("bin")).expect("mkdir");
        prepare(&self.dir, &context, spec)
    }
}

fn spec(argv: &[&str]) -> LaunchSpec {
    LaunchSpec {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::new(),
        secret_env: BTreeMap::new(),
        files: Vec::new(),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("exists").permissions().mode() & 0o777
}

#[test]
fn everything_is_there_and_for_its_owner_only() {
    let fixture = Fixture::new();
    let mut spec = spec(&["agent"]);
    spec.secret_env.insert("KEY".into(), "canary".into());
    let path = PathBuf::from("settings/hooks.json");
    let content = "{}".to_owned();
    spec.files.push(LaunchFile { path, content });
    for _ in 0..2 {
        // The second time is the one after a crash.
        fixture.prepare(&spec).expect("prepared");
    }
    let dir = &fixture.dir;
    let file = dir.path().join("settings/hooks.json");
    let (new, answers) = (dir.mail().join("new"), dir.mail().join("answers"));
    let expected = [
        (dir.path().to_owned(), 0o700),
        (dir.run_sh(), 0o700),
        (dir.env_file(), 0o600),
        (dir.launch_json(), 0o600),
        (dir.ctl(), 0o700),
        (new, 0o700),
        (answers, 0o700),
        (file, 0o600),
    ];
    for (path, wanted) in expected {
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
    for file in [dir.run_sh(), dir.launch_json()] {
        let text = std::fs::read_to_string(file).expect("text");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn the_script_reads_like_something_a_person_wrote() {
    let fixture = Fixture::new();
    fixture
        .prepare(&spec(&["agent", "--resume", "it's"]))
        .expect("prepared");
    let script = std::fs::read_to_string(fixture.dir.run_sh()).expect("text");
    let script = script.replace(&fixture.tmp.path().display().to_string(), "/data");
    insta::assert_snapshot!(script);
}

/// The shell gives the shim exactly the words, and the agent exactly the values, whatever is in them.
#[test]
fn every_value_comes_through_the_shell_unchanged() {
    let fixture = Fixture::new();
    let odd = "a'b\"c $HOME `id` \\ #{pid} ;&|\n\t*é -- !x";
    let mut spec = spec(&["agent", "--", "-n", "", odd]);
    spec.env.insert("PLAIN".into(), odd.into());
    spec.secret_env.insert("SECRET".into(), odd.into());
    fixture.prepare(&spec).expect("prepared");
    // In the shim's place: a script that shows what it was given.
    let shim = fixture.tmp.path().join("bin/telecoder");
    let show = "#!/bin/sh\nprintf '%s\\0' \"$@\" \"$PLAIN\" \"$SECRET\" \"$PWD\" \"$TELECODER_MAILBOX\" \"${TMUX-unset}\" \"$PATH\"\n";
    std::fs::write(&shim, show).expect("write");
    std::fs::set_permissions(&shim, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let run = Command::new(fixture.dir.run_sh())
        .env("TMUX", "/tmp/x,1,0")
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("runs");
    let out = String::from_utf8(run.stdout).expect("utf-8");
    let root = fixture.tmp.path().display().to_string();
    let launch = fixture.dir.path().display().to_string();
    let expected = [
        "shim",
        "--launch-dir",
        &launch,
        "--",
        "agent",
        "--",
        "-n",
        "",
        odd,
        odd,
        odd,
        &format!("{root}/work dir"),
        &format!("{launch}/mail"),
        "unset",
        &format!("{root}/bin:/usr/bin:/bin"),
        "",
    ];
    assert_eq!(out.split('\0').collect::<Vec<_>>(), expected);
    assert_eq!(String::from_utf8_lossy(&run.stderr), "");
}

#[test]
fn what_cannot_be_written_down_is_refused_before_anything_is_made() {
    let refused = |spec: &LaunchSpec| {
        let fixture = Fixture::new();
        let fault = fixture.prepare(spec).expect_err("refused");
        assert!(!fixture.dir.path().exists());
        fault
    };
    let file = |path: &str| LaunchSpec {
        files: vec![LaunchFile {
            path: path.into(),
            content: String::new(),
        }],
        ..spec(&["agent"])
    };
    for path in [
        "../x",
        "/etc/x",
        "ctl/exit.json",
        "run.sh",
        "mail/new/x",
        "",
        "a/../../x",
    ] {
        assert_eq!(refused(&file(path)).kind, Kind::Config, "{path}");
    }
    assert_eq!(refused(&spec(&[])).kind, Kind::Config);
    assert_eq!(refused(&spec(&["a\0b"])).kind, Kind::Config);
    let mut named = spec(&["agent"]);
    named.secret_env.insert("A;rm".into(), "canary".into());
    let fault = refused(&named);
    assert!(!format!("{fault:?}").contains("canary"));
}
