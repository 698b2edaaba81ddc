//! The configuration, seen through the loader: files, variables and flags in; a meaning or an error out.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;

use super::keys::{KEYS, Shape};
use super::meaning::literal;
use super::secret::read_secret;
use super::*;

const MANUAL: &str = include_str!("../../config.example.toml");

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

// The manual.

/// The manual with every key set, as a table.
fn manual() -> (String, toml::Table) {
    let text: String = MANUAL
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| !c.is_whitespace()) => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let table = toml::from_str(&text).expect("the manual is TOML");
    (text, table)
}

fn in_manual<'t>(table: &'t toml::Table, key: &keys::Key) -> Option<&'t toml::Value> {
    match key.table {
        "" => table.get(key.name),
        keys::AGENTS => table[keys::AGENTS]["mine"].get(key.name),
        inner => table[inner].get(key.name),
    }
}

#[test]
fn the_manual_as_it_is_changes_nothing() {
    assert!(toml::from_str::<toml::Table>(MANUAL).expect("TOML").is_empty());
}

#[test]
fn the_manual_shows_every_key_and_its_default() {
    let (_, table) = manual();
    for key in KEYS {
        let shown = in_manual(&table, key).unwrap_or_else(|| panic!("{}.{} is not in the manual", key.table, key.name));
        if let Some(default) = key.default {
            let default = literal(default).expect("TOML");
            assert_eq!(*shown, default, "{}.{}", key.table, key.name);
        }
    }
}

/// The text above a key says what cannot be seen in its value: that it is only an example, and the limits of a number.
#[test]
fn the_manual_explains_examples_and_limits() {
    let mut explained = 0;
    let mut about = String::new();
    let mut table = "";
    for line in MANUAL.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            about.push_str(text);
            about.push(' ');
            continue;
        }
        let typed = line.strip_prefix('#');
        if let Some(named) = typed.and_then(|line| line.strip_prefix('[')?.strip_suffix(']')) {
            table = named.split('.').next().unwrap_or_default();
        }
        let assigned = typed.and_then(|line| line.split_once(" = "));
        if let Some(key) = assigned.and_then(|(name, _)| keys::find(table, name)) {
            explained += 1;
            assert_eq!(
                key.default.is_none(),
                about.contains("This is an example."),
                "{}",
                key.name
            );
            if let Shape::Integer { min, max } = key.shape {
                assert!(about.contains(&format!("{min} to {max}")), "{}: {about}", key.name);
            }
        }
        about.clear();
    }
    assert_eq!(explained, KEYS.len());
}

#[test]
fn the_manual_with_every_key_set_is_taken() {
    let (text, table) = manual();
    let machine = Machine::new()
        .user_file(&text)
        .var("CREDENTIALS_DIRECTORY", "/run/credentials");
    let config = machine.load().expect("no key of it is extra");
    assert_eq!(config.agents["mine"].command.as_deref(), Some("my-agent"));
    assert_eq!(
        config.telegram.expect("a channel").token_file,
        Path::new("/run/credentials/telegram")
    );
    // What serde knows and the list of keys does not would be a key that nobody can type.
    let raw: file::RawConfig = table.try_into().expect("typed");
    let raw = serde_json::to_value(raw).expect("JSON");
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (name, value) in raw.as_object().expect("an object") {
        let inner = if name == keys::AGENTS { &value["mine"] } else { value };
        match inner.as_object() {
            Some(inner) => known.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            None => drop(known.insert(format!(".{name}"))),
        }
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|key| format!("{}.{}", key.table, key.name)).collect();
    assert_eq!(known, listed);
}

// Where the file is, and what is stronger.

