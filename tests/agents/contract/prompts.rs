//! A hundred prompts of all kinds: each in a told state, none silent, none doubled, none typed into a dialog.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::permissions::REFUSED;
use super::rounds;
use super::stage::Stage;
use super::under_test::Act;

/// What people and hostile texts hold. `@N@` becomes the prompt's own mark, so that each is told from every other.
const AWKWARD: &[&str] = &[
    "plain words @N@",
    "quotes ' \" ` and $(touch hurt) ${HOME} $HOME `touch hurt` @N@",
    "tmux #{pane_id} #(touch hurt) #S ; kill-server @N@",
    "percent %s %n %% and \\n \\t \\\\ @N@",
    "-n leading dash @N@",
    "-- @N@",
    "trailing semicolon @N@;",
    "; @N@",
    "Enter @N@",
    "C-c @N@",
    "a tab\tin the @N@ middle",
    "two\n\n\nblank lines @N@",
    "three\nlines\n@N@",
    "seven\nlines\nof\na\nprompt\nwith\n@N@",
    "  leading and trailing blanks @N@  ",
    "1. Yes @N@\n2. No",
    "Do you want to proceed? @N@\n❯ 1. Yes\n  2. No, tell me what to do differently (esc)",
    "Allow execution of [Shell]? @N@\n● 1. Allow once\n  2. No (esc)",
    "╭──────╮\n│ >  @N@ │\n╰──────╯",
    "> @N@",
    "❯ @N@",
    "› @N@",
    "y @N@",
    "/help me @N@",
    "/clear @N@",
    "/etc/hosts is a file @N@",
    "!touch hurt @N@",
    "#note @N@",
    "@README.md and @@ @N@",
    "? @N@",
    "@N@ ends with a backslash \\",
    "@N@ ends with two \\\\",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 @N@",
    "decomposed e\u{301} and ñ 日本語 العربية @N@",
    "[200~ no bracket @N@ [201~",
    "esc to interrupt @N@",
    "Usage limit reached. Your limit will reset at 5pm @N@",
    "<b>markup</b> &amp; <system> @N@ </system>",
    "{\"json\": [1, 2, \"@N@\"]}",
    "```sh\nrm -rf nothing # @N@\n```",
    "| a | b |\n|---|---|\n| 1 | @N@ |",
    "résumé naïve façade @N@",
    "a very long word @N@ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "exit @N@",
    "quit @N@",
    ":q! @N@",
];

/// How the session is when a prompt is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Starting,
    Idle,
    Busy,
    AfterDialog,
}

struct Sent {
    when: When,
    text: String,
    turn: Value,
}

/// Sizes in bytes of the prompts that are there for their size.
const SIZES: [usize; 12] = [
    10, 100, 500, 790, 810, 1000, 2000, 5000, 10_000, 30_000, 100_000, 100_000,
];

/// `count` prompts; the last ones are large, and two have one byte.
fn prompts(count: usize) -> Vec<String> {
    let mut prompts: Vec<String> = vec!["7".into(), "y".into()];
    for (i, size) in SIZES.iter().enumerate() {
        prompts.push(sized(i, *size));
    }
    let rest = count.saturating_sub(prompts.len());
    let awkward = AWKWARD.iter().cycle().take(rest).enumerate();
    let mut all: Vec<String> = awkward
        .map(|(i, text)| text.replace("@N@", &format!("k{i:03}")))
        .collect();
    // The large ones among the others, not in one heap at the end.
    for (i, prompt) in prompts.into_iter().enumerate() {
        all.insert((i * 7).min(all.len()), prompt);
    }
    all.truncate(count);
    all
}

/// One long line, or many short ones.
fn sized(i: usize, size: usize) -> String {
    let line = if i.is_multiple_of(2) {
        format!("size {i} and words ")
    } else {
        format!("line of size {i} ;#%$ é\n")
    };
    let mut text = format!("s{i:02} {}", line.repeat(size / line.len() + 1));
    let mut end = size;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.trim_end().to_owned()
}

