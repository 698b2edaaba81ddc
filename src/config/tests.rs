//! The configuration, seen through the loader: files, variables and flags in; a meaning or an error out.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;

use super::keys::{KEYS, Shape};
use super::meaning::literal;
use super::secret::read_secret;
use super::*;

mod manual;
mod order;
mod refusals;

/// A home, a system file, and variables.
struct Machine {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            dir: tempfile::Builder::new().prefix("tc").tempdir().expect("a directory"),
            variables: BTreeMap::new(),
        };
        let home = machine.path("home").display().to_string();
        machine.var("HOME", &home)
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }
    fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
        self
    }
    fn user_file(self, content: impl AsRef<[u8]>) -> Self {
        self.file("home/.config/telecoder/config.toml", content)
    }
    fn load(&self) -> Result<Config> {
        self.load_with(&Overrides::default())
    }
    fn load_with(&self, overrides: &Overrides) -> Result<Config> {
        let env = Environment::new(self.variables.clone(), self.path("cwd"), self.path("etc/config.toml"));
        Config::load_in(overrides, &env)
    }
}

#[track_caller]
fn refused(machine: &Machine, mentions: &[&str]) {
    let fault = machine.load().expect_err("refused");
    assert_eq!(fault.kind, Kind::Config, "{fault:?}");
    let words = format!("{} {}", fault.message, fault.hint.unwrap_or_default());
    for mention in mentions {
        assert!(words.contains(mention), "`{words}` does not mention `{mention}`");
    }
}

/// One faulty line in the user's file, below two good ones.
#[track_caller]
fn check_refused(line: &str, mentions: &[&str]) {
    let machine = Machine::new().user_file(format!("# first\nmax_active_sessions = 3\n{line}\n"));
    refused(&machine, mentions);
}

/// A line in the user's file that is taken.
#[track_caller]
fn taken(text: &str) -> Config {
    Machine::new().user_file(text).load().expect("taken")
}

const TELEGRAM: &str = "[telegram]\ntoken_file = \"token\"\n";

#[test]
fn without_anything_every_key_has_its_default() {
    let machine = Machine::new();
    let config = machine.load().expect("loaded");
    assert_eq!(config.file, None);
    assert_eq!(config.data_dir, machine.path("home/.telecoder"));
    assert_eq!(config.default_agent, "auto");
    assert_eq!(config.default_policy, Policy::Ask);
    assert_eq!(config.max_active_sessions, 16);
    assert!(config.agents.is_empty() && config.telegram.is_none());
    assert_eq!((config.tmux.path.as_str(), config.tmux.history_lines), ("tmux", 2000));
    let limits = config.limits;
    assert_eq!((limits.prompt_bytes, limits.letter_bytes), (1 << 20, 256 << 10));
    assert_eq!(
        (limits.file_bytes, limits.letters_max, limits.log_bytes),
        (50_000_000, 10_000, 4 << 20)
    );
    assert_eq!(
        (config.log.level.as_str(), config.log.format),
        ("info", LogFormat::Text)
    );

    let telegram = taken(TELEGRAM).telegram.expect("a channel");
    assert_eq!(telegram.poll_timeout, Duration::from_secs(50));
    assert!(telegram.allow.is_empty() && telegram.api_url.is_none() && telegram.home_chat.is_none());
    let agent = &taken("[agents.mine]\n").agents["mine"];
    assert_eq!((agent.kind.as_str(), agent.evidence), ("mine", Evidence::None));
    assert!(agent.command.is_none() && agent.args.is_empty() && agent.pass_env.is_empty());
}

// Texts and paths.

#[test]
fn variables_expand_in_the_file() {
    let machine = Machine::new()
        .user_file("data_dir = \"/srv/${WHO}/x\"\n[agents.mine]\nargs = [\"${WHO}${WHO}\", \"$${WHO} $WHO $\", \"${EMPTY}\"]\n")
        .var("WHO", "${HOME}")
        .var("EMPTY", "");
    let config = machine.load().expect("loaded");
    assert_eq!(
        config.data_dir,
        Path::new("/srv/${HOME}/x"),
        "what came from a variable is not expanded again"
    );
    assert_eq!(config.agents["mine"].args, ["${HOME}${HOME}", "${WHO} $WHO $", ""]);
    check_refused(
        "[agents.mine]\nargs = [\"${NO_SUCH}\"]",
        &["config.toml:4", "`NO_SUCH`, which is not set"],
    );
    check_refused("default_agent = \"${OPEN\"", &["config.toml:3", "without `}`"]);
}

