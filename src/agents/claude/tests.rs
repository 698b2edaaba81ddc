//! Launch lines, hooks and screens as the real program draws them.

use serde_json::json;

use super::*;
use crate::config::AgentConfig;
use crate::domain::agent::{FailureKind, PromptProof};
use crate::domain::dialog::{DialogChoice, Meaning};
use crate::domain::ids::LaunchNo;
use crate::domain::policy::Policy;
use crate::domain::screen::ScreenReading;

fn agent() -> ClaudeCode {
    let config = AgentConfig {
        kind: "claude".into(),
        // Any program that is there: a launch line is made and nothing is started.
        command: Some("sh".into()),
        args: vec!["--model".into(), "sonnet".into()],
        env_file: None,
        pass_env: vec![],
        ready: None,
        evidence: Evidence::None,
    };
    ClaudeCode::new(&Setup {
        name: "claude",
        config: Some(&config),
        screens: None,
    })
    .unwrap()
}

fn launch(policy: Policy) -> LaunchSpec {
    launch_with(policy, Path::new("/d/agents.md"))
}

fn launch_with(policy: Policy, agents_md: &Path) -> LaunchSpec {
    let context = LaunchContext {
        session: &"abcdefghij23".parse().unwrap(),
        name: &"fix-login".parse().unwrap(),
        launch: LaunchNo(1),
        policy,
        work_dir: Path::new("/d/s/work"),
        repository: None,
        session_dir: Path::new("/d/s"),
        launch_dir: Path::new("/d/s/launches/1"),
        mailbox: Path::new("/d/s/launches/1/mail"),
        data_dir: Path::new("/d"),
        agents_md,
        telecoder: Path::new("/d/bin/telecoder"),
        resume: None,
        fork_of: None,
    };
    agent().launch(&context).unwrap()
}

#[test]
fn a_launch_line_and_its_settings() {
    let spec = launch(Policy::Ask);
    let id = launch::native_id(&"abcdefghij23".parse().unwrap());
    let line = format!(
        "--session-id {id} --permission-mode default --settings /d/s/launches/1/claude/settings.json \
         --append-system-prompt-file /d/agents.md --model sonnet"
    );
    assert_eq!(spec.argv[1..].join(" "), line);
    let settings: Value = serde_json::from_str(&spec.files[0].content).unwrap();
    let hook = &settings["hooks"]["UserPromptSubmit"][0]["hooks"][0]["command"];
    assert_eq!(hook, "/d/bin/telecoder hook UserPromptSubmit --sync");
    assert_eq!(settings["permissions"]["allow"], json!(["Bash(telecoder notify:*)"]));
    assert_eq!(settings["permissions"]["deny"], json!([]));
    assert!(settings.get("skipDangerousModePermissionPrompt").is_none());
}

fn settings_of(spec: &LaunchSpec) -> Value {
    serde_json::from_str(&spec.files[0].content).unwrap()
}

#[test]
fn the_reading_policies_deny_writes_and_ask_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let agents_md = dir.path().join("agents.md");
    std::fs::write(&agents_md, "Say \"done\".\n").unwrap();
    let of = |policy| launch_with(policy, &agents_md);
    for policy in [Policy::Locked, Policy::Observe] {
        let spec = of(policy);
        let line = spec.argv.join(" ");
        assert!(line.contains("--permission-mode dontAsk"), "{line}");
        // What a cloned repository says of permissions and hooks does not count.
        assert!(line.contains("--setting-sources user"), "{line}");
        let settings = settings_of(&spec);
        let deny = settings["permissions"]["deny"].as_array().unwrap();
        assert!(deny.contains(&json!("Write")) && deny.contains(&json!("Edit")));
        assert_eq!(deny.contains(&json!("Bash")), policy == Policy::Locked);
        assert_eq!(settings["sandbox"]["autoAllowBashIfSandboxed"], false);
    }
    for policy in [Policy::Ask, Policy::Standard] {
        let spec = of(policy);
        assert!(!spec.argv.join(" ").contains("--setting-sources"));
        assert_eq!(settings_of(&spec)["sandbox"].get("autoAllowBashIfSandboxed"), None);
    }
    assert!(
        of(Policy::Standard)
            .argv
            .join(" ")
            .contains("--permission-mode acceptEdits")
    );
}

