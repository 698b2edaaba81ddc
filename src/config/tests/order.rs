//! Which file, variable or flag wins.

use super::*;

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
