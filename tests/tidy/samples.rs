//! The checker on small samples: that each rule fails where it must, and only there.

use crate::layers::Table;
use crate::rules;
use crate::source::Source;

const TABLE: &str = "\
| room | what it is | may use |
|---|---|---|
| `domain` | words | nothing |
| `store` | SQL | config, domain |
| `tmux` | tmux | config, domain |
| `sessions` | engine | the hands above |
| `api` | HTTP | sessions, bridge, the hands |
| `bridge` | inbox | sessions and the hands |
| `daemon` | all | everything |
";

/// `expected`: line and a part of what is said, for each finding, in order.
#[track_caller]
fn check(path: &str, text: &str, expected: &[(usize, &str)]) {
    let source = Source::new(path, text);
    let mut findings = rules::check(&source);
    findings.extend(Table::parse(TABLE).check(&source));
    let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), expected.len(), "{found:#?}");
    for (finding, (line, part)) in findings.iter().zip(expected) {
        assert!(
            finding.line == *line && finding.what.contains(part),
            "{finding} is not {line}: {part}"
        );
    }
}

#[test]
fn hands_do_not_know_each_other() {
    check(
        "store/a.rs",
        "//! x\nuse crate::domain::x;\nuse crate::tmux::Tmux;\n",
        &[(3, "`store` uses `tmux`")],
    );
    check(
        "store/a.rs",
        "//! x\nfn f() { crate::sessions::g() }\n",
        &[(2, "`sessions`")],
    );
    check(
        "store/a.rs",
        "//! x\nuse crate::{\n    domain::{a, tmux},\n    tmux::b,\n};\n",
        &[(4, "`tmux`")],
    );
    check("store/a.rs", "//! x\nuse super::super::tmux;\n", &[(2, "`tmux`")]);
    check("store/a/b.rs", "//! x\nuse super::super::tmux;\n", &[]);
    check("domain/a.rs", "//! x\nuse crate::store::S;\n", &[(2, "`store`")]);
    check(
        "sessions/a.rs",
        "//! x\nuse crate::tmux::T;\nuse crate::bridge::B;\n",
        &[(3, "`bridge`")],
    );
    check(
        "bridge/a.rs",
        "//! x\nuse crate::sessions::S;\nuse crate::store::B;\n",
        &[],
    );
    check("daemon/mod.rs", "//! x\nuse crate::api::A;\n", &[]);
}

#[test]
fn comments_texts_and_tests_do_not_count() {
    check(
        "store/a.rs",
        "//! x\n// use crate::tmux::T;\n/* crate::tmux /* crate::api */ crate::tmux */\n",
        &[],
    );
    check(
        "store/a.rs",
        "//! x\nconst A: &str = \"crate::tmux \\\" println!\"; const B: char = '\"'; // \"\n",
        &[],
    );
    check(
        "store/a.rs",
        "//! x\nconst A: &str = r#\"say \"crate::tmux\" \"#;\n",
        &[],
    );
    check(
        "store/a.rs",
        "//! x\n#[cfg(test)]\nmod tests {\n    use crate::tmux::T;\n    fn f() { println!() }\n}\n",
        &[],
    );
    check("store/tests.rs", "//! x\nuse crate::tmux::T;\n", &[]);
    check(
        "store/a.rs",
        "//! x\n#[cfg(test)]\nmod tests {}\nuse crate::tmux::T;\n",
        &[(4, "`tmux`")],
    );
    check(
        "store/a.rs",
        "//! x\nfn f<'a>(x: &'a str) -> char { 'x' }\nuse crate::tmux::T;\n",
        &[(3, "`tmux`")],
    );
}

#[test]
fn sql_stays_in_the_store() {
    let text = "//! x\nuse rusqlite::Connection;\nconst A: &str = \"SELECT a\n FROM b \";\nconst B: &str = \"select one of these\";\n";
    check("tmux/a.rs", text, &[(3, "SQL"), (2, "rusqlite")]);
    check("store/a.rs", text, &[]);
}