/// Commands that only look are let through by Claude Code itself, so `locked` has none, and says so to the agent.
#[test]
fn locked_has_no_commands_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let agents_md = dir.path().join("agents.md");
    std::fs::write(&agents_md, "Say \"done\".\n").unwrap();
    let spec = launch_with(Policy::Locked, &agents_md);
    let line = spec.argv.join(" ");
    assert!(
        line.contains("--append-system-prompt-file /d/s/launches/1/claude/agents.md"),
        "{line}"
    );
    assert_eq!(spec.files[1].path, Path::new("claude/agents.md"));
    let told = &spec.files[1].content;
    assert!(
        told.starts_with("Say \"done\".\n\nIn this session you have no commands"),
        "{told}"
    );
}

/// In its own sandbox no ancestor of a command is seen: its letters are believed by the conversation's id.
#[test]
fn a_command_finds_the_conversations_id() {
    for policy in [Policy::Observe, Policy::Ask, Policy::Standard] {
        let spec = launch(policy);
        assert_eq!(spec.env["TELECODER_NATIVE_ID_VAR"], "CLAUDE_CODE_SESSION_ID");
        let open = &settings_of(&spec)["sandbox"]["filesystem"]["allowWrite"];
        assert_eq!(*open, json!(["/d/s/launches/1/mail"]));
    }
}

#[test]
fn hooks_and_their_meaning() {
    let mean = |event: &str, data: Value| agent().interpret(event, &data, Timestamp::UNIX_EPOCH);
    assert_eq!(
        mean("UserPromptSubmit", json!({"session_id": "u", "prompt": "fix it"})),
        AgentSignal::PromptAccepted {
            prompt: PromptProof::Text("fix it".into())
        }
    );
    assert_eq!(
        mean("UserPromptSubmit", json!({"prompt": "fix", "telecoderCut": ["prompt"]})),
        AgentSignal::PromptAccepted {
            prompt: PromptProof::Beginning("fix".into())
        }
    );
    assert_eq!(
        mean(
            "Stop",
            json!({"last_assistant_message": "done", "background_tasks": []})
        ),
        AgentSignal::TurnEnded {
            final_text: Some("done".into())
        }
    );
    for event in ["Stop", "UserPromptSubmit", "SessionStart", "StopFailure"] {
        let by_subagent = json!({"agent_id": "a1", "session_id": "u", "prompt": "x", "error": "rate_limit"});
        assert_eq!(mean(event, by_subagent), AgentSignal::Nothing, "{event}");
    }
    let failure =
        |error: &str, words: &str| mean("StopFailure", json!({"error": error, "last_assistant_message": words}));
    let failed = |kind, words: &str| AgentSignal::Failed {
        kind,
        text: words.into(),
    };
    assert_eq!(
        failure("authentication_failed", "Please run /login"),
        failed(FailureKind::Login, "Please run /login")
    );
    assert_eq!(failure("model_not_found", "no"), failed(FailureKind::Model, "no"));
    assert_eq!(failure("server_error", "529"), failed(FailureKind::Provider, "529"));
    assert_eq!(
        failure("unknown", "Prompt is too long"),
        failed(FailureKind::ContextFull, "Prompt is too long")
    );
    let limited = failed(FailureKind::Limit { until: None }, "API Error: Request rejected (429)");
    assert_eq!(failure("rate_limit", "API Error: Request rejected (429)"), limited);
}

const LINE: &str = "────────────────────────────────────────";
const FOOTER: &str = "  ⏸ manual mode on · ? for shortcuts";

fn read(picture: &str) -> Explained {
    agent().explain(&Screen::styled(&picture.replace("-----", LINE), 40))
}

#[track_caller]
fn reads(picture: &str, expected: ScreenReading, rule: &str) {
    let read = read(picture);
    assert_eq!(read.reading, expected, "{picture}");
    assert_eq!(read.rule.as_deref(), Some(rule));
}

#[track_caller]
fn dialog(picture: &str, rule: &str) -> Dialog {
    match read(picture) {
        Explained {
            reading: ScreenReading::Dialog(dialog),
            rule: Some(found),
        } => {
            assert_eq!(found, rule);
            dialog
        }
        other => panic!("{other:?}\n{picture}"),
    }
}

