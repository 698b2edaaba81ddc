//! Prompts: exact in the agent's own transcript, each accepted once, whatever they hold.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

use crate::support::{TestEnv, WAIT_LIMIT, eventually};

/// How many prompts the big test sends in all.
const PROMPTS: usize = 500;
/// How many sessions share them, so that deliveries run side by side.
const SESSIONS: usize = 4;

/// What real people and hostile ones type: shell, tmux and agent syntax, blanks, Unicode, controls.
fn fixed_prompts() -> Vec<String> {
    let mut prompts: Vec<String> = [
        "plain words",
        "quotes ' \" ` and $(touch /tmp/x) ${HOME} $HOME `id`",
        "tmux #{pane_id} #(id) #S ; kill-server",
        "percent %s %n %% and \\n \\t \\\\ backslashes \\",
        "-n leading dash",
        "--",
        "trailing semicolon;",
        ";",
        "\\;",
        "Enter",
        "C-c",
        "0x41",
        "q",
        "tab\tin\tthe\tmiddle",
        "two\n\n\nblank lines",
        "  leading and trailing blanks  ",
        "1. Yes, and proceed\n2. No",
        "Do you want to proceed?\n❯ 1. Yes\n  2. No",
        "╭──────╮\n│ >    │\n╰──────╯",
        "> ",
        "/help me",
        "!ls -la",
        "@file #tag",
        "ends with a backslash\\",
        "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 e\u{301} ñ 日本語 العربية",
        "\u{feff}bom and \u{200b}zero width",
        "control \u{1b}[31mred\u{1b}[0m \u{7} bell",
        "breakout \u{1b}[201~rm -rf /\r",
        "c1 \u{9b}31m and \u{85} next line",
        "del \u{7f} and nul \0 end",
        "crlf\r\nline\rlone",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    prompts.push("x".repeat(10_000));
    prompts.push(format!("{}\nlast", "a line of text\n".repeat(300)));
    prompts.push("长".repeat(4_000));
    prompts
}

/// A text of any characters, from a fixed seed: the run is the same each time.
fn generated_prompts(count: usize) -> Vec<String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = proptest::string::string_regex("(.|\n|\t|[;#%$`'\"\\\\-]){1,120}").expect("a pattern");
    let mut prompts = Vec::new();
    while prompts.len() < count {
        let text = any.new_tree(&mut runner).expect("a text").current();
        // Directives of the bundled agent would act; everything else is text.
        if !text.contains("demo:") && !telecoder::domain::text::sanitise(&text).text.trim().is_empty() {
            prompts.push(text);
        }
    }
    prompts
}

/// What the agent itself wrote down of its prompts, in order.
pub fn transcript(env: &TestEnv, session: &Value) -> Vec<String> {
    let dir = env
        .data()
        .join("sessions")
        .join(session["id"].as_str().expect("an id"))
        .join("demo");
    let Ok(entries) = std::fs::read_dir(dir) else {
        return vec![];
    };
    let mut prompts = Vec::new();
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for line in text.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if line["type"] == "prompt" {
                prompts.push(line["text"].as_str().expect("a text").to_owned());
            }
        }
    }
    prompts
}

/// Waits until every prompt has been taken and answered; gives up when nothing moves any more.
pub fn wait_until_quiet(env: &TestEnv, name: &str) -> Value {
    let mut last = Value::Null;
    let mut moved = Instant::now();
    loop {
        let shown = env.status(name);
        if shown["status"] == "idle" && shown["queuedPrompts"] == 0 && shown["turn"]["state"] == "finished" {
            return shown;
        }
        if shown != last {
            (last, moved) = (shown, Instant::now());
        }
        let screen = || env.cmd(&["screen", name]).stdout;
        assert!(
            moved.elapsed() < WAIT_LIMIT,
            "`{name}` is stuck: {last:#}\n{}",
            screen()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn awkward_prompts_arrive_exactly_and_once() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let mut prompts = fixed_prompts();
    let rest = PROMPTS - prompts.len();
    prompts.extend(generated_prompts(rest));

    let mut sent: HashMap<String, Vec<String>> = HashMap::new();
    for (i, prompt) in prompts.iter().enumerate() {
        let name = format!("s{}", i % SESSIONS);
        let args: Vec<&str> = match sent.contains_key(&name) {
            false => vec!["run", "--agent", "demo", "--name", &name, "-"],
            true => vec!["send", &name, "-"],
        };
        env.cmd_with_stdin(&args, prompt.as_bytes()).ok();
        sent.entry(name)
            .or_default()
            .push(telecoder::domain::text::sanitise(prompt).text);
    }
    for (name, sent) in &sent {
        let session = wait_until_quiet(&env, name);
        let got = transcript(&env, &session);
        for (i, (sent, got)) in sent.iter().zip(&got).enumerate() {
            assert_eq!(got, sent, "prompt {i} of {name}");
        }
        assert_eq!(got.len(), sent.len(), "prompts of {name}");
    }
}

#[test]
fn a_prompt_of_one_megabyte_arrives_exactly() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let line = "0123456789 abcdefghijklmnopqrstuvwxyz ;#%$ é 日本\n";
    let prompt = line.repeat(1_000_000 / line.len());
    env.cmd_with_stdin(&["run", "--name", "big", "-"], prompt.as_bytes())
        .ok();
    let session = wait_until_quiet(&env, "big");
    assert_eq!(transcript(&env, &session), [prompt]);
}

#[test]
fn stripped_controls_are_counted() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
    let turn = env.json(&["send", "s", "a\u{1b}[201~b\u{9b}c"]);
    assert_eq!(turn["stripped"], 2, "{turn}");
    wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &env.status("s")), ["first", "a[201~bc"]);
}

