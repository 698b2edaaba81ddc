//! Screens that the real program drew, what it was seen to do to prompts, and the launch.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::agents::TurnEnd;
use crate::domain::agent::{FailureKind, PromptProof};
use crate::domain::dialog::{DialogKind, Meaning};
use crate::domain::ids::LaunchNo;
use crate::domain::policy::Policy;

pub fn agent() -> OpenCodeAgent {
    OpenCodeAgent::new(&Setup {
        name: "opencode",
        config: None,
        screens: None,
    })
    .unwrap()
}

macro_rules! captured {
    ($name:literal) => {
        Screen::styled(include_str!(concat!("screens/", $name, ".txt")), 50)
    };
}

fn holds(text: &str) -> ScreenReading {
    ScreenReading::ComposerHolds { shown: text.into() }
}

pub fn dialog(screen: &Screen) -> (String, Dialog) {
    let explained = agent().explain(screen);
    match explained.reading {
        ScreenReading::Dialog(dialog) => (explained.rule.unwrap(), dialog),
        other => panic!("{other:?}"),
    }
}

fn choices(dialog: &Dialog) -> Vec<(&str, Option<Meaning>)> {
    dialog.choices.iter().map(|c| (c.label.as_str(), c.meaning)).collect()
}

#[test]
fn the_box_is_read_in_every_state() {
    let read = |screen: Screen| agent().read_screen(&screen);
    assert_eq!(read(captured!("idle")), ScreenReading::ComposerEmpty);
    assert_eq!(read(captured!("interrupted")), ScreenReading::ComposerEmpty);
    assert_eq!(read(captured!("wide_busy")), ScreenReading::Busy);
    assert_eq!(read(captured!("retry")), ScreenReading::Busy);
    assert_eq!(read(captured!("wide_busy_holds")), holds("\nhello\nworld"));
    assert_eq!(
        read(captured!("home_holds")),
        holds("\nRUN: echo hi > out.txt; ls\nSAY: finished")
    );
    assert_eq!(read(Screen::plain(Vec::new())), ScreenReading::Unknown);
}

#[test]
fn the_first_screen_has_an_empty_box() {
    let mut screen = captured!("home_holds");
    for row in &mut screen.rows {
        if row.contains("RUN: echo") {
            *row = row.replace("RUN: echo hi > out.txt; ls", "Ask anything… \"Fix a TODO\"");
        }
        *row = row.replace("SAY: finished", "");
    }
    assert_eq!(agent().read_screen(&screen), ScreenReading::ComposerEmpty);
    assert!(agent().shows_start_page(&screen));
    assert!(
        !agent().shows_start_page(&captured!("idle")),
        "in a conversation there is no hint"
    );
}

#[test]
fn a_permission_is_read_with_its_choices() {
    let (rule, shell) = dialog(&captured!("wide_permission"));
    assert_eq!((rule.as_str(), shell.kind), ("permission", DialogKind::Permission));
    assert_eq!(shell.question, "Permission required");
    assert_eq!(shell.detail, "# Shell command\n$ touch a1");
    let expected = [
        ("Allow once", Some(Meaning::Allow)),
        ("Allow always", Some(Meaning::AllowAlways)),
        ("Reject", Some(Meaning::Deny)),
    ];
    assert_eq!(choices(&shell), expected);
    let keys = |answer: DialogAnswer| agent().answer_keys(&shell, &answer).unwrap();
    assert_eq!(keys(DialogAnswer::Approve), ["Enter"]);
    assert_eq!(keys(DialogAnswer::Choice(2)), ["Right", "Enter"]);
    assert_eq!(keys(DialogAnswer::Deny), ["Escape"]);

    let (_, edit) = dialog(&captured!("permission_edit"));
    assert!(
        edit.detail.contains("Edit e.txt") && edit.detail.contains("2 + world"),
        "{}",
        edit.detail
    );
    let (_, external) = dialog(&captured!("permission_external"));
    assert!(
        external.detail.contains("Access external directory /etc"),
        "{}",
        external.detail
    );
    let (rule, always) = dialog(&captured!("permission_always"));
    assert_eq!(rule, "permission-always");
    assert_eq!(
        choices(&always),
        [("Confirm", Some(Meaning::AllowAlways)), ("Cancel", Some(Meaning::Deny))]
    );
}

#[test]
fn a_window_is_a_dialog() {
    let (rule, help) = dialog(&captured!("window"));
    assert_eq!((rule.as_str(), help.question.as_str()), ("window", "Help"));
    assert_eq!(agent().answer_keys(&help, &DialogAnswer::Deny).unwrap(), ["Escape"]);
}

/// What a prompt or an answer brings to the screen stands above the box.
#[test]
fn an_echoed_dialog_is_no_dialog() {
    let mut rows: Vec<String> = captured!("permission_external").rows;
    rows.retain(|row| !row.is_empty());
    let imitated = rows.iter().map(|row| format!("     {row}")).collect::<Vec<_>>();
    rows.extend(imitated);
    rows.push(String::new());
    let idle = captured!("idle").rows;
    let from = idle.iter().rposition(|row| row.trim().starts_with("╹▀")).unwrap() - 4;
    rows.extend_from_slice(&idle[from..]);
    assert_eq!(agent().read_screen(&Screen::plain(rows)), ScreenReading::ComposerEmpty);
}