#[test]
fn what_its_check_could_not_judge_is_answered_without_numbers() {
    let line = "─".repeat(40);
    // The command's own rows are no choices, whatever they look like.
    let asked = format!(
        "● some text\n{line}\n Bash command\n\n cat <<E\n 1. Yes\n 2. No\n E\n\n Auto mode can't check actions in this session\n\n Do you want to proceed?\n ❯ No\n   Yes\n\n Esc to cancel · Tab to amend\n"
    );
    let dialog = dialog(&asked, "permission-unjudged");
    assert_eq!(dialog.question, "Do you want to proceed?");
    let keys = |answer| agent().answer_keys(&dialog, &answer).unwrap();
    assert_eq!(keys(DialogAnswer::Approve), ["Down", "Enter"]);
    assert_eq!(keys(DialogAnswer::Deny), ["Enter"]);
    // The same words in an answer, above the box.
    let box_below = format!("{asked}\n{line}\n❯ \n{line}\n  ⏸ manual mode on\n");
    reads(&box_below, ScreenReading::ComposerEmpty, "box");
}

#[test]
fn leaving_a_plan_without_a_frame_is_a_question() {
    let (top, line, edge) = ("▔".repeat(40), "─".repeat(36), "─".repeat(40));
    let asked = format!(
        "❯ make a plan\n{top}\n\n  {line}\n   Exit plan mode?\n\n    Claude wants to exit plan mode\n\n    ❯ 1. Yes, and switch to default\n      2. No\n"
    );
    let dialog = dialog(&asked, "plan-leave");
    assert_eq!((dialog.kind, dialog.choices.len()), (DialogKind::Plan, 2));
    let box_below = format!("{asked}\n{edge}\n❯ \n{edge}\n  ⏸ manual mode on\n");
    reads(&box_below, ScreenReading::ComposerEmpty, "box");
}

/// A letter may be read hours after it was written.
#[test]
fn a_limit_ends_at_the_next_such_time_after_its_letter() {
    let words = json!({"error": "rate_limit", "last_assistant_message": "You've hit your limit · resets 3pm (UTC)"});
    let told = |at: &str| agent().interpret("StopFailure", &words, at.parse().unwrap());
    for (at, until) in [
        ("2026-01-02T14:00:00Z", "2026-01-02T15:00:00Z"),
        ("2026-01-02T16:00:00Z", "2026-01-03T15:00:00Z"),
    ] {
        let AgentSignal::Failed { kind, .. } = told(at) else {
            panic!("no failure");
        };
        let until = Some(until.parse().unwrap());
        assert_eq!(kind, FailureKind::Limit { until }, "{at}");
    }
}

#[test]
fn the_box() {
    let empty = format!("● ok done\n\n✻ Baked for 4s · done 1:39 PM\n\n-----\n❯\u{a0}\n-----\n{FOOTER}\n");
    reads(&empty, ScreenReading::ComposerEmpty, "box");
    let ghost =
        format!("-----\n❯\u{a0}\u{1b}[7mR\u{1b}[0;2mesend your message to try again\u{1b}[0m\n-----\n{FOOTER}\n");
    reads(&ghost, ScreenReading::ComposerEmpty, "box");
    let typed = format!("-----\n❯\u{a0}R\n-----\n{FOOTER}\n");
    reads(&typed, ScreenReading::ComposerHolds { shown: "R".into() }, "box");
    let busy = "✶ Zesting…\n\n-----\n❯\u{a0}\n-----\n  ⏸ manual mode on · esc to interrupt\n";
    reads(busy, ScreenReading::Busy, "box");
    let paste = "                       ◐ medium · /effort\n-----\n❯\u{a0}[Pasted text #1 +4 lines]\n-----\n  paste again to expand\n";
    let shown = "[Pasted text #1 +4 lines]".to_owned();
    reads(paste, ScreenReading::ComposerHolds { shown }, "box");
    let echoed = format!("❯ esc to interrupt\n\n● ECHO\n  ✶ Zesting…\n\n-----\n❯\u{a0}\n-----\n{FOOTER}\n");
    reads(&echoed, ScreenReading::ComposerEmpty, "box");
    let vim = "-----\n❯\u{a0}\n-----\n  -- NORMAL --\n";
    assert_eq!(read(vim).reading, ScreenReading::Unknown);
}