#[test]
fn paths_are_relative_to_the_file_or_the_home() {
    let text = "data_dir = \"~/d\"\n[tmux]\npath = \"./bin/tmux\"\n[telegram]\ntoken_file = \"../token\"\n\
                [agents.mine]\ncommand = \"~/bin/agent\"\nenv_file = \"keys\"\n[agents.two]\ncommand = \"agent\"\n";
    let machine = Machine::new().user_file(text);
    let config = machine.load().expect("loaded");
    let here = machine.path("home/.config/telecoder");
    assert_eq!(config.data_dir, machine.path("home/d"));
    assert_eq!(config.tmux.path, here.join("bin/tmux").display().to_string());
    assert_eq!(config.telegram.expect("a channel").token_file, here.join("../token"));
    assert_eq!(
        config.agents["mine"].command,
        Some(machine.path("home/bin/agent").display().to_string())
    );
    assert_eq!(config.agents["mine"].env_file, Some(here.join("keys")));
    assert_eq!(config.agents["two"].command.as_deref(), Some("agent"), "left for PATH");

    check_refused("data_dir = \"~other/x\"", &["config.toml:3", "only `~`"]);
    check_refused("data_dir = \"\"", &["config.toml:3", "is empty"]);
    let homeless = Machine::new().var("HOME", "");
    refused(&homeless, &["HOME is not set", "--data-dir"]);
}

#[test]
fn credentials_are_found_where_systemd_puts_them() {
    let text = "[telegram]\ntoken_file = \"cred:telegram\"\n";
    let machine = Machine::new().user_file(text);
    let telegram = machine
        .load()
        .expect("a client needs no secrets")
        .telegram
        .expect("a channel");
    let missing = read_secret(&telegram.token_file, None).expect_err("no credentials here");
    assert!(missing.message.contains("cred:telegram"), "{missing}");
    assert!(missing.hint.expect("advice").contains("LoadCredential=telegram"));
    let machine = machine.var("CREDENTIALS_DIRECTORY", "/run/credentials/telecoder.service");
    let telegram = machine.load().expect("loaded").telegram.expect("a channel");
    assert_eq!(
        telegram.token_file,
        Path::new("/run/credentials/telecoder.service/telegram")
    );
    for bad in ["cred:", "cred:../x", "cred:a/b", "cred:."] {
        let text = format!("[telegram]\ntoken_file = \"{bad}\"\n");
        let machine = Machine::new().user_file(text).var("CREDENTIALS_DIRECTORY", "/run/x");
        refused(&machine, &["config.toml:2", "the name of one credential"]);
    }
}

#[test]
fn a_data_directory_must_leave_room_for_its_sockets() {
    let of_length = |bytes: usize| {
        let dir = format!("/{}", "d".repeat(bytes - "/tmux/sock".len() - 1));
        Machine::new().var("TELECODER_DATA_DIR", &dir).load()
    };
    assert!(of_length(100).is_ok());
    let fault = of_length(101).expect_err("too long");
    assert_eq!(fault.kind, Kind::Usage);
    assert!(fault.message.contains("/tmux/sock has 101 bytes"), "{}", fault.message);
}

#[test]
fn a_token_is_read_from_a_file_of_its_owner_only() {
    let machine = Machine::new().file("token", "123:abc\n");
    let file = machine.path("token");
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("set");
    let read = |credentials: Option<&Path>| read_secret(&file, credentials);
    for open in [0o640, 0o604, 0o620, 0o644] {
        mode(open);
        let fault = read(None).expect_err("open to others");
        assert!(fault.message.contains("others can read it"), "{fault}");
        assert!(fault.hint.expect("advice").contains("chmod 600"));
        assert!(!fault.message.contains("abc"));
    }
    mode(0o440);
    assert!(read(Some(machine.dir.path())).is_ok(), "systemd guards its credentials");
    assert!(read(Some(Path::new("/run/credentials"))).is_err());
    mode(0o600);
    assert_eq!(read(None).expect("read").expose_secret(), "123:abc");
    for (content, why) in [
        ("", "empty"),
        (" \n", "empty"),
        ("two words", "something else"),
        ("a\nb", "something else"),
    ] {
        std::fs::write(&file, content).expect("written");
        let fault = read(None).expect_err("no token");
        assert!(fault.message.contains(why) && fault.kind == Kind::Config, "{fault}");
    }
    std::fs::write(&file, "x".repeat(5000)).expect("written");
    assert!(read(None).expect_err("too long").message.contains("something else"));
    let missing = read_secret(&machine.path("none"), None).expect_err("missing");
    assert!(missing.message.contains("none"), "{missing}");
    assert!(
        read_secret(machine.dir.path(), None)
            .expect_err("a folder")
            .message
            .contains("regular file")
    );
}