#[test]
fn the_first_file_in_the_order_is_read() {
    let count = |machine: &Machine, overrides: &Overrides| machine.load_with(overrides).map(|c| c.max_active_sessions);
    let none = Overrides::default();
    let machine = Machine::new().file("etc/config.toml", "max_active_sessions = 1");
    assert_eq!(count(&machine, &none), Ok(1));
    let machine = machine.user_file("max_active_sessions = 2");
    assert_eq!(count(&machine, &none), Ok(2));
    let xdg = machine.path("xdg").display().to_string();
    let machine = machine
        .file("xdg/telecoder/config.toml", "max_active_sessions = 3")
        .var("XDG_CONFIG_HOME", "relative is ignored");
    assert_eq!(count(&machine, &none), Ok(2));
    let machine = machine.var("XDG_CONFIG_HOME", &xdg);
    assert_eq!(count(&machine, &none), Ok(3));
    let machine = machine
        .file("cwd/four.toml", "max_active_sessions = 4")
        .var("TELECODER_CONFIG", "four.toml");
    assert_eq!(count(&machine, &none), Ok(4));
    let machine = machine.file("five.toml", "max_active_sessions = 5");
    let flag = Overrides {
        config: Some(machine.path("five.toml")),
        data_dir: None,
    };
    assert_eq!(count(&machine, &flag), Ok(5));
    assert_eq!(
        machine.load_with(&flag).expect("loaded").file,
        Some(machine.path("five.toml"))
    );

    let missing = Machine::new().var("TELECODER_CONFIG", "/nowhere/c.toml");
    refused(&missing, &["/nowhere/c.toml", "no such file"]);
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let machine = Machine::new().user_file("data_dir = \"/srv/file\"\n");
    assert_eq!(machine.load().expect("loaded").data_dir, Path::new("/srv/file"));
    let machine = machine.var("TELECODER_DATA_DIR", "/srv/env");
    assert_eq!(machine.load().expect("loaded").data_dir, Path::new("/srv/env"));
    let flag = Overrides {
        data_dir: Some("flag/./dir".into()),
        config: None,
    };
    assert_eq!(
        machine.load_with(&flag).expect("loaded").data_dir,
        machine.path("cwd/flag/dir")
    );
}

#[test]
fn every_key_has_its_variable() {
    for key in KEYS {
        let variable = match key.table {
            "" => format!("TELECODER_{}", key.name.to_uppercase()),
            keys::AGENTS => format!("TELECODER_AGENTS__MINE__{}", key.name.to_uppercase()),
            table => format!("TELECODER_{}__{}", table.to_uppercase(), key.name.to_uppercase()),
        };
        let value = match (key.name, key.shape) {
            ("default_policy", _) => "standard",
            ("evidence", _) => "hook",
            ("level", _) => "debug",
            ("format", _) => "json",
            ("reply", _) => "both",
            ("after_loss", _) => "resume",
            ("auto", _) => "pr",
            ("kind", _) if key.table == "workspace" => "worktree",
            ("author", _) => "Somebody <somebody@example.invalid>",
            ("receipts", _) => "👍,👍,👍,👍,👍,👍",
            ("topics" | "rich" | "drafts", _) => "off",
            ("own_approval", _) => "refuse",
            ("transcribe_url", _) => "http://127.0.0.1:9",
            ("api_url", _) => "https://example.org",
            (_, Shape::Text) => "other",
            (_, Shape::Texts) => "A,B",
            (_, Shape::Id) => "-5",
            (_, Shape::Ids) => "1, -2",
            (_, Shape::Integer { max, .. }) => &max.to_string(),
        };
        let file = "[agents.mine]\nkind = \"x\"\n[telegram]\ntoken_file = \"t\"\n";
        let machine = Machine::new().user_file(file);
        let before = format!("{:?}", machine.load().expect("loaded"));
        let after = format!("{:?}", machine.var(&variable, value).load().expect("loaded"));
        // A key whose default is its maximum cannot show a change that way.
        let is_max = matches!(key.shape, Shape::Integer { max, .. } if key.default == Some(&max.to_string()));
        assert!(before != after || is_max, "{variable}={value} changes nothing");
    }
}

#[test]
fn lists_and_agents_of_the_environment() {
    let machine = Machine::new()
        .user_file("[agents.my-agent]\nkind = \"x\"\n")
        .var("TELECODER_AGENTS__MY_AGENT__ARGS", "[\"a,b\", \"c\"]")
        .var("TELECODER_AGENTS__OTHER__COMMAND", "/bin/other")
        .var("TELECODER_AGENT_THIRD_ONE_COMMAND", "third")
        .var("TELECODER_TELEGRAM__TOKEN_FILE", "token")
        .var("TELECODER_TELEGRAM__ALLOW", "1, -2");
    let config = machine.load().expect("loaded");
    assert_eq!(config.agents["my-agent"].args, ["a,b", "c"]);
    assert_eq!(config.agents["other"].command.as_deref(), Some("/bin/other"));
    assert_eq!(config.agents["third-one"].command.as_deref(), Some("third"));
    let telegram = config.telegram.expect("opened by the environment alone");
    assert_eq!(telegram.allow, [1, -2]);
    assert_eq!(
        telegram.token_file,
        machine.path("cwd/token"),
        "relative to where it was typed"
    );
}