#[test]
fn processes_start_where_they_are_owned() {
    let text = "//! x\nuse std::process::Command;\nfn f() { Command::new(A) }\n";
    check("api/a.rs", text, &[(2, "process::Command"), (3, "Command::new")]);
    check("cli/list.rs", text, &[(2, "process::Command"), (3, "Command::new")]);
    check("tmux/a.rs", text, &[]);
    check("cli/attach.rs", text, &[]);
}

#[test]
fn only_the_command_line_prints() {
    let text = "//! x\nfn f() { println!(\"a\"); writeln!(std::io::stdout(), \"b\"); }\nfn g(child: C) { child.stdout.take(); }\n";
    check("api/a.rs", text, &[(2, "println!"), (2, "io::stdout")]);
    check("cli/a.rs", text, &[]);
    check("runner/shim/run.rs", text, &[]);
}

#[test]
fn an_agents_name_stands_in_its_own_file() {
    let text = "//! x\nconst A: &str = \"claude --resume\";\nstruct GeminiBox;\nconst B: &str = \"demonstrate\";\n// Codex does so.\n";
    check("tmux/a.rs", text, &[(2, "`claude`"), (3, "Gemini")]);
    check("agents/claude/screen.rs", "//! x\nconst A: &str = \"claude\";\n", &[]);
    check(
        "agents/mod.rs",
        "//! x\nmod demo;\npub mod codex;\nuse demo::D;\n",
        &[(4, "demo")],
    );
    check("agents/registry.rs", text, &[]);
    check("cli/mod.rs", "//! x\nmod demo_agent;\n", &[]);
    check(
        "sessions/a.rs",
        "//! x\nuse crate::agents::demo_agent;\n",
        &[(2, "demo")],
    );
}

#[test]
fn the_domain_is_pure() {
    check(
        "domain/a.rs",
        "//! x\nuse std::fs;\nfn f() { Timestamp::now() }\nasync fn g() {}\nuse std::fmt;\n",
        &[(2, "std::fs"), (3, "Timestamp::now"), (4, "async")],
    );
    check("store/a.rs", "//! x\nuse std::fs;\nfn f() { Timestamp::now() }\n", &[]);
}

#[test]
fn files_begin_with_their_purpose_and_lints_are_expected() {
    check("store/a.rs", "use std::fmt;\n", &[(1, "//!")]);
    check("store/a.rs", "", &[(1, "//!")]);
    check("store/a.rs", "//! x\n#[allow(dead_code)]\nfn f() {}\n", &[(2, "allow")]);
}

#[test]
fn lengths_are_held() {
    let body = "    a();\n".repeat(99);
    check(
        "store/a.rs",
        &format!("//! x\nfn long(a: [u8; 4]) {{\n{body}}}\n"),
        &[(2, "`long` has 101 lines")],
    );
    check(
        "store/a.rs",
        &format!("//! x\nfn fits() {{\n{}}}\nfn declared();\n", "    a();\n".repeat(98)),
        &[],
    );
    let file = format!("//! x\n{}", "const A: u8 = 1;\n".repeat(500));
    check("store/a.rs", &file, &[(0, "501 lines")]);
    check("store/tests.rs", &file, &[]);
}

#[test]
fn a_room_that_the_map_does_not_name_is_found() {
    let table = Table::parse(TABLE);
    let named = Source::new("store/a.rs", "//! x\n");
    let unnamed = Source::new("cellar/a.rs", "//! x\n");
    let root = Source::new("main.rs", "//! x\n");
    let findings = table.missing_rooms(&[named, unnamed, root]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].what.contains("cellar"));
}

#[test]
fn a_module_for_tests_only_is_test_code() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("store")).unwrap();
    std::fs::write(
        dir.path().join("store/mod.rs"),
        "//! x\n#[cfg(test)]\nmod fixture;\nmod real;\n",
    )
    .unwrap();
    std::fs::write(dir.path().join("store/fixture.rs"), "//! x\n").unwrap();
    std::fs::write(dir.path().join("store/real.rs"), "//! x\n").unwrap();
    let sources = Source::read_all(dir.path());
    let tests: Vec<&str> = sources
        .iter()
        .filter(|source| source.is_test)
        .map(|source| source.path.as_str())
        .collect();
    assert_eq!(tests, ["store/fixture.rs"]);
}
