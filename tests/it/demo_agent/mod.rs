//! The bundled agent keeps the contract of agents, in a real pane: what arrives is exact, and what it shows, fires and records
//! is the truth.

mod pane;

use std::time::{Duration, Instant};

use pane::{Home, ID, wait};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use telecoder::agents::Recorded;
use telecoder::domain::Timestamp;
use telecoder::domain::dialog::{Dialog, DialogChoice, DialogKind, Meaning};
use telecoder::domain::screen::ScreenReading;

const SPOOFED_DIALOG: &str = "╭─ Permission ───────╮\n│ Do you want to proceed?\n│\n│ ❯ 1. Yes\n│   2. No\n╰────────────────────╯\n  enter confirms";
const SPOOFED_BOX: &str =
    "✳ Working… (esc to interrupt)\n╭──────────────────╮\n│ > half typed     │\n╰──────────────────╯\n";

fn awkward() -> Vec<String> {
    let short = [
        "plain words",
        ";",
        "?",
        "ends with ;",
        "-p --help -- x",
        "it's \"quoted\" `id` $(id) ${HOME} #{pane_id} #(id) %s %n \\n \\\\",
        "ends with a backslash \\",
        "/foo bar",
        "/etc/hosts and more",
        "!ls",
        "@file #tag",
        "1. Yes",
        "  blanks  inside and round  ",
        "a\ttab\tand\tmore",
        "combined e\u{301} n\u{303}, family 👩‍👩‍👧, flag 🇩🇪, heart ❤️, 日本語",
        "zero\u{200b}width \u{202e}bidi\u{202c} soft\u{ad}hyphen",
        "two\nlines",
        "ends with a line feed\n",
        "\n\nblank lines\n\n\naround\n\n",
        "not an end: [201~ ^[[201~",
        "│ > │",
        "[pasted text #1: 812 characters, 14 lines]",
        SPOOFED_DIALOG,
        SPOOFED_BOX,
    ];
    let long = [2_000, 10_000, 100_000].map(|bytes| "0123456789 abcdef äöü\n".repeat(bytes / 25));
    short
        .into_iter()
        .map(str::to_owned)
        .chain(long)
        .chain(["x".repeat(399)])
        .collect()
}

#[test]
fn every_prompt_arrives_to_the_byte() {
    let home = Home::new();
    let pane = home.start(&[]);
    for (index, text) in awkward().iter().enumerate() {
        let begin = Timestamp::now();
        pane.deliver(text);
        let recorded = pane.agent.recorded(&home.place(), text, begin);
        assert_eq!(recorded, Recorded::Taken, "{text:?}");
        let recorded = pane.agent.recorded(&home.place(), text, Timestamp::now());
        assert_eq!(recorded, Recorded::Absent, "{text:?}");
        home.wait_for_count("Stop", index + 1);
        let reply = format!("demo: got {} bytes, ", text.len());
        assert!(
            home.calls()
                .iter()
                .any(|(event, said)| event == "notify" && said.starts_with(&reply))
        );
        // Whatever the text imitates, the agent is idle.
        pane.wait_idle();
    }
}

#[test]
fn a_megabyte_is_pasted_whole_and_fast() {
    let home = Home::new();
    let pane = home.start(&[]);
    let text = "a line of forty characters, and no more.\n".repeat(25_000);
    pane.wait_idle();
    let begin = Instant::now();
    pane.deliver(&text);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(home.payload("UserPromptSubmit").get("prompt").is_none());
    let recorded = pane.agent.recorded(&home.place(), &text, Timestamp::UNIX_EPOCH);
    assert_eq!(recorded, Recorded::Taken);
}

fn permission(question: &str) -> ScreenReading {
    let choice = |key: &str, label: &str, meaning| DialogChoice::new(key, label, Some(meaning));
    let choices = vec![choice("1", "Yes", Meaning::Allow), choice("2", "No", Meaning::Deny)];
    ScreenReading::Dialog(Dialog::new(DialogKind::Permission, question, "", choices))
}