#[test]
fn names_of_earlier_versions_are_weaker_than_todays() {
    let machine = Machine::new()
        .user_file("default_policy = \"locked\"")
        .var("TELECODER_POLICY_MODE", "observe")
        .var("TELECODER_CODING_AGENT", "mine")
        .var("TELECODER_DATA", "/srv/old");
    let config = machine.load().expect("loaded");
    assert_eq!(
        (config.default_policy, config.default_agent.as_str()),
        (Policy::Observe, "mine")
    );
    assert_eq!(config.data_dir, Path::new("/srv/old"));
    let machine = machine
        .var("TELECODER_DEFAULT_POLICY", "standard")
        .var("TELECODER_DATA_DIR", "/srv/new");
    let config = machine.load().expect("loaded");
    assert_eq!(
        (config.default_policy, config.data_dir.as_path()),
        (Policy::Standard, Path::new("/srv/new"))
    );
}

#[test]
fn variables_that_are_not_ours_are_left_alone() {
    let mut machine = Machine::new();
    for name in [
        "SESSION",
        "NAME",
        "LAUNCH",
        "MAILBOX",
        "AGENTS_MD",
        "FAILPOINT",
        "LOG",
        "SERVER",
        "TOKEN_FILE",
        "FANCY",
    ] {
        machine = machine.var(&format!("TELECODER_{name}"), "x");
    }
    let machine = machine.var("OTHER__KEY", "x").var("TELECODER_LIMITS__LOG_BYTES", "");
    assert!(machine.load().is_ok(), "an empty value is no value");
    for (variable, near) in [
        ("TELECODER_TELEGRAM__TOKEN_FIL", "`TELECODER_TELEGRAM__TOKEN_FILE`"),
        ("TELECODER_LIMIT__LOG_BYTES", "`TELECODER_LIMITS__LOG_BYTES`"),
        ("TELECODER_AGENTS__MINE__COMAND", "COMMAND`"),
        ("TELECODER_telegram__allow", "TELECODER_"),
    ] {
        refused(&Machine::new().var(variable, "x"), &[variable, "names no key", near]);
    }
    let machine = Machine::new().var("TELECODER_MAX_ACTIVE_SESSIONS", "many");
    refused(&machine, &["TELECODER_MAX_ACTIVE_SESSIONS", "a whole number"]);
    let machine = Machine::new().var("TELECODER_TELEGRAM__ALLOW", "1,@someone");
    refused(
        &machine,
        &["TELECODER_TELEGRAM__ALLOW", "numeric ids", "access.refused"],
    );
    let machine = Machine::new().var("TELECODER_MAX_ACTIVE_SESSIONS", "0");
    refused(&machine, &["TELECODER_MAX_ACTIVE_SESSIONS: ", "1 to 1000"]);
}

// What is refused.

#[test]
fn errors_name_file_line_and_the_nearest_key() {
    check_refused(
        "defualt_agent = \"x\"",
        &["config.toml:3:1", "unknown key `defualt_agent`", "`default_agent`"],
    );
    check_refused("[telegran]", &["config.toml:3:2", "`telegran`", "`telegram`"]);
    check_refused(
        "[telegram]\ntoken = \"123:abc\"",
        &["config.toml:4:1", "`telegram.token`", "`token_file`"],
    );
    check_refused(
        "[agents.mine]\ncomand = \"x\"",
        &["config.toml:4:1", "`agents.mine.comand`", "`command`"],
    );
    check_refused("[limits]\nzzz = 1", &["config.toml:4:1", "Known here: prompt_bytes"]);
    check_refused("default_agent = ", &["config.toml:3:1", "not TOML"]);
    check_refused("max_active_sessions = 4", &["config.toml:3:1", "not TOML", "duplicate"]);
    check_refused(
        "default_agent = 7",
        &["config.toml:3:17", "`default_agent` takes a text, not an integer"],
    );
    check_refused("agents = 7", &["config.toml:3:10", "takes a table"]);
    check_refused(
        "[limits]\nletters_max = \"10\"",
        &["config.toml:4:15", "a whole number, not the text \"10\""],
    );
    check_refused("[limits]\nletters_max = 1.5", &["a whole number, not a float"]);
    check_refused("[limits]\nletters_max = 99999999999999999999", &["config.toml:4:15"]);
    check_refused(
        "[agents.Mine]",
        &["config.toml:3:9", "`Mine` cannot be an agent's name", "a-z"],
    );
    let latin = Machine::new().user_file(b"# first\n# caf\xe9\n");
    refused(&latin, &["config.toml:2", "not UTF-8"]);
    let huge = Machine::new().user_file("#".repeat((1 << 20) + 1));
    refused(&huge, &["not a configuration"]);
}

