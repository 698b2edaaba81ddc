//! Screens that the real program drew, what it was seen to do to prompts, and the settings of a session.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::home::Ours;
use super::*;
use crate::domain::agent::{FailureKind, PromptProof};
use crate::domain::dialog::{Dialog, DialogAnswer, DialogKind, Meaning};
use crate::domain::screen::ScreenReading;

pub(super) fn agent() -> GeminiAgent {
    GeminiAgent::new(&Setup {
        name: "gemini",
        config: None,
        screens: None,
    })
    .unwrap()
}

/// A screen as it was captured; its first line has the cursor.
pub(super) fn screen(captured: &str) -> Screen {
    let (first, rows) = captured.split_once('\n').unwrap();
    let (x, y) = first.strip_prefix("cursor ").unwrap().split_once(',').unwrap();
    Screen {
        cursor: (x.parse().unwrap(), y.parse().unwrap()),
        ..Screen::styled(rows, 40)
    }
}

macro_rules! captured {
    ($name:literal) => {
        screen(include_str!(concat!("screens/", $name, ".txt")))
    };
}

fn holds(text: &str) -> ScreenReading {
    ScreenReading::ComposerHolds { shown: text.into() }
}

pub(super) fn dialog(screen: &Screen) -> (String, Dialog) {
    let explained = agent().explain(screen);
    match explained.reading {
        ScreenReading::Dialog(dialog) => (explained.rule.unwrap(), dialog),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_box_is_read_in_every_state() {
    let read = |screen: Screen| agent().read_screen(&screen);
    assert_eq!(read(captured!("interrupted")), ScreenReading::ComposerEmpty);
    assert_eq!(read(captured!("resumed")), ScreenReading::ComposerEmpty);
    assert_eq!(read(captured!("busy")), ScreenReading::Busy);
    assert_eq!(read(captured!("queued")), ScreenReading::Busy);
    assert_eq!(read(captured!("busy_holds")), holds("queued one"));
    assert_eq!(read(captured!("small_empty")), ScreenReading::ComposerEmpty);
    assert_eq!(read(captured!("small_holds")), holds("look at this\nmulti"));
}

#[test]
fn a_refused_tool_is_told_by_the_screen_alone() {
    let mut denied = Screen::styled(
        include_str!("../../../tests/agents/screens/gemini/ready/denied-1-120x40.txt"),
        48,
    );
    let in_the_box = |row: &String| row.contains("Type your message");
    denied.cursor = (4, denied.rows.iter().rposition(in_the_box).unwrap() as u16);
    assert!(agent().was_interrupted(&denied));
    assert!(!agent().was_interrupted(&captured!("resumed")));
}

/// In the program's shell mode a text is run. Its box looks like the other one but for the mark.
#[test]
fn the_box_of_the_shell_mode_is_not_known() {
    let mut screen = captured!("resumed");
    for row in &mut screen.rows {
        *row = row.replace(" >   Type your message", " !   Type your message");
    }
    screen.strong.clone_from(&screen.rows);
    assert_eq!(agent().read_screen(&screen), ScreenReading::Unknown);
}

#[test]
fn a_permission_is_read_with_its_choices() {
    let (rule, shell) = dialog(&captured!("permission"));
    assert_eq!((rule.as_str(), shell.kind), ("permission", DialogKind::Permission));
    assert_eq!(shell.question, "Allow execution of [Shell]?");
    assert!(shell.detail.contains("echo hi > out.txt; ls"), "{}", shell.detail);
    let choices: Vec<_> = shell
        .choices
        .iter()
        .map(|c| (c.key.as_str(), c.label.as_str(), c.meaning))
        .collect();
    let expected = [
        ("1", "Allow once", Some(Meaning::Allow)),
        ("2", "Allow for this session", Some(Meaning::AllowAlways)),
        ("3", "No, suggest changes (esc)", Some(Meaning::Deny)),
    ];
    assert_eq!(choices, expected);
    assert_eq!(shell.selected, Some(0));
    assert_eq!(agent().answer_keys(&shell, &DialogAnswer::Deny).unwrap(), ["3"]);

    let (_, edit) = dialog(&captured!("permission_edit"));
    assert_eq!((edit.question.as_str(), edit.choices.len()), ("Apply this change?", 4));
    assert_ne!(edit.digest, shell.digest);
}

#[test]
fn a_refusal_of_the_provider_is_a_dialog() {
    let (rule, limit) = dialog(&captured!("limit"));
    assert_eq!(rule, "provider-refuses");
    assert!(limit.question.starts_with("Usage limit reached"), "{}", limit.question);
    assert_eq!(limit.choices.len(), 2);
}

/// What a prompt or an answer brings to the screen stands above the box.
#[test]
fn an_echoed_dialog_is_no_dialog() {
    let asks = captured!("permission");
    let idle = captured!("resumed");
    let mut rows: Vec<String> = asks.rows.iter().filter(|row| !row.is_empty()).cloned().collect();
    let above = rows.len();
    rows.extend(idle.rows.iter().filter(|row| !row.is_empty()).cloned());
    let cursor = rows.iter().rposition(|row| row.starts_with(" >   Type")).unwrap();
    assert!(cursor > above);
    let both = Screen {
        cursor: (3, u16::try_from(cursor).unwrap()),
        ..Screen::plain(rows)
    };
    assert_eq!(agent().read_screen(&both), ScreenReading::ComposerEmpty);
}

#[test]
fn rows_that_a_redraw_left_below_the_footer_are_not_there() {
    let mut screen = captured!("resumed");
    let last = screen.rows.iter().rposition(|row| !row.is_empty()).unwrap();
    let ghost: Vec<String> = screen.rows[last - 2..=last].to_vec();
    screen.rows.truncate(last + 1);
    screen.rows.extend(ghost);
    screen.strong.clone_from(&screen.rows);
    assert_eq!(agent().read_screen(&screen), ScreenReading::ComposerEmpty);
}

#[test]
fn a_prompt_is_made_literal() {
    let prepared = |text: &str| agent().prepare(text).text;
    for plain in [
        "fix it",
        "!ls",
        "# note",
        "/etc/hosts is wrong",
        "?",
        "//x",
        "a /b c",
        "mail me",
    ] {
        assert_eq!(prepared(plain), plain);
    }
    assert_eq!(prepared("/help me"), "\u{2060}/help me");
    assert_eq!(prepared("  /clear"), "\u{2060}/clear");
    assert_eq!(prepared("look at @READ"), "look at @READ ");
    assert_eq!(prepared("ends with \\"), "ends with \\ ");
    assert_eq!(agent().normalised("look at @READ "), "look at @READ");
    assert_eq!(agent().normalised("\u{feff} a\u{200b}b\r\nc\td \n"), "ab\nc\td");
}

#[test]
fn the_box_shows_a_text_or_its_placeholder() {
    let shows = |shown: &str, text: &str| agent().composer_shows(shown, text);
    assert!(shows("fix\nthe login", "fix the login"));
    assert!(!shows("fix the login and more", "fix the login"));
    let lines = "x\n".repeat(59) + "x";
    assert!(shows("[Pasted Text: 60 lines]", &lines));
    assert!(shows("[Pasted Text: 60 lines #2]", &lines));
    assert!(!shows("[Pasted Text: 61 lines]", &lines));
    assert!(shows("[Pasted Text: 3000 chars]", &"é".repeat(3000)));
    assert!(!shows("[Pasted Text: 2 lines]", "a\nb"));
    assert!(shows("/help me", "\u{2060}/help me"));
}

#[test]
fn hooks_and_their_meaning() {
    let means = |event: &str, data: Value| agent().interpret(event, &data, Timestamp::UNIX_EPOCH);
    let started = AgentSignal::Started {
        native_id: Some("u".into()),
    };
    assert_eq!(
        means("SessionStart", json!({"session_id": "u", "source": "startup"})),
        started
    );
    let prompt = PromptProof::Text("a\n".into());
    assert_eq!(
        means("BeforeAgent", json!({"prompt": "a\n"})),
        AgentSignal::PromptAccepted { prompt }
    );
    let prompt = PromptProof::Beginning("a".into());
    let cut = json!({"prompt": "a", "telecoderCut": ["prompt"]});
    assert_eq!(means("BeforeAgent", cut), AgentSignal::PromptAccepted { prompt });
    let final_text = Some("done".into());
    assert_eq!(
        means("AfterAgent", json!({"prompt_response": "done"})),
        AgentSignal::TurnEnded { final_text }
    );
    let progress = AgentSignal::Progress {
        tool: "run_shell_command".into(),
        detail: "ls".into(),
    };
    let data = json!({"tool_name": "run_shell_command", "tool_input": {"command": "ls"}});
    assert_eq!(means("BeforeTool", data), progress);
    let data = json!({"notification_type": "ToolPermission", "details": {"title": "Confirm", "command": "ls"}});
    let AgentSignal::DialogOpened(dialog) = means("Notification", data) else {
        panic!("no dialog")
    };
    assert_eq!((dialog.question.as_str(), dialog.detail.as_str()), ("Confirm", "ls"));
    assert_eq!(means("Notification", json!({})), AgentSignal::Nothing);
}

/// A session's directory with one transcript.
fn with_transcript(lines: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let chats = dir.path().join("gemini/.gemini/tmp/work/chats");
    std::fs::create_dir_all(&chats).unwrap();
    let path = chats.join("session-2026-01-02T03-04-00000000.jsonl");
    std::fs::write(&path, lines).unwrap();
    (dir, path)
}

const TRANSCRIPT: &str = r#"{"sessionId":"u","kind":"main"}
{"id":"1","timestamp":"2026-01-02T03:04:05.000Z","type":"user","content":[{"text":"fix it"}]}
{"$set":{"lastUpdated":"2026-01-02T03:04:05.000Z"}}
{"id":"2","timestamp":"2026-01-02T03:04:07.000Z","type":"gemini","content":"fixed"}
"#;

#[test]
fn the_transcript_proves_a_prompt_and_has_the_answer() {
    let (dir, _) = with_transcript(TRANSCRIPT);
    let place = AgentPlace {
        session_dir: dir.path(),
        work_dir: Path::new("/w"),
        native_id: Some("u"),
    };
    let recorded = |text: &str, since: &str| agent().recorded(&place, text, since.parse().unwrap());
    assert_eq!(recorded("fix it ", "2026-01-02T03:04:04Z"), Recorded::Taken);
    assert_eq!(recorded("fix it", "2026-01-02T03:04:06Z"), Recorded::Absent);
    assert_eq!(recorded("fix", "2026-01-02T03:04:04Z"), Recorded::Unknown);
    assert_eq!(recorded("other", "2026-01-02T03:04:04Z"), Recorded::Absent);
    let elsewhere = AgentPlace {
        native_id: Some("v"),
        ..place
    };
    assert_eq!(
        agent().recorded(&elsewhere, "fix it", Timestamp::UNIX_EPOCH),
        Recorded::Unknown
    );
    assert_eq!(
        agent().final_text(&place, Timestamp::UNIX_EPOCH).as_deref(),
        Some("fixed")
    );
    let known = agent().conversations(&place);
    assert_eq!((known[0].native_id.as_str(), known[0].title.as_str()), ("u", "fix it"));
}

#[test]
fn a_conversation_that_the_program_destroyed_is_put_back() {
    let (dir, path) = with_transcript(TRANSCRIPT);
    let renew = || {
        let (id, name) = (SessionId::from_random(7), "s".parse().unwrap());
        let nowhere = Path::new("/nowhere");
        let context = LaunchContext {
            session: &id,
            name: &name,
            launch: crate::domain::ids::LaunchNo(2),
            policy: Policy::Ask,
            work_dir: nowhere,
            repository: None,
            session_dir: dir.path(),
            launch_dir: nowhere,
            mailbox: nowhere,
            data_dir: nowhere,
            agents_md: nowhere,
            telecoder: nowhere,
            resume: Some("u"),
            fork_of: None,
        };
        kept::renew(&context).unwrap();
    };
    let there = || std::fs::read_to_string(&path).unwrap();
    renew();
    std::fs::remove_file(&path).unwrap();
    renew();
    assert_eq!(there(), TRANSCRIPT);
    std::fs::write(&path, "{\"$set\":{\"lastUpdated\":\"2026-01-02T03:04:05Z\"}}\n").unwrap();
    renew();
    assert_eq!(there(), TRANSCRIPT);
    let longer = format!("{TRANSCRIPT}{{\"type\":\"user\",\"content\":\"more\"}}\n");
    std::fs::write(&path, &longer).unwrap();
    renew();
    assert_eq!(there(), longer, "what is whole stays as it is");
}

#[test]
fn a_turn_without_an_answer_ends_as_the_transcript_says() {
    let ended = |line: &str| {
        let (_dir, path) = with_transcript(&format!("{TRANSCRIPT}{line}\n"));
        agent().interpret(
            "AfterAgent",
            &json!({"prompt_response": "[no response text]", "transcript_path": path}),
            Timestamp::UNIX_EPOCH,
        )
    };
    let cancelled = r#"{"timestamp":"2026-01-02T03:04:09Z","type":"info","content":"Request cancelled."}"#;
    assert_eq!(ended(cancelled), AgentSignal::TurnInterrupted);
    let refused = r#"{"timestamp":"2026-01-02T03:04:09Z","type":"error","content":"[API Error: {\"error\":{\"message\":\"API key not valid. Please pass a valid API key.\",\"status\":\"INVALID_ARGUMENT\"}}]"}"#;
    let failed = AgentSignal::Failed {
        kind: FailureKind::Login,
        text: "API key not valid. Please pass a valid API key. (INVALID_ARGUMENT)".into(),
    };
    assert_eq!(ended(refused), failed);
    assert_eq!(ended("{}"), AgentSignal::TurnEnded { final_text: None });
    let strange = json!({"prompt_response": "[no response text]", "transcript_path": "/etc/passwd"});
    assert_eq!(
        agent().interpret("AfterAgent", &strange, Timestamp::UNIX_EPOCH),
        AgentSignal::TurnEnded { final_text: None }
    );
}

fn settings(theirs: Value) -> Map<String, Value> {
    let Value::Object(theirs) = theirs else {
        panic!("a table")
    };
    let ours = Ours {
        telecoder: Path::new("/da ta/bin/telecoder"),
        policy: Path::new("/l/policy.toml"),
        policies: Some(Path::new("/h/policies")),
        has_key: true,
        resumes: true,
    };
    ours.added_to(theirs)
}

#[test]
fn settings_keep_what_the_person_set() {
    let own_hook = json!({"hooks": [{"type": "command", "command": "mine"}]});
    let made = settings(json!({
        "ui": {"theme": "Dracula"},
        "context": {"fileName": "CONTEXT.md"},
        "policyPaths": ["/p"],
        "security": {"auth": {"selectedType": "oauth-personal"}},
        "hooks": {"AfterAgent": [own_hook]},
    }));
    assert_eq!(made["ui"]["theme"], "Dracula");
    assert_eq!(
        made["context"]["fileName"],
        json!(["CONTEXT.md", "telecoder-agents.md"])
    );
    assert_eq!(made["policyPaths"], json!(["/p", "/l/policy.toml"]));
    assert_eq!(made["security"]["auth"]["selectedType"], "oauth-personal");
    let start = made["hooks"]["SessionStart"][0]["hooks"][0]["command"]
        .as_str()
        .unwrap();
    assert!(start.starts_with("payload=$(cat); { sleep"), "{start}");
    let after = made["hooks"]["AfterAgent"].as_array().unwrap();
    assert_eq!((after.len(), &after[0]), (2, &own_hook));
    assert_eq!(
        after[1]["hooks"][0]["command"],
        "'/da ta/bin/telecoder' hook AfterAgent --sync"
    );
}

#[test]
fn settings_are_made_from_nothing() {
    let made = settings(json!({"hooksConfig": {"enabled": false}, "hooks": {"BeforeAgent": [1]}}));
    assert_eq!(made["security"]["auth"]["selectedType"], "gemini-api-key");
    assert_eq!(made["policyPaths"], json!(["/h/policies", "/l/policy.toml"]));
    assert_eq!(made["hooks"]["BeforeAgent"].as_array().unwrap().len(), 1);
    assert_eq!(made["hooksConfig"]["enabled"], true);
}

#[test]
fn rules_are_valid_toml_for_every_policy_word() {
    for policy in Policy::ALL {
        let parsed: toml::Value = toml::from_str(&policy::rules(policy)).unwrap();
        let rules = parsed["rule"].as_array().unwrap();
        assert_eq!(rules[0]["commandPrefix"].as_str(), Some("telecoder notify"));
        let denies_all = rules.iter().any(|rule| rule["toolName"].as_str() == Some("*"));
        assert_eq!(denies_all, matches!(policy, Policy::Locked | Policy::Observe));
    }
}