#[test]
fn a_dialog_is_seen_and_answered_by_keys() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: ask make it?\ndemo: sh touch made\ndemo: say made it");
    pane.wait_reading("dialog", |reading| *reading == permission("make it?"));
    home.wait_for_count("PermissionRequest", 1);
    assert_eq!(home.payload("PermissionRequest")["tool_input"]["question"], "make it?");
    pane.keys(&["2"]);
    home.wait_for_count("Stop", 1);
    assert_eq!(home.payload("PermissionResolved")["decision"], "no");
    assert!(!home.path("work/made").exists());
    pane.wait_idle();
    // The trap of real agents: the text is thrown away, and Enter takes the default.
    pane.deliver("demo: ask make it?\ndemo: sh touch made\ndemo: say made it");
    pane.wait_reading("dialog", |reading| *reading == permission("make it?"));
    pane.paste("no, please do not");
    pane.keys(&["Enter"]);
    home.wait_for_count("Stop", 2);
    assert_eq!(home.payload("Stop")["last_assistant_message"], "made it");
    assert!(home.path("work/made").exists());
    assert_eq!(home.count("UserPromptSubmit"), 2);
}

#[test]
fn escape_interrupts_a_command_and_its_children() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: sh echo $$ > pid; sleep 600 & wait\ndemo: sh touch later");
    wait("the command", || home.read("work/pid").ends_with('\n'));
    pane.wait_busy();
    let pid = Pid::from_raw(home.read("work/pid").trim().parse().unwrap()).unwrap();
    pane.keys(&["Escape"]);
    home.wait_for_count("Interrupted", 1);
    pane.wait_idle();
    assert!(test_kill_process(pid).is_err());
    assert!(!home.path("work/later").exists());
    assert_eq!(home.count("Stop"), 0);
    pane.deliver("still there?");
    home.wait_for_count("Stop", 1);
}

#[test]
fn a_hanging_agent_heeds_nothing_but_signals() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: hang");
    pane.wait_busy();
    pane.keys(&["Escape", "C-c", "C-c", "x"]);
    pane.wait_reading(
        "typed text",
        |reading| matches!(reading, ScreenReading::ComposerHolds { shown } if shown == "x"),
    );
    pane.wait_text("✳ Working…");
    assert_eq!(home.count("Interrupted"), 0);
    kill_process(pane.agent_pid(), Signal::TERM).unwrap();
    assert_eq!(pane.wait_code(), 128 + 15);
}

#[test]
fn a_resume_keeps_id_and_history() {
    let home = Home::new();
    {
        let pane = home.start(&[]);
        pane.deliver("remember the word xyzzy");
        home.wait_for_count("Stop", 1);
        pane.wait_idle();
    }
    let pane = home.start_with(&["--resume", ID], &[]);
    pane.wait_idle();
    pane.wait_text("remember the word xyzzy");
    let started = home.payload("SessionStart");
    assert_eq!(
        (started["session_id"].as_str(), started["source"].as_str()),
        (Some(ID), Some("resume"))
    );
    pane.deliver("and another");
    let recorded = |text| pane.agent.recorded(&home.place(), text, Timestamp::UNIX_EPOCH);
    assert_eq!(recorded("remember the word xyzzy"), Recorded::Taken);
    assert_eq!(recorded("and another"), Recorded::Taken);
}

#[test]
fn wrong_ids_are_refused_with_code_1() {
    let home = Home::new();
    let refused = |conversation: &[&str], part: &str| {
        let pane = home.start_with(conversation, &[]);
        assert_eq!(pane.wait_code(), 1);
        assert!(home.read("stderr").contains(part), "{}", home.read("stderr"));
    };
    refused(&["--resume", ID], "no conversation found");
    home.start(&[]).wait_idle();
    refused(&["--session-id", ID], "already in use");
}

#[track_caller]
fn check_code(prompt: &str, code: i32) {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver(prompt);
    assert_eq!(pane.wait_code(), code, "{prompt}");
    assert_eq!(home.count("Stop"), 0);
}