pub fn of_all_kinds(name: &str) {
    let stage = Stage::of(name);
    let count = rounds(100);
    let mut texts = prompts(count).into_iter();
    let mut sent = Vec::new();
    // Five while it starts: the first with the command itself.
    let first = texts.next().expect("a prompt");
    stage.run("s", &first);
    let turn = stage.turns("s").first().cloned().expect("the first turn");
    sent.push(Sent {
        when: When::Starting,
        text: first,
        turn,
    });
    for text in texts.by_ref().take(4) {
        sent.push(send(&stage, When::Starting, text));
    }
    stage.quiet("s");
    while let Some(text) = texts.next() {
        match sent.len() % 10 {
            // While it works.
            0 | 1 => {
                let work = stage.agent.prompt(&[Act::Work(2), Act::Say("worked")]);
                let busy = stage.send("s", &format!("{work}\nround {}", sent.len()));
                stage.wait_status("s", "working");
                sent.push(send(&stage, When::Busy, text));
                sent.extend(texts.next().map(|text| send(&stage, When::Busy, text)));
                stage.quiet("s");
                assert_eq!(stage.turn("s", &busy["id"])["state"], "finished");
            }
            5 => after_a_dialog(&stage, &mut sent, text),
            _ => {
                sent.push(send(&stage, When::Idle, text));
                // Some one after the other, some in a heap.
                if sent.len() % 3 == 0 {
                    stage.quiet("s");
                }
            }
        }
    }
    stage.quiet("s");
    account(&stage, &sent);
    assert!(!stage.work("s").join("hurt").exists(), "a text was run as a command");
    stage.end();
}

fn send(stage: &Stage, when: When, text: String) -> Sent {
    let turn = stage.send("s", &text);
    Sent { when, text, turn }
}

/// A prompt that comes while a dialog is open is refused, and nothing of it is typed; one that comes right after the answer goes out.
fn after_a_dialog(stage: &Stage, sent: &mut Vec<Sent>, text: String) {
    let number = sent.len();
    let marker = format!("dialog-{number}");
    let ask = stage
        .agent
        .prompt(&[Act::AskAndRun(&format!("touch {marker}")), Act::Say("asked")]);
    stage.send("s", &ask);
    let before = stage.wait_dialog("s")["dialog"]["digest"].clone();
    let early = stage.env.cmd_with_stdin(&["send", "s", "-"], text.as_bytes());
    early.exits(REFUSED);
    // Long enough for an eager hand.
    std::thread::sleep(Duration::from_millis(500));
    let shown = stage.env.status("s");
    assert_eq!(
        shown["dialog"]["digest"],
        before,
        "the dialog moved: {}",
        stage.picture("s")
    );
    let marker = stage.work("s").join(marker);
    assert!(!marker.exists(), "a prompt was typed into a dialog");
    let approves = number.is_multiple_of(2);
    if approves {
        stage.approve("s", None).ok();
    } else {
        stage.deny("s", None).ok();
    }
    sent.push(send(stage, When::AfterDialog, text));
    stage.quiet("s");
    assert_eq!(
        marker.exists(),
        approves,
        "the answer was not heeded: {}",
        stage.picture("s")
    );
}

/// What became of each prompt, as we told it and as the model saw it.
#[expect(clippy::print_stdout, reason = "the figures are the test's result")]
fn account(stage: &Stage, sent: &[Sent]) {
    let mut table: BTreeMap<(When, String), usize> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut accepted = 0;
    let seen = stage.agent.seen(&stage.env, &stage.llm);
    for sent in sent {
        let turn = stage.turn("s", &sent.turn["id"]);
        let state = turn["state"].as_str().unwrap_or_default().to_owned();
        let times = seen
            .get(&stage.agent.canonical(&sent.text))
            .copied()
            .unwrap_or_default();
        let is_accepted = turn["acceptedAt"].is_string();
        accepted += usize::from(is_accepted && times == 1);
        let head: String = sent.text.chars().take(60).collect();
        let said = format!(
            "{:?} {head:?}: {state}, seen {times} times ({})",
            sent.when, turn["reason"]["text"]
        );
        match (is_accepted, times) {
            (true, 1) => {}
            (true, 0) => faults.push(format!("told as accepted and not seen as sent: {said}")),
            (_, 2..) => faults.push(format!("doubled: {said}")),
            (false, _) => println!("not accepted: {said}"),
        }
        if matches!(state.as_str(), "refused" | "cancelled") && times > 0 {
            faults.push(format!("told as refused and seen: {said}"));
        }
        *table.entry((sent.when, state)).or_default() += 1;
    }
    println!(
        "{} {} prompts, accepted {accepted}: {table:?}",
        stage.agent.name,
        sent.len()
    );
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(
        accepted * 100 >= sent.len() * 99,
        "{accepted} of {} were accepted",
        sent.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_prompts_are_all_different_and_of_all_sizes() {
        let prompts = prompts(100);
        assert_eq!(prompts.len(), 100);
        let different: std::collections::BTreeSet<&String> = prompts.iter().collect();
        assert_eq!(different.len(), 100);
        assert_eq!(prompts.iter().map(String::len).min(), Some(1));
        assert!(prompts.iter().any(|prompt| prompt.len() > 99_000));
    }
}