#[test]
fn numbers_have_limits() {
    for key in KEYS {
        let Shape::Integer { min, max } = key.shape else {
            continue;
        };
        let table = match key.table {
            "" => String::new(),
            table => format!("[{table}]\n"),
        };
        let token = if key.table == "telegram" {
            "token_file = \"t\"\n"
        } else {
            ""
        };
        let with = |number: i64| Machine::new().user_file(format!("{table}{token}{} = {number}\n", key.name));
        for good in [min, max] {
            assert!(with(good).load().is_ok(), "{} = {good}", key.name);
        }
        for bad in [min - 1, max + 1, -1] {
            refused(
                &with(bad),
                &["config.toml:", key.name, &format!("is {bad}; it can be {min} to {max}")],
            );
        }
    }
}

#[test]
fn words_are_checked() {
    check_refused(
        "default_policy = \"asks\"",
        &["config.toml:3", "`default_policy` is `asks`", "Did you mean `ask`?"],
    );
    check_refused(
        "default_policy = \"yolo\"",
        &["config.toml:3", "never a default", "--policy yolo"],
    );
    check_refused(
        "default_agent = \"Not One\"",
        &["config.toml:3", "cannot be an agent's name"],
    );
    check_refused("[log]\nlevel = \"inof\"", &["config.toml:4", "Did you mean `info`?"]);
    check_refused("[log]\nlevel = \"telecoder=loud\"", &["config.toml:4", "`log.level`"]);
    check_refused("[log]\nformat = \"xml\"", &["config.toml:4", "text, json"]);
    check_refused(
        "[agents.mine]\nkind = \"custom\"",
        &["config.toml:3", "without `command`", "[agents.mine]"],
    );
    check_refused(
        "[agents.mine]\nevidence = \"hooks\"",
        &["config.toml:4", "Did you mean `hook`?"],
    );
    check_refused(
        "[agents.mine]\nready = \"(\"",
        &["config.toml:4", "not a regular expression"],
    );
    check_refused(
        "[agents.mine]\npass_env = [\"KEY=secret\"]",
        &["config.toml:4", "not the name of a variable", "env_file"],
    );
    check_refused("[tmux]\npath = \"\"", &["config.toml:4", "is empty"]);
    assert_eq!(
        taken("[log]\nlevel = \"warn,telecoder::store=debug\"").log.level,
        "warn,telecoder::store=debug"
    );
}

#[test]
fn only_numeric_ids_are_let_in() {
    let config = taken(&format!("{TELEGRAM}allow = [5, -100123]\nhome_chat = -100123\n"));
    let telegram = config.telegram.expect("a channel");
    assert_eq!(
        (telegram.allow, telegram.home_chat),
        (vec![5, -100_123], Some(-100_123))
    );
    let line = |rest: &str| format!("{TELEGRAM}{rest}");
    check_refused(
        &line("allow = [5, \"@someone\"]"),
        &[
            "config.toml:5:13",
            "a numeric id, not the text \"@someone\"",
            "change owners",
        ],
    );
    check_refused(&line("allow = \"5\""), &["config.toml:5", "a list of numeric ids"]);
    check_refused(&line("home_chat = \"@room\""), &["config.toml:5", "a numeric id"]);
    check_refused(&line("allow = [0]"), &["config.toml:5", "nobody's id"]);
    check_refused("[telegram]\nallow = [5]", &["config.toml:3", "needs `token_file`"]);
}

#[test]
fn the_api_is_reached_by_https_or_on_this_machine() {
    for good in [
        "https://api.example.org",
        "http://127.0.0.1:8081",
        "http://[::1]:8081/base/",
        "http://localhost",
    ] {
        let config = taken(&format!("{TELEGRAM}api_url = \"{good}\""));
        let url = config.telegram.expect("a channel").api_url.expect("a url");
        assert_eq!(url, good.trim_end_matches('/'));
    }
    for (bad, why) in [
        ("http://api.example.org", "another machine"),
        ("http://127.0.0.1.example.org", "another machine"),
        ("http://10.0.0.1", "another machine"),
        ("ftp://example.org", "scheme `ftp`"),
        ("file:///x", "scheme `file`"),
        ("https://user:pw@example.org", "nothing else"),
        ("https://example.org/?q", "nothing else"),
        ("example.org", "not a URL"),
    ] {
        check_refused(
            &format!("{TELEGRAM}api_url = \"{bad}\""),
            &["config.toml:5", "telegram.api_url", why],
        );
    }
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