#[test]
fn a_prompt_is_made_literal() {
    let prepared = |text: &str| agent().prepare(text).text;
    for plain in ["fix it", "!ls", "# note", "a /b c", "exit the loop", "ends with \\"] {
        assert_eq!(prepared(plain), plain);
    }
    assert_eq!(prepared("/help"), " /help");
    assert_eq!(prepared("/etc/hosts"), " /etc/hosts");
    assert_eq!(prepared("exit"), "exit\u{2060}");
    assert_eq!(prepared("look at @READ"), "look at @READ ");
    assert_eq!(agent().normalised(" /help "), "/help");
}

#[test]
fn the_box_shows_a_text_or_its_placeholder() {
    let shows = |shown: &str, text: &str| agent().composer_shows(shown, text);
    assert!(shows("\nfix\nthe login", "fix the login"));
    assert!(!shows("fix the login and more", "fix the login"));
    assert!(shows("\n[Pasted ~4 lines]", "a\nb\nc\nd"));
    assert!(!shows("[Pasted ~4 lines]", "a\nb"));
}

#[test]
fn letters_of_the_plugin_and_their_meaning() {
    let means = |event: &str, data: Value| agent().interpret(event, &data, Timestamp::UNIX_EPOCH);
    let prompt = PromptProof::Text("a".into());
    let data = json!({"session_id": "s", "prompt": "a"});
    assert_eq!(means("UserPromptSubmit", data), AgentSignal::PromptAccepted { prompt });
    let data = json!({"message": "The usage limit has been reached", "until": "2026-01-02T03:04:05Z"});
    let limited = AgentSignal::Limited {
        text: "The usage limit has been reached".into(),
        until: Some("2026-01-02T03:04:05Z".parse().unwrap()),
    };
    assert_eq!(means("Limit", data), limited);
    for (data, kind) in [
        (
            json!({"kind": "APIError", "status": 401, "message": "no key"}),
            FailureKind::Login,
        ),
        (
            json!({"kind": "ContextOverflowError", "message": "too long"}),
            FailureKind::ContextFull,
        ),
        (
            json!({"kind": "APIError", "status": 404, "message": "The model `x` does not exist or you do not have access to it."}),
            FailureKind::Model,
        ),
        (
            json!({"kind": "APIError", "status": 503, "message": "busy"}),
            FailureKind::Provider,
        ),
        (json!({"kind": "UnknownError", "message": "?"}), FailureKind::Other),
    ] {
        let text = data["message"].as_str().unwrap().to_owned();
        assert_eq!(means("Failure", data), AgentSignal::Failed { kind, text });
    }
    let data = json!({"tool_name": "bash", "patterns": ["touch a"], "tool_input": {"command": "touch a"}});
    let AgentSignal::DialogOpened(asked) = means("PermissionRequest", data) else {
        panic!("no dialog")
    };
    assert_eq!(asked.detail, "touch a");
    assert_eq!(means("PermissionResolved", json!({})), AgentSignal::DialogClosed);
    assert_eq!(means("Interrupted", json!({})), AgentSignal::TurnInterrupted);
}

#[test]
fn a_question_without_what_it_is_about_is_not_drawn_yet() {
    let asked = |detail: &str| Dialog::new(DialogKind::Permission, "Permission required", detail, Vec::new());
    assert_eq!(agent().draw_time(&asked("# Shell command")), LATE_DETAIL_TIME);
    assert_eq!(agent().draw_time(&asked("# Shell command\n$ touch a")), DRAW_TIME);
}

#[test]
fn the_journal_says_whether_a_turn_runs() {
    let dir = tempfile::tempdir().unwrap();
    let place = AgentPlace {
        session_dir: dir.path(),
        work_dir: Path::new("/w"),
        native_id: Some("s"),
    };
    let end = |since: &str| agent().turn_end(&place, since.parse().unwrap());
    assert_eq!(end("2026-01-02T03:04:04Z"), TurnEnd::Unknown);
    std::fs::create_dir(dir.path().join("opencode")).unwrap();
    let journal = dir.path().join("opencode/journal.jsonl");
    let long = "x".repeat(100_000);
    let mut lines = format!(
        "{{\"at\":\"2026-01-02T03:04:05Z\",\"session\":\"s\",\"prompt\":\"{long}\"}}\n\
         {{\"at\":\"2026-01-02T03:04:05Z\",\"session\":\"s\",\"turn\":\"runs\"}}\n"
    );
    std::fs::write(&journal, &lines).unwrap();
    assert_eq!(end("2026-01-02T03:04:04Z"), TurnEnd::Runs);
    assert_eq!(
        end("2026-01-02T03:04:06Z"),
        TurnEnd::Unknown,
        "an earlier turn's line says nothing of this one"
    );
    lines.push_str(&format!(
        "{{\"at\":\"2026-01-02T03:04:07Z\",\"session\":\"s\",\"final\":\"{long}\"}}\n"
    ));
    std::fs::write(&journal, format!("{lines}{{\"at\":\"2026-01-0")).unwrap();
    assert_eq!(end("2026-01-02T03:04:04Z"), TurnEnd::Unknown);
    lines.push_str("{\"at\":\"2026-01-02T03:04:07Z\",\"session\":\"s\",\"turn\":\"over\"}\n");
    std::fs::write(&journal, &lines).unwrap();
    assert_eq!(end("2026-01-02T03:04:04Z"), TurnEnd::Unknown);
}