#[test]
fn an_interrupted_turn_is_seen() {
    let picture = "  Did not run 1 call\n  ⎿  Interrupted · What should Claude do instead?\n\n                ◐ medium · /effort\n-----\n❯\u{a0}\n-----\n  x\n";
    let screen = |picture: &str| Screen::styled(&picture.replace("-----", LINE), 40);
    assert!(agent().was_interrupted(&screen(picture)));
    let later = picture.replace("\n\n      ", "\n\n❯ more\n\n✶ Zesting…\n      ");
    assert!(!agent().was_interrupted(&screen(&later)));
}

const PERMISSION: &str = "  ⎿  $ touch x1\n\n-----\n Bash command\n Tip: auto mode handles these\n\n Run shell command\n╌╌╌╌╌╌╌╌╌╌\n touch /tmp/x1\n╌╌╌╌╌╌╌╌╌╌\n Do you want to proceed?\n ❯ 1. Yes\n   2. Yes, and always allow access to /tmp from this project\n   3. Yes, and switch to auto mode · auto mode handles these\n   4. No\n\n Esc to cancel · Tab to amend\n";

#[test]
fn a_permission_is_parsed() {
    let asked = dialog(PERMISSION, "permission");
    assert_eq!(asked.kind, DialogKind::Permission);
    assert_eq!(asked.question, "Do you want to proceed?");
    assert!(asked.detail.contains("touch /tmp/x1"), "{}", asked.detail);
    assert_eq!(asked.choices.len(), 4);
    assert_eq!(asked.choice_of(Meaning::Allow), Some(0));
    assert_eq!(asked.choices[1].meaning, Some(Meaning::AllowAlways));
    assert_eq!(asked.choices[2].meaning, Some(Meaning::AllowAlways));
    let keys = |answer| agent().answer_keys(&asked, &answer);
    assert_eq!(keys(DialogAnswer::Approve), Some(vec!["1".into()]));
    assert_eq!(keys(DialogAnswer::Deny), Some(vec!["4".into()]));
    assert_eq!(keys(DialogAnswer::Choice(9)), None);

    let file = "-----\n Create file\n new.txt\n╌╌╌╌╌\n  1 hello\n╌╌╌╌╌\n Do you want to create new.txt?\n ❯ 1. Yes\n   2. Yes, and switch to accept edits (auto-approve file edits) for this\n      session (shift+tab)\n   3. No\n\n Esc to cancel · Tab to amend\n";
    let asked = dialog(file, "permission");
    assert_eq!(asked.question, "Do you want to create new.txt?");
    assert!(asked.choices[1].label.ends_with("for this session (shift+tab)"));
    assert_eq!(asked.choice_of(Meaning::Deny), Some(2));
}

/// What the hook would print, as JSON.
fn decided(dialog: &Dialog, answer: &DialogAnswer) -> Option<serde_json::Value> {
    let text = agent().decision(dialog, answer)?;
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    Some(value["hookSpecificOutput"]["decision"].clone())
}

