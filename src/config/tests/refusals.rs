//! What is refused, and how it is told.

use super::*;

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
