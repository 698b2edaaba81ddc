//! Screens of Codex 0.169, captured with their styles, and hook payloads as it sends them.

use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::domain::dialog::Meaning;
use crate::domain::screen::ScreenReading;

fn agent() -> &'static CodexAgent {
    static AGENT: LazyLock<CodexAgent> = LazyLock::new(|| {
        let setup = Setup {
            name: "codex",
            config: None,
            screens: None,
        };
        CodexAgent::new(&setup).unwrap()
    });
    &AGENT
}

fn read(name: &str) -> Explained {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/agents/codex/adapter/screens");
    let text = std::fs::read_to_string(path.join(format!("{name}.txt"))).unwrap();
    let height = text.lines().count();
    agent().explain(&Screen::styled(&text, height))
}

#[track_caller]
fn dialog(name: &str) -> Dialog {
    match read(name).reading {
        ScreenReading::Dialog(dialog) => dialog,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn each_screen_is_what_it_is() {
    let table = [
        ("idle", "empty", "composer"),
        ("after-escape", "empty", "composer"),
        ("denied", "empty", "composer"),
        ("narrow-denied", "empty", "composer"),
        ("imitation-said", "empty", "composer"),
        ("imitation-busy", "empty", "composer"),
        ("plan-mode", "empty", "composer"),
        ("busy", "busy", "composer"),
        ("busy-steer", "busy", "streaming"),
        ("narrow-busy", "busy", "composer"),
        ("browsing", "busy", "browsing"),
        ("holds", "holds", "composer"),
        ("holds-lines", "holds", "composer"),
        ("holds-placeholder", "holds", "composer"),
        ("holds-tall", "holds", "composer-tall"),
        ("holds-full", "holds", "composer-full"),
        ("popup", "holds", "composer"),
        ("shell", "holds", "shell"),
        ("imitation-held", "holds", "composer"),
        ("permission", "dialog", "permission"),
        ("permission-patch", "dialog", "permission"),
        ("narrow-permission", "dialog", "permission-narrow"),
        ("question", "dialog", "question"),
        ("plan", "dialog", "plan"),
        ("trust", "dialog", "trust"),
        ("hooks", "dialog", "hooks"),
        ("login", "dialog", "login"),
        ("list", "dialog", "list"),
        ("vim-insert", "holds", "composer"),
        ("vim-normal", "unknown", "vim"),
    ];
    let mut wrong = Vec::new();
    for (name, word, rule) in table {
        let told = read(name);
        if (told.reading.word(), told.rule.as_deref()) != (word, Some(rule)) {
            wrong.push(format!("{name}: {:?} by {:?}", told.reading, told.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In a narrow terminal the status line goes on in a second row or a third, and may end in its dot.
#[test]
fn a_status_line_in_several_rows_is_one() {
    let read = |box_row: &str, status: &[&str]| {
        let rows = ["• It is done.", "", "  Worked for 2s • 23:59", "", "", box_row, ""];
        let hints = "  ← for agents          ⚠ 2 warnings · f2 to view";
        let rows = rows.iter().chain(status).chain([&hints]);
        let text = rows.copied().collect::<Vec<&str>>().join("\n");
        agent().read_screen(&Screen::styled(&text, text.lines().count()))
    };
    let two = [
        "  fake-model default · /var/lib/telecoder/sessions/",
        "  abcdefghij23/work",
    ];
    let three = [
        "  fake-model with a long name ·",
        "  /var/lib/telecoder/sessions/",
        "  abcdefghij23/work",
    ];
    for status in [&two[..], &three[..]] {
        assert_eq!(
            read("\u{1b}[1m›\u{1b}[0m \u{1b}[2mAsk Codex to do anything\u{1b}[0m", status),
            ScreenReading::ComposerEmpty,
            "{status:?}"
        );
        let shown = "half a thought".to_owned();
        assert_eq!(
            read("› half a thought", status),
            ScreenReading::ComposerHolds { shown },
            "{status:?}"
        );
    }
}

/// A box stands there while Codex starts; what comes next may be a dialog.
#[test]
fn the_picture_of_the_start_is_not_ready() {
    assert_eq!(read("splash").reading, ScreenReading::Unknown);
}

#[test]
fn the_box_shows_what_was_pasted() {
    let lines = |n: u32| (1..=n).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    let table = [
        ("holds", "fix the login".to_owned()),
        ("holds-lines", "one\n\nthree ".to_owned()),
        ("holds-placeholder", "x".repeat(1500)),
        ("holds-tall", lines(17)),
        ("holds-full", lines(40)),
    ];
    for (name, text) in table {
        let ScreenReading::ComposerHolds { shown } = read(name).reading else {
            panic!("{name}");
        };
        assert!(agent().composer_shows(&shown, &text), "{name}: {shown}");
        assert!(!agent().composer_shows(&shown, &format!("{text}y")), "{name}: {shown}");
    }
}

#[test]
fn a_permission_has_its_command_and_its_keys() {
    let asked = dialog("permission");
    assert_eq!(asked.question, "Would you like to run the following command?");
    assert!(asked.detail.contains("$ touch /root/zz9") && asked.detail.contains("Reason: outside"));
    let meanings: Vec<_> = asked.choices.iter().map(|choice| choice.meaning).collect();
    assert_eq!(
        meanings,
        [Some(Meaning::Allow), Some(Meaning::AllowAlways), Some(Meaning::Deny)]
    );
    assert_eq!(asked.selected, Some(0));
    let keys = |dialog: &Dialog, answer| agent().answer_keys(dialog, &answer).unwrap();
    assert_eq!(keys(&asked, DialogAnswer::Approve), ["1"]);
    assert_eq!(keys(&asked, DialogAnswer::Deny), ["3"]);
    assert_eq!(keys(&asked, DialogAnswer::Choice(2)), ["2"]);
    assert!(dialog("permission-patch").detail.contains("/root/outside.txt"));
    // In a low window the last choice is not on the screen.
    assert_eq!(keys(&dialog("narrow-permission"), DialogAnswer::Deny), ["Escape"]);
}

#[test]
fn other_dialogs_have_their_choices() {
    let labels = |name: &str| -> Vec<String> { dialog(name).choices.into_iter().map(|c| c.label).collect() };
    assert_eq!(dialog("question").question, "Which color?");
    assert!(labels("question")[1].starts_with("Blue"));
    assert_eq!(dialog("plan").question, "Implement this plan?");
    assert_eq!(dialog("plan").choice_of(Meaning::Allow), Some(0));
    assert_eq!(dialog("list").question, "Select Model and Effort");
    assert_eq!(dialog("list").choices.len(), 8);
    assert_eq!(dialog("login").choices.len(), 3);
    let trust = dialog("trust");
    assert_eq!(
        (trust.choice_of(Meaning::Allow), trust.choice_of(Meaning::Deny)),
        (Some(0), Some(1))
    );
    // A number may only move the mark there, or act at once.
    let keys_for = |answer| agent().answer_keys(&trust, &answer).unwrap();
    assert_eq!(keys_for(DialogAnswer::Approve), ["Enter"]);
    assert_eq!(keys_for(DialogAnswer::Deny), ["Down", "Enter"]);
    // Trusting every hook there is must be somebody's own choice.
    let hooks = dialog("hooks");
    assert_eq!(agent().answer_keys(&hooks, &DialogAnswer::Approve), None);
    assert_eq!(
        agent().answer_keys(&hooks, &DialogAnswer::Choice(3)).unwrap(),
        ["Down", "Down", "Enter"]
    );
}

#[test]
fn hooks_mean_what_they_say() {
    let agent = agent();
    let told = |event: &str, data: Value| agent.interpret(event, &data, Timestamp::UNIX_EPOCH);
    let started = told("SessionStart", json!({"session_id": "u", "source": "startup"}));
    assert_eq!(
        started,
        AgentSignal::Started {
            native_id: Some("u".into())
        }
    );
    let accepted = |prompt| AgentSignal::PromptAccepted { prompt };
    let data = json!({"session_id": "u", "turn_id": "t", "prompt": "a\nb"});
    assert_eq!(
        told("UserPromptSubmit", data),
        accepted(PromptProof::Text("a\nb".into()))
    );
    let data = json!({"prompt": "a", "telecoderCut": ["prompt"]});
    assert_eq!(
        told("UserPromptSubmit", data),
        accepted(PromptProof::Beginning("a".into()))
    );
    let data = json!({"last_assistant_message": "ok", "stop_hook_active": false});
    assert_eq!(
        told("Stop", data),
        AgentSignal::TurnEnded {
            final_text: Some("ok".into())
        }
    );
    assert_eq!(told("Stop", json!({"agent_id": "a"})), AgentSignal::Nothing);
    let data = json!({"tool_name": "Bash", "tool_input": {"command": "ls", "description": "why"}});
    let progress = AgentSignal::Progress {
        tool: "Bash".into(),
        detail: "ls".into(),
    };
    assert_eq!(told("PreToolUse", data), progress);
}