fn opened(data: serde_json::Value) -> Dialog {
    match agent().interpret("PermissionRequest", &data, Timestamp::UNIX_EPOCH) {
        AgentSignal::DialogOpened(dialog) => dialog,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hook_that_waits_is_given_the_decision() {
    let asked = json!({"tool_name": "Bash", "tool_input": {"command": "touch x"}});
    let choice = |key: &str, label: &str, meaning| DialogChoice::new(key, label, Some(meaning));
    let choices = vec![
        choice("1", "Yes", Meaning::Allow),
        choice("2", "Yes, always", Meaning::AllowAlways),
        choice("3", "No", Meaning::Deny),
    ];
    let mut shown = Dialog::new(DialogKind::Permission, "Do you want to proceed?", "touch x", choices);
    assert_eq!(decided(&shown, &DialogAnswer::Approve), None);
    shown.asker = opened(asked).asker;
    assert!(shown.is_about(&shown.asker.as_ref().expect("a hook that waits").subject));
    let allowed = decided(&shown, &DialogAnswer::Approve).expect("a decision");
    assert_eq!(allowed, json!({"behavior": "allow"}));
    let denied = decided(&shown, &DialogAnswer::Choice(3)).expect("a decision");
    assert_eq!(
        (&denied["behavior"], &denied["interrupt"]),
        (&json!("deny"), &json!(true))
    );
    assert_eq!(decided(&shown, &DialogAnswer::Choice(2)), None);
    let cut = json!({"tool_name": "Bash", "tool_input": {"command": "x"}, "telecoderCut": ["tool_input"]});
    assert_eq!(opened(cut).asker, None);
}

#[test]
fn a_question_is_answered_by_its_hook() {
    let option = |label: &str| json!({"label": label, "description": "d"});
    let question = json!({"question": "Which ones?", "options": [option("Red"), option("Blue")], "multiSelect": true});
    let shown = |questions: serde_json::Value| {
        let asked = opened(json!({"tool_name": "AskUserQuestion", "tool_input": {"questions": questions}}));
        let choices = vec![DialogChoice::new("1", "Re", None), DialogChoice::new("2", "Blue", None)];
        let mut shown = Dialog::new(DialogKind::Question, "Which ones?", "", choices);
        shown.asker = asked.asker;
        shown
    };
    let one = shown(json!([question]));
    let several = DialogAnswer::Several {
        choices: vec![2, 1],
        text: Some("gold".into()),
    };
    let allowed = decided(&one, &several).expect("a decision");
    assert_eq!(
        allowed["updatedInput"]["answers"],
        json!({"Which ones?": "Red, Blue, gold"})
    );
    assert_eq!(allowed["updatedInput"]["questions"], json!([question]));
    assert_eq!(decided(&one, &DialogAnswer::Deny), None);
    // Several come one after the other, on the screen.
    assert_eq!(decided(&shown(json!([question, question])), &several), None);
}

#[test]
fn a_question_with_choices() {
    let picture = "❯ ask\n-----\n ☐ DB \n\nWhich database should we use?\n\n❯ 1. SQLite\n     simple\n  2. Postgres\n     big\n  3. Type something.\n-----\n  4. Chat about this\n\nEnter to select · ↑/↓ to navigate · Esc to cancel\n";
    let asked = dialog(picture, "question");
    assert_eq!(asked.question, "Which database should we use?");
    let labels: Vec<_> = asked.choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(
        labels,
        ["SQLite", "Postgres", "(a text of your own)", "Chat about this"]
    );
    let steps = |dialog: &Dialog, answer: DialogAnswer| {
        let steps = agent().answer_steps(dialog, &answer).expect("steps");
        let words: Vec<String> = steps
            .into_iter()
            .map(|step| match step {
                AnswerStep::Key(key) => key,
                AnswerStep::Text(text) => format!("`{text}`"),
            })
            .collect();
        words.join(" ")
    };
    assert_eq!(steps(&asked, DialogAnswer::Choice(2)), "2");
    assert_eq!(
        steps(&asked, DialogAnswer::Text("mine".into())),
        "3 End C-u C-u C-u `mine` Enter"
    );
    assert_eq!(
        agent().answer_keys(&asked, &DialogAnswer::Deny),
        Some(vec!["Escape".into()])
    );
    let several = "-----\n← ☐ DB  ☐ R  ✔ Submit  →\n\nWhich ones?\n\n❯ 1. [ ] SQLite\n         simple\n  2. [ ] Postgres\n         big\n  3. [ ] Type something\n     Next\n-----\n  4. Chat about this\n\nEnter to select · Tab/Arrow keys to navigate · Esc to cancel\n";
    let several = dialog(several, "question-multi");
    assert!(several.multi);
    let both = |text: Option<&str>| DialogAnswer::Several {
        choices: vec![2],
        text: text.map(str::to_owned),
    };
    assert_eq!(steps(&several, both(None)), "2 Tab");
    assert_eq!(
        steps(&several, both(Some("mine"))),
        "2 3 End C-u C-u C-u `mine` Down Enter"
    );
    let half = "-----\n← ☒ DB  ✔ Submit  →\n\nWhich ones?\n\n  1. [✔] SQLite\n         simple\n  2. [ ] Postgres\n         big\n❯ 3. [✔] half a te\n     Submit\n-----\n  4. Chat about this\n\nEnter to select · ↑/↓ to navigate · ctrl+g to edit in Vim · Esc to cancel\n";
    let half = dialog(half, "question-multi");
    assert_eq!(steps(&half, both(None)), "Up 1 2 3 Tab");
    let review = "-----\n← ☒ DB  ✔ Submit  →\n\nReview your answers\n\n ● Which ones?\n   → SQLite\n\n❯ 1. Submit answers\n  2. Cancel\n";
    let review = dialog(review, "question-review");
    assert_eq!(agent().confirm_keys(&review), Some(vec!["1".to_owned()]));
    assert_eq!(agent().confirm_keys(&several), None);
}

#[test]
fn a_frame_above_the_box_takes_the_keys() {
    let picture = format!(
        "▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔\n  ╭{LINE}╮\n  │ Exit plan mode?\n  │\n  │ Claude wants to exit plan mode\n  │\n  │ ❯ 1. Yes, and switch to default (ask each time) for this session\n  │   2. No\n  ╰{LINE}╯\n\n-----\n❯\u{a0}\n-----\n  ⏸ plan mode on (shift+tab to cycle)\n"
    );
    let asked = dialog(&picture.replace("│", " "), "plan-exit");
    assert_eq!(asked.kind, DialogKind::Plan);
    assert_eq!(asked.choice_of(Meaning::Deny), Some(1));
}

#[test]
fn trust_is_asked_by_arrow_keys() {
    let picture = "-----\n Adding a new directory:\n\n /tmp/mail\n\n This session hasn't worked here before. Is this a directory you created or one you trust?\n\n Security guide\n\n ❯ No, exit\n   Yes, add it\n\n Enter to confirm · Esc to cancel\n";
    let asked = dialog(picture, "trust");
    assert_eq!(asked.selected, Some(0));
    let keys = agent().answer_keys(&asked, &DialogAnswer::Approve);
    assert_eq!(keys, Some(vec!["Down".into(), "Enter".into()]));
}

#[test]
fn a_picture_of_a_dialog_is_text() {
    let echoed = format!("{PERMISSION}\n● ECHO<<1. Yes>>\n\n-----\n❯\u{a0}\n-----\n{FOOTER}\n");
    reads(&echoed, ScreenReading::ComposerEmpty, "box");
    let in_box =
        format!("-----\n❯\u{a0}Do you want to proceed?\n  ❯ 1. Yes\n    2. No\n  Esc to cancel\n-----\n{FOOTER}\n");
    assert!(matches!(read(&in_box).reading, ScreenReading::ComposerHolds { .. }));
    let help = "-----\n  /btw for side question  ctrl+t to toggle tasks\n  For more help: https://example.com\n  ←/→ to switch · Esc to close\n";
    assert!(matches!(read(help).reading, ScreenReading::Dialog(_)));
}

#[test]
fn a_record_without_a_prompt_does_not_keep_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let home = place::Home {
        state: dir.path().join(".claude.json"),
        dir: dir.path().join(".claude"),
    };
    let project = home.dir.join("projects/-work");
    std::fs::create_dir_all(&project).unwrap();
    let head = "{\"type\":\"mode\",\"mode\":\"normal\"}\n";
    let prompt = "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"fix it\"}}\n";
    std::fs::write(project.join("whole.jsonl"), format!("{head}{prompt}")).unwrap();
    std::fs::write(project.join("torn.jsonl"), head).unwrap();
    for id in ["whole", "torn", "unknown"] {
        launch::set_aside_unfinished(&home, id).unwrap();
    }
    assert!(home.transcript("whole").is_some());
    assert!(home.transcript("torn").is_none() && project.join("torn.jsonl.unfinished").exists());
}

/// As version 2.1.329 draws it: normal mode has no sign of its own, and takes a paste and Enter as insert mode does.
#[test]
fn a_box_in_a_mode_of_vim_is_closed_with_the_way_out() {
    let line = "─".repeat(60);
    let box_of = |text: &str, hints: &str| {
        let rows = [line.as_str(), text, line.as_str(), hints];
        Screen::plain(rows.map(str::to_owned).to_vec())
    };
    let claude = agent();
    for open in [
        "  -- INSERT -- ⏵⏵ auto mode on (shift+tab to cycle)",
        "  ⏵⏵ auto mode on (shift+tab to cycle)",
    ] {
        let screen = box_of("❯ ", open);
        assert_eq!(claude.read_screen(&screen), ScreenReading::ComposerEmpty, "{open}");
        assert_eq!(claude.why_closed(&screen), None, "{open}");
    }
    for closed in ["  -- VISUAL -- ⏵⏵ auto mode on (shift+tab to cycle)", "  -- NORMAL --"] {
        let screen = box_of("❯ hello", closed);
        assert_eq!(claude.read_screen(&screen), ScreenReading::Unknown, "{closed}");
        assert!(
            claude.why_closed(&screen).is_some_and(|why| why.contains("`/vim`")),
            "{closed}"
        );
    }
}