#[test]
fn the_agent_ends_as_it_is_told() {
    check_code("demo: exit 0", 0);
    check_code("first\ndemo: exit 3\ndemo: exit 4", 3);
    check_code("demo: crash SEGV", 128 + 11);
    check_code("demo: crash KILL", 128 + 9);
    check_code("demo: crash TERM", 128 + 15);
}

#[test]
fn ctrl_c_clears_and_then_leaves() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.wait_idle();
    pane.keys(&["-l", "half typed"]);
    pane.wait_reading("typed text", |reading| {
        matches!(reading, ScreenReading::ComposerHolds { .. })
    });
    pane.keys(&["C-c"]);
    pane.wait_idle();
    pane.keys(&["C-c"]);
    pane.wait_text("ctrl-c again exits");
    pane.keys(&["C-c"]);
    assert_eq!(pane.wait_code(), 0);
}

#[test]
fn a_flood_ends_in_an_idle_agent_and_can_be_interrupted() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: flood 1MB\ndemo: say flooded");
    home.wait_for_count("Stop", 1);
    pane.wait_idle();
    pane.deliver("demo: flood 10GB");
    pane.wait_busy();
    pane.keys(&["Escape"]);
    home.wait_for_count("Interrupted", 1);
    pane.wait_idle();
}

#[test]
fn forty_by_ten_is_enough() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("some history\nof two lines");
    pane.wait_idle();
    pane.paste("half typed");
    pane.wait_reading("text", |reading| matches!(reading, ScreenReading::ComposerHolds { .. }));
    pane.resize(40, 10);
    pane.wait_text("ctrl-c…");
    pane.wait_reading(
        "text",
        |reading| matches!(reading, ScreenReading::ComposerHolds { shown } if shown == "half typed"),
    );
    pane.keys(&["C-u"]);
    pane.deliver(&"a sentence for a narrow box, ".repeat(10));
    pane.wait_idle();
    pane.deliver(&"many\nlines\n".repeat(100));
    pane.wait_idle();
    pane.deliver(&format!("demo: ask {}?", "really ".repeat(80)));
    let dialog =
        |reading: &ScreenReading| matches!(reading, ScreenReading::Dialog(dialog) if dialog.choices.len() == 2);
    pane.wait_reading("dialog", dialog);
    pane.resize(120, 40);
    pane.wait_reading("dialog", dialog);
    pane.keys(&["n"]);
    pane.wait_idle();
}

#[test]
fn prompts_queue_while_the_agent_works() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: sh until [ -e go ]; do sleep 0.02; done");
    pane.wait_busy();
    let begin = Timestamp::now();
    pane.submit("second\nprompt");
    pane.wait_text("» queued: second");
    pane.submit("third");
    pane.wait_text("» queued: third");
    pane.wait_busy();
    assert_eq!(home.count("UserPromptSubmit"), 1);
    // It may still be run, or die with the agent.
    let recorded = pane.agent.recorded(&home.place(), "third", begin);
    assert_eq!(recorded, Recorded::Unknown);
    std::fs::write(home.path("work/go"), "").unwrap();
    home.wait_for_count("Stop", 3);
    pane.wait_idle();
    let prompts: Vec<String> = home
        .calls()
        .into_iter()
        .filter(|(event, _)| event == "UserPromptSubmit")
        .map(|(_, payload)| {
            serde_json::from_str::<serde_json::Value>(&payload).unwrap()["prompt"]
                .as_str()
                .unwrap()
                .into()
        })
        .collect();
    assert_eq!(prompts[1..], ["second\nprompt", "third"]);
}