#[test]
fn prompts_while_busy_wait_and_keep_their_order() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 1s"]).ok();
    env.wait_status("s", "working");
    for i in 0..5 {
        env.cmd(&["send", "s", &format!("number {i}")]).ok();
    }
    let session = wait_until_quiet(&env, "s");
    let sent: Vec<String> = (0..5).map(|i| format!("number {i}")).collect();
    assert_eq!(transcript(&env, &session)[1..], sent);
}

#[test]
fn a_dialog_is_never_answered_by_a_prompt() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&[
        "run",
        "--name",
        "s",
        "demo: ask May I delete everything?\ndemo: say done",
    ])
    .ok();
    env.wait_status("s", "needs_input");
    let refused = env.cmd(&["send", "s", "yes please"]).exits(4);
    assert!(refused.stderr.contains("May I delete everything?"), "{refused:#?}");
    assert_eq!(env.status("s")["status"], "needs_input");
    // The person answers with the agent's own keys.
    env.cmd(&["keys", "s", "2"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session).len(), 1);
}

#[test]
fn half_typed_text_of_a_person_holds_prompts() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
    env.cmd(&["keys", "s", "h", "a", "l", "f"]).ok();
    env.wait_screen("s", "half");
    env.cmd(&["send", "s", "second"]).ok();
    let held = env.wait_turn("s", "held");
    assert!(
        held["turn"]["reason"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("half")),
        "{held}"
    );
    env.cmd(&["keys", "s", "C-u"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), ["first", "second"]);
}

/// Some agents stand still for half a minute over a long prompt, with a screen that looks idle.
#[test]
fn an_agent_that_computes_is_not_taken_for_idle() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: freeze 14s\ndemo: say thawed"])
        .ok();
    env.cmd(&["send", "s", "second"]).ok();
    let session = wait_until_quiet(&env, "s");
    let texts = transcript(&env, &session);
    assert_eq!(texts, ["demo: freeze 14s\ndemo: say thawed", "second"]);
    let turns = env.http().get("/v1/sessions/s/turns").json();
    for turn in turns.as_array().expect("turns") {
        assert_eq!(
            (&turn["state"], &turn["reason"]),
            (&"finished".into(), &serde_json::Value::Null),
            "{turn:#}"
        );
    }
}

#[test]
fn what_an_agent_has_not_read_yet_is_waited_for() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let frozen = "demo: say first\ndemo: freeze-after 9s";
    env.cmd(&["run", "--name", "s", "--wait", frozen]).ok();
    env.cmd(&["send", "s", "second"]).ok();
    env.cmd(&["send", "s", "third"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [frozen, "second", "third"]);
    let turns = env.http().get("/v1/sessions/s/turns").json();
    assert!(
        turns
            .as_array()
            .expect("turns")
            .iter()
            .all(|turn| turn["state"] == "finished"),
        "{turns:#}"
    );
}

/// A crash while the agent does not read: its empty box and its record say that the text never came, and it comes all the same.
#[test]
fn an_unread_prompt_is_not_typed_again_after_a_crash() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let frozen = "demo: say first\ndemo: freeze-after 16s";
    env.cmd(&["run", "--name", "s", "--wait", frozen]).ok();
    env.cmd(&["send", "s", "second"]).ok();
    env.wait_turn("s", "typing");
    eventually("the text is in the terminal", || {
        let explained = env.cmd(&["explain", "s"]).ok();
        explained.stdout.contains("has not read").then_some(())
    });
    daemon.kill();
    let _daemon = env.serve();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [frozen, "second"]);
}

#[test]
fn a_stop_does_not_wait_for_an_agent_that_is_behind() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let frozen = "demo: say first\ndemo: freeze-after 60s";
    env.cmd(&["run", "--name", "s", "--wait", frozen]).ok();
    env.cmd(&["send", "s", "second"]).ok();
    eventually("it is told what the prompt waits for", || {
        (env.status("s")["turn"]["reason"]["code"] == "behind").then_some(())
    });
    assert_eq!(env.status("s")["turn"]["state"], "typing");
    let begun = Instant::now();
    env.cmd(&["stop", "s"]).ok();
    env.wait_status("s", "stopped");
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let told = &env.status("s")["turn"];
    assert_eq!(told["state"], "uncertain", "{told:#}");
}

/// Typed at the terminal while the agent does not read: a text that came on top of it would be mixed with it.
#[test]
fn input_that_an_agent_has_not_read_holds_prompts() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let frozen = "demo: say first\ndemo: freeze-after 4s";
    env.cmd(&["run", "--name", "s", "--wait", frozen]).ok();
    env.cmd(&["keys", "s", "h", "a", "l", "f"]).ok();
    env.cmd(&["send", "s", "second"]).ok();
    let held = env.wait_turn("s", "held");
    assert_eq!(held["turn"]["reason"]["code"], "input_unread", "{held}");
    env.wait_screen("s", "half");
    env.cmd(&["keys", "s", "C-u"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [frozen, "second"]);
}

#[test]
fn copy_mode_holds_prompts() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
    let pane = env.status("s")["tmux"]["paneId"].as_str().expect("a pane").to_owned();
    env.tmux(&["copy-mode", "-t", &pane]).ok();
    env.cmd(&["send", "s", "second"]).ok();
    let held = env.wait_turn("s", "held");
    assert_eq!(held["turn"]["reason"]["code"], "copy_mode", "{held}");
    env.tmux(&["send-keys", "-t", &pane, "-X", "cancel"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), ["first", "second"]);
}
