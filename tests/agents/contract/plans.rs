//! A plan that the agent makes first: it is asked about as one, a No keeps it from being carried out, and after a Yes it is.

use std::time::Duration;

use super::stage::Stage;

/// How soon a key that was taken shows, on a busy machine too: one that is pressed again while the first still waits to be shown leads
/// a mode too far.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
const PRESSES: usize = 3;
/// What the person wants instead; more than a row.
const OTHERWISE: &str = "not without a test; and $(look); and say in the plan what is done where the file is there already, whose it is then, \
    and what becomes of what stood in it, for 1 of them is not ours";
/// What somebody writes and does not send.
const BEGUN: &str = "zebras";

/// A key that a person presses at the terminal.
struct Key {
    name: &'static str,
    /// The screen says so once it was taken.
    shows: &'static str,
}

/// How a person turns the agent to planning at the terminal, and how it comes up with a plan there.
struct Planning {
    keys: &'static [Key],
    prompt: &'static str,
    /// It asks in the middle of its turn, with a tool; else behind the turn's end, with the plan as its answer.
    asks_by_tool: bool,
    /// The words in which the model hears of a Yes.
    approved: &'static str,
}

fn planning(name: &str) -> Option<Planning> {
    match name {
        "claude" => Some(Planning {
            keys: &[
                Key {
                    name: "BTab",
                    shows: "accept edits",
                },
                Key {
                    name: "BTab",
                    shows: "plan mode",
                },
            ],
            prompt: "llm: tool Write {\"file_path\": \"PLAN_FILE\", \"content\": \"# The plan\\n\\n1. Make the file.\\n\"}\n\
                     llm: tool ExitPlanMode {\"plan\": \"1. Make the file.\"}\nllm: say carried out",
            asks_by_tool: true,
            approved: "approved",
        }),
        "codex" => Some(Planning {
            keys: &[Key {
                name: "BTab",
                shows: "Plan mode",
            }],
            prompt: r"llm: say <proposed_plan>\n1. Make the file.\n</proposed_plan>",
            asks_by_tool: false,
            approved: "Implement the plan.",
        }),
        _ => None,
    }
}

pub fn decided(name: &str) {
    let stage = Stage::of(name);
    let Some(planning) = planning(name) else {
        // It has no plans to decide on.
        return stage.end();
    };
    stage.begin("s");
    for key in planning.keys {
        press_until_taken(&stage, key);
    }
    if planning.asks_by_tool {
        commands_are_asked_about(&stage);
        // The model has to ask for the tool before it may be called.
        stage.ask(
            "s",
            r#"llm: tool ToolSearch {"query": "select:ExitPlanMode", "max_results": 1}"#,
        );
    }
    if planning.asks_by_tool {
        a_plan_is_sent_back(&stage, &planning);
    }
    for (verb, is_yes) in [("deny", false), ("approve", true)] {
        let turn = stage.send("s", planning.prompt);
        let dialog = stage.wait_dialog("s")["dialog"].clone();
        assert_eq!(dialog["kind"], "plan", "{dialog:#}");
        assert!(!was_approved(&stage, &planning), "before anybody said so");
        stage.succeeds("s", &[verb, "s"]);
        stage.quiet("s");
        let turn = stage.turn("s", &turn["id"]);
        let picture = || stage.picture("s");
        if planning.asks_by_tool {
            let state = if is_yes { "finished" } else { "interrupted" };
            assert_eq!(turn["state"], state, "{}", picture());
            assert!(is_yes || turn["reason"]["code"] == "interrupted", "{turn:#}");
        } else {
            assert_eq!(
                turn["finalText"], "1. Make the file.",
                "the plan is the answer: {turn:#}"
            );
        }
        if is_yes {
            crate::support::eventually("the plan is carried out", || {
                was_approved(&stage, &planning).then_some(())
            });
            stage.quiet("s");
        } else {
            assert!(!was_approved(&stage, &planning), "{}", picture());
        }
    }
    stage.end();
}

/// Codex takes a key for its mode only once it has put its turn away, a moment after its hook told of the turn's end, and passes
/// over it until then; so a person who sees that nothing happened presses again.
fn press_until_taken(stage: &Stage, key: &Key) {
    for _ in 0..PRESSES {
        stage.env.cmd(&["keys", "s", key.name]).ok();
        if stage.env.screen_within(TAKEN_WITHIN, "s", key.shows).is_ok() {
            return;
        }
    }
    panic!("{} does not lead to {:?}: {}", key.name, key.shows, stage.picture("s"));
}

/// What the person wants otherwise reaches the model as it was said.
fn a_plan_is_sent_back(stage: &Stage, planning: &Planning) {
    stage.send("s", planning.prompt);
    let digest = stage.wait_dialog("s")["dialog"]["digest"].clone();
    // Somebody at the terminal began to write there, more than a row, and left the cursor in the middle of it.
    press_until_taken(
        stage,
        &Key {
            name: "3",
            shows: "❯ 3.",
        },
    );
    let begun = BEGUN.repeat(40);
    let letters: Vec<String> = begun.chars().map(String::from).collect();
    let typed: Vec<&str> = ["keys", "s"]
        .into_iter()
        .chain(letters.iter().map(String::as_str))
        .collect();
    stage.env.cmd(&typed).ok();
    stage.env.wait_screen("s", &format!("❯ 3. {BEGUN}"));
    stage.env.cmd(&["keys", "s", "Left", "Left"]).ok();
    assert_eq!(
        stage.wait_dialog("s")["dialog"]["digest"],
        digest,
        "{}",
        stage.picture("s")
    );
    stage.succeeds("s", &["answer", "s", OTHERWISE]);
    stage.quiet("s");
    let exchanges = stage.llm.exchanges();
    let heard = exchanges.last().expect("a request").results.join("\n");
    assert!(heard.contains(OTHERWISE), "{heard}\n{}", stage.picture("s"));
    assert!(!heard.contains(&BEGUN[..4]), "{heard}");
    assert!(!was_approved(stage, planning), "{heard}");
}

fn was_approved(stage: &Stage, planning: &Planning) -> bool {
    let exchanges = stage.llm.exchanges();
    exchanges.iter().any(|exchange| match planning.asks_by_tool {
        true => exchange.results.iter().any(|result| result.contains(planning.approved)),
        false => exchange.prompt == planning.approved,
    })
}

/// While it plans, what its own check cannot judge is a question in another form, whose first choice is No.
fn commands_are_asked_about(stage: &Stage) {
    let marker = stage.work("s").join("made");
    for (verb, is_made) in [("deny", false), ("approve", true)] {
        let turn = stage.send("s", "llm: run touch made\nllm: say went on");
        let dialog = stage.wait_dialog("s")["dialog"].clone();
        assert_eq!(dialog["kind"], "permission", "{dialog:#}");
        assert!(
            dialog["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("touch made")),
            "{dialog:#}"
        );
        stage.succeeds("s", &[verb, "s"]);
        stage.quiet("s");
        assert_eq!(marker.exists(), is_made, "{verb}: {}", stage.picture("s"));
        let turn = stage.turn("s", &turn["id"]);
        let state = if is_made { "finished" } else { "interrupted" };
        assert_eq!(turn["state"], state, "{turn:#}");
        assert!(is_made || turn["reason"]["code"] == "interrupted", "{turn:#}");
    }
}