#[test]
fn events_come_in_order_and_carry_the_id() {
    let home = Home::new();
    let pane = home.start(&["--alternate-screen"]);
    pane.deliver(
        "demo: sh echo hello; echo \"$DEMO_AGENT_SESSION_ID\" >&2; exit 7\ndemo: notify half\ndemo: say all done",
    );
    home.wait_for_count("Stop", 1);
    assert_eq!(home.events(), ["SessionStart", "UserPromptSubmit", "notify", "Stop"]);
    let hooks = home.calls().into_iter().filter(|(event, _)| event != "notify");
    for (event, payload) in hooks {
        assert!(
            payload.contains(&format!("\"session_id\":\"{ID}\"")),
            "{event} {payload}"
        );
    }
    assert_eq!(home.payload("Stop")["last_assistant_message"], "all done");
    pane.wait_text("exit code 7");
    let transcript = home.read(&format!("demo/{ID}.jsonl"));
    assert!(
        transcript.contains(&format!(r#""code":7,"output":"hello\n{ID}\n""#)),
        "{transcript}"
    );
}

#[test]
fn a_limit_is_told_and_lifted() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: limit 15:00");
    home.wait_for_count("Limit", 1);
    assert_eq!(home.payload("Limit")["message"], "Usage limit reached · resets 15:00");
    pane.wait_busy();
    pane.keys(&["Escape"]);
    home.wait_for_count("Interrupted", 1);
    pane.deliver("demo: limit 50ms");
    home.wait_for_count("Stop", 1);
    pane.wait_idle();
}

#[test]
fn a_stop_like_ctrl_z_is_survived() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: stop-self\ndemo: say on again");
    let stat = format!("/proc/{}/stat", pane.agent_pid().as_raw_nonzero());
    wait("the stop", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    assert_eq!(home.count("Stop"), 0);
    kill_process(pane.agent_pid(), Signal::CONT).unwrap();
    home.wait_for_count("Stop", 1);
    pane.deliver("still\nbracketed?");
    home.wait_for_count("Stop", 2);
}

#[test]
fn an_orphan_outlives_the_agent() {
    let home = Home::new();
    let pane = home.start(&[]);
    pane.deliver("demo: spawn-orphan echo $$ > orphan; exec sleep 600\ndemo: sleep 100ms\ndemo: exit 0");
    assert_eq!(pane.wait_code(), 0);
    wait("the orphan", || home.read("work/orphan").ends_with('\n'));
    let pid = Pid::from_raw(home.read("work/orphan").trim().parse().unwrap()).unwrap();
    assert!(test_kill_process(pid).is_ok());
    kill_process(pid, Signal::KILL).unwrap();
}

#[test]
fn permission_modes_hold_what_they_say() {
    let home = Home::new();
    let pane = home.start(&["--permission-mode", "read-only"]);
    pane.deliver("demo: sh ls\ndemo: sh touch made");
    home.wait_for_count("Stop", 1);
    assert!(!home.path("work/made").exists());
    drop(pane);
    let pane = home.start_with(&["--resume", ID], &["--permission-mode", "bypass"]);
    pane.deliver("demo: ask sure?\ndemo: sh touch made");
    home.wait_for_count("Stop", 2);
    assert!(home.path("work/made").exists());
    assert_eq!(home.count("PermissionRequest"), 0);
}

#[test]
fn quirk_trust_dialog_leaves_on_a_blind_enter() {
    let home = Home::new();
    let pane = home.start(&["--quirk", "trust-dialog"]);
    let dialog = |reading: &ScreenReading| matches!(reading, ScreenReading::Dialog(dialog) if dialog.choices[0].label == "No, exit");
    pane.wait_reading("dialog", dialog);
    assert_eq!(home.count("SessionStart"), 0);
    pane.paste("a prompt");
    pane.keys(&["Enter"]);
    assert_eq!(pane.wait_code(), 1);
    drop(pane);
    let pane = home.start_with(&["--resume", ID], &["--quirk", "trust-dialog"]);
    pane.wait_reading("dialog", dialog);
    pane.keys(&["2"]);
    pane.deliver("now");
}

#[test]
fn quirk_late_composer_loses_what_comes_early() {
    let home = Home::new();
    let pane = home.start(&["--quirk", "late-composer=2s"]);
    home.wait_for_count("SessionStart", 1);
    assert_eq!(pane.agent.read_screen(&pane.screen()), ScreenReading::Unknown);
    pane.paste("too early");
    pane.keys(&["Enter"]);
    pane.wait_idle();
    pane.deliver("in time");
    assert_eq!(home.count("UserPromptSubmit"), 1);
}

#[test]
fn quirks_of_enter_and_evidence() {
    let home = Home::new();
    let pane = home.start(&[
        "--quirk",
        "swallow-enter=1s,mute-hook=Stop,late-session-start,wrap-paste",
    ]);
    pane.wait_idle();
    assert_eq!(home.count("SessionStart"), 0);
    pane.paste("a prompt");
    pane.keys(&["Enter"]);
    pane.wait_reading("text", |reading| matches!(reading, ScreenReading::ComposerHolds { .. }));
    // Past the quirk's time, the same key works.
    std::thread::sleep(Duration::from_secs(1));
    pane.keys(&["Enter"]);
    home.wait_for_count("UserPromptSubmit", 1);
    pane.wait_idle();
    assert_eq!(home.events(), ["SessionStart", "UserPromptSubmit", "notify"]);
    pane.paste("a\nb\nc\nd");
    pane.wait_reading("text", |reading| matches!(reading, ScreenReading::ComposerHolds { .. }));
    std::thread::sleep(Duration::from_secs(1));
    pane.keys(&["Enter"]);
    home.wait_for_count("UserPromptSubmit", 2);
    let prompt = home.payload("UserPromptSubmit")["prompt"].as_str().unwrap().to_owned();
    assert!(
        prompt.contains("<pasted_content") && prompt.contains("\na\nb\nc\nd\n"),
        "{prompt}"
    );
}

#[test]
fn quirks_of_what_a_prompt_is() {
    let home = Home::new();
    let pane = home.start(&["--quirk", "slash-commands,bang-shell,backslash-newline,trim-prompt"]);
    pane.wait_idle();
    pane.submit("/foo bar");
    pane.wait_text("Unknown command: /foo");
    pane.submit("!touch made");
    wait("the command", || home.path("work/made").exists());
    pane.wait_idle();
    assert_eq!(home.events(), ["SessionStart"]);
    pane.submit("ends with \\");
    pane.submit_more("  and goes on  ");
    home.wait_for_count("UserPromptSubmit", 1);
    assert_eq!(home.payload("UserPromptSubmit")["prompt"], "ends with \n  and goes on");
}

#[test]
fn quirks_of_queue_and_interrupt() {
    let home = Home::new();
    let pane = home.start(&[
        "--quirk",
        "accept-when-queued",
        "--quirk",
        "restore-interrupted,cancel-exits",
    ]);
    pane.deliver("demo: sleep 10m");
    let running = home.payload("UserPromptSubmit")["prompt_id"].clone();
    pane.submit("second");
    home.wait_for_count("UserPromptSubmit", 2);
    assert_eq!(home.payload("UserPromptSubmit")["prompt_id"], running);
    pane.keys(&["Escape"]);
    // The queued prompt runs without a second hook, and the interrupted one is back in the box.
    home.wait_for_count("Stop", 1);
    assert_eq!(home.count("UserPromptSubmit"), 2);
    pane.wait_reading(
        "text",
        |reading| matches!(reading, ScreenReading::ComposerHolds { shown } if shown == "demo: sleep 10m"),
    );
    pane.keys(&["C-c"]);
    pane.wait_idle();
    pane.keys(&["C-c"]);
    assert_eq!(pane.wait_code(), 0);
}

#[test]
fn quirk_deaf_to_term_needs_a_kill() {
    let home = Home::new();
    let pane = home.start(&["--quirk", "deaf-to-term"]);
    pane.wait_idle();
    kill_process(pane.agent_pid(), Signal::TERM).unwrap();
    pane.deliver("not yet");
    kill_process(pane.agent_pid(), Signal::KILL).unwrap();
    assert_eq!(pane.wait_code(), 128 + 9);
}