#[test]
fn the_journal_proves_a_prompt_and_has_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let place = AgentPlace {
        session_dir: dir.path(),
        work_dir: Path::new("/w"),
        native_id: Some("s"),
    };
    let recorded = |text: &str, since: &str| agent().recorded(&place, text, since.parse().unwrap());
    assert_eq!(recorded("fix it", "2026-01-02T03:04:04Z"), Recorded::Unknown);
    std::fs::create_dir(dir.path().join("opencode")).unwrap();
    let journal = dir.path().join("opencode/journal.jsonl");
    let lines = "{\"at\":\"2026-01-02T03:04:05Z\",\"session\":\"s\",\"prompt\":\"fix it \"}\n{\"at\":\"2026-01-02T03:04:07Z\",\"session\":\"s\",\"final\":\"fixed\"}\n";
    std::fs::write(&journal, lines).unwrap();
    assert_eq!(recorded("fix it", "2026-01-02T03:04:04Z"), Recorded::Taken);
    assert_eq!(recorded("fix it", "2026-01-02T03:04:06Z"), Recorded::Absent);
    assert_eq!(recorded("fix", "2026-01-02T03:04:04Z"), Recorded::Unknown);
    assert_eq!(
        agent().final_text(&place, Timestamp::UNIX_EPOCH).as_deref(),
        Some("fixed")
    );
    assert_eq!(agent().conversations(&place)[0].title, "fix it");
    std::fs::write(&journal, format!("{lines}{{\"at\":")).unwrap();
    assert_eq!(recorded("other", "2026-01-02T03:04:04Z"), Recorded::Unknown);
}

/// Launch environment and plugin, for a policy word.
fn launched(policy: Policy) -> (BTreeMap<String, String>, String, Vec<String>) {
    in_context(policy, |context| {
        let env = launch::environment(context, &BTreeMap::new()).unwrap();
        (env, launch::plugin(context).content, launch::flags(context))
    })
}

fn in_context<R>(policy: Policy, look: impl FnOnce(&LaunchContext<'_>) -> R) -> R {
    let session: SessionId = "abcdefghijkl".parse().unwrap();
    let name = "one".parse().unwrap();
    let context = LaunchContext {
        session: &session,
        name: &name,
        launch: LaunchNo(1),
        policy,
        work_dir: Path::new("/w"),
        repository: None,
        session_dir: Path::new("/d/sessions/abcdefghijkl"),
        launch_dir: Path::new("/d/sessions/abcdefghijkl/la unch"),
        mailbox: Path::new("/m"),
        data_dir: Path::new("/d"),
        agents_md: Path::new("/d/agents.md"),
        telecoder: Path::new("/d/bin/telecoder"),
        resume: Some("ses_1"),
        fork_of: None,
    };
    look(&context)
}

/// A variable of the person's own would take the place of ours, and the agent would run without the policy.
#[test]
fn the_variable_of_the_launch_is_not_the_persons() {
    let given = BTreeMap::from([("OPENCODE_CONFIG_CONTENT".to_owned(), "{}".to_owned())]);
    let fault = in_context(Policy::Observe, |context| launch::environment(context, &given)).unwrap_err();
    assert!(fault.hint.unwrap().contains("OPENCODE_CONFIG."));
}

#[test]
fn a_launch_adds_to_the_configuration() {
    let (env, plugin, flags) = launched(Policy::Ask);
    let config: Value = serde_json::from_str(&env["OPENCODE_CONFIG_CONTENT"]).unwrap();
    assert_eq!(
        config["plugin"],
        json!(["file:///d/sessions/abcdefghijkl/la%20unch/plugin.js"])
    );
    assert_eq!(config["instructions"], json!(["/d/agents.md"]));
    assert!(!env.contains_key("OPENCODE_DISABLE_PROJECT_CONFIG"));
    assert_eq!(flags, ["--session", "ses_1"]);
    assert!(plugin.starts_with("const CONFIG = {") && plugin.contains("\"tools\":null"));
}

#[test]
fn looking_only_is_held_by_the_plugin_too() {
    let (env, plugin, _) = launched(Policy::Observe);
    assert_eq!(env["OPENCODE_DISABLE_PROJECT_CONFIG"], "1");
    assert!(plugin.contains("\"looks\":true") && plugin.contains("\"tools\":[\"read\""));
    assert_eq!(launched(Policy::Yolo).2, ["--session", "ses_1", "--auto"]);
}
