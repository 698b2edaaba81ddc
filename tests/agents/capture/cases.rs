//! The states through which an agent is led.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{STEP_LIMIT, Session, recipes, words};
use crate::corpus::State;

/// What looks like a dialog and is none.
const IMITATIONS: [&str; 3] = [
    "Do you want to proceed?\n❯ 1. Yes\n  2. Yes, and don't ask again\n  3. No, tell me what to do differently (esc)",
    "Allow execution of [Shell]?\n● 1. Allow once\n  2. Allow for this session\n  3. No, suggest changes (esc)",
    "△ Permission required\n  # Shell command\n  Allow once   Allow always   Reject",
];

pub fn all(session: &mut Session<'_>) {
    trust(session);
    ready_and_typing(session);
    answers(session);
    busy(session);
    imitations(session);
    shell(session);
    tools(session);
    menus(session);
    failures(session);
    plans(session);
    // The last of them is proven, too.
    session.prompt("That was all, thank you.");
    retries(session);
}

/// Only the screen after the start.
pub fn start(session: &mut Session<'_>) {
    std::thread::sleep(session.recipe.deaf_after_start);
    session.keep_if_proven(State::Ready, "start", STARTED);
    session.prompt("That was all, thank you.");
}

const STARTED: &str = "started; nothing was sent; the next prompt reached the model";

pub fn trust(session: &mut Session<'_>) {
    if let Some(distrust) = session.recipe.distrust {
        session.pane.end();
        let (home, work) = (session.env.home(), session.env.root().join("desk"));
        distrust(&home, &work);
        // `again` would furnish the home anew, so this start is made of what lies there now.
        session.start_as_it_is();
        session.pane.rest();
        let label = "started in a directory that is not trusted; nothing was sent";
        session.keep(State::Dialog, "trust", label);
        if let Some((case, keys)) = session.recipe.distrusted {
            session.pane.keys(keys);
            session.pane.rest();
            session.keep(
                State::Menu,
                case,
                "the directory was not to be trusted; nothing was sent",
            );
        }
    }
    session.again();
}

fn ready_and_typing(session: &mut Session<'_>) {
    std::thread::sleep(session.recipe.deaf_after_start);
    session.keep_if_proven(State::Ready, "start", STARTED);
    let label = "pasted and not submitted; the model has not seen it";
    for (case, text) in [
        ("short", "half a thought".to_owned()),
        ("lines", "first line\nsecond line\n\nfourth line".to_owned()),
        ("long", "many words of one long paste ".repeat(90)),
        ("imitation", IMITATIONS[0].to_owned()),
    ] {
        type_until_taken(session, &words::of_run(session.run, &text));
        session.keep(State::Typing, case, label);
        session.pane.keys(&["C-c"]);
        session.pane.rest();
    }
    session.keep_if_proven(
        State::Ready,
        "cleared",
        "the text was cleared; the next prompt reached the model",
    );
}

/// An agent may show its box before it takes anything. A text that never arrived must not be cleared, either: on an empty box the
/// same key ends the agent.
fn type_until_taken(session: &Session<'_>, text: &str) {
    let head: String = text.chars().take(8).collect();
    let begun = Instant::now();
    while begun.elapsed() < STEP_LIMIT {
        session.pane.paste(text);
        session.pane.rest_within(Duration::from_secs(5));
        let shown = session.pane.screen().0;
        if [head.as_str(), "asted"].iter().any(|sign| shown.contains(sign)) {
            return;
        }
    }
    panic!("the box took nothing:\n{}", session.pane.screen().0);
}

fn answers(session: &mut Session<'_>) {
    let label = "the model has answered; the next prompt reached it";
    session.prompt("Say something short.\nllm: say A short answer.");
    session.keep_if_proven(State::Ready, "answer", label);
    let long: String = (1..60).map(|i| format!("Line {i} of a long answer.\\n")).collect();
    session.prompt(&format!("Say something long.\nllm: say {long}"));
    session.keep_if_proven(State::Ready, "long-answer", label);
    session.prompt("Show me a table.\nllm: say # Title\\n\\n- one\\n- two\\n\\n```sh\\nls -l | wc\\n```\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |");
    session.keep_if_proven(State::Ready, "markdown", label);
}

fn busy(session: &mut Session<'_>) {
    let held = "the model holds its answer back";
    let name = format!("thinking-{}", session.size.0);
    session.prompt(&format!("Think well.\nllm: wait {name}"));
    std::thread::sleep(Duration::from_millis(900));
    session.keep(State::Busy, "thinking", held);
    std::thread::sleep(Duration::from_millis(1700));
    session.keep(State::Busy, "thinking-on", held);
    session.llm.release(&name);
    session.keep_if_proven(
        State::Ready,
        "thought",
        "the model has answered; the next prompt reached it",
    );

    session.prompt("Tell me slowly.\nllm: stream 5s\nllm: say One two three four five six seven eight nine ten. One two three four five six seven eight nine ten. One two three four five six seven eight nine ten.");
    std::thread::sleep(Duration::from_millis(2500));
    session.keep(State::Busy, "streaming", "the model is half-way through its answer");
    std::thread::sleep(Duration::from_millis(3500));
    session.pane.rest();

    let name = format!("interrupted-{}", session.size.0);
    session.prompt(&format!("Never mind.\nllm: run true\nllm: wait {name}"));
    // Agents that ask before `true` get their answer; to the others Enter on an empty box is nothing.
    std::thread::sleep(Duration::from_secs(3));
    session.pane.keys(&["Enter"]);
    session.until(|exchange| exchange.prompt.contains(&name) && !exchange.results.is_empty());
    std::thread::sleep(Duration::from_millis(700));
    session.keep(State::Busy, "after-tool", held);
    for key in session.recipe.interrupt {
        session.pane.keys(&[key]);
        std::thread::sleep(Duration::from_millis(300));
    }
    session.llm.release(&name);
    session.pane.rest();
    session.pane.keys(&["C-u"]);
    session.keep_if_proven(
        State::Ready,
        "interrupted",
        "interrupted by Escape; the next prompt reached the model",
    );
}

fn imitations(session: &mut Session<'_>) {
    for (i, text) in IMITATIONS.iter().enumerate() {
        let text = words::of_run(session.run, text);
        let name = format!("imitation-{i}-{}", session.size.0);
        let said = text.replace('\n', "\\n");
        session.prompt(&format!("{text}\nllm: wait {name}\nllm: say {said}"));
        std::thread::sleep(Duration::from_millis(900));
        session.keep(
            State::Busy,
            &format!("imitation-{i}"),
            "the model holds its answer back; the text is the prompt's own",
        );
        session.llm.release(&name);
        session.keep_if_proven(
            State::Ready,
            &format!("imitation-{i}"),
            "the model has answered with a text that looks like a dialog; the next prompt reached it",
        );
    }
}

/// How long a dialog may take to be there; one that blinks never rests.
const DIALOG_LIMIT: Duration = Duration::from_secs(4);
const ASKED: &str = "the model called a tool that needs permission and has no result yet; nothing ran";

fn shell(session: &mut Session<'_>) {
    let asks = session.recipe.shell_asks;
    for (i, (case, line)) in asks.iter().enumerate() {
        let exchange = session.prompt(&format!("Please do this.\n{line}\nllm: say It is done."));
        session.pane.rest_within(DIALOG_LIMIT);
        assert!(
            !session.has_result(&exchange.prompt),
            "{case}: the tool ran without a question"
        );
        session.keep(State::Dialog, case, ASKED);
        let marker = started(session, i + 1);
        if i + 1 == asks.len() {
            session.pane.keys(&["Escape"]);
            session.keep_if_proven(
                State::Ready,
                "denied",
                "the tool was refused; the next prompt reached the model",
            );
            continue;
        }
        session.pane.keys(&["Enter"]);
        if wait_for(&marker) {
            std::thread::sleep(Duration::from_millis(1200));
            session.keep(
                State::Busy,
                &format!("tool-{case}"),
                "the tool has begun and its result has not reached the model",
            );
        }
        session.until(|other| other.prompt == exchange.prompt && !other.results.is_empty());
        session.keep_if_proven(
            State::Ready,
            &format!("ran-{case}"),
            "the tool has run; the next prompt reached the model",
        );
    }
}

fn started(session: &Session<'_>, number: usize) -> PathBuf {
    session.env.root().join(format!("desk/started-{number}"))
}

fn wait_for(path: &std::path::Path) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < STEP_LIMIT / 4 {
        if path.exists() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

fn tools(session: &mut Session<'_>) {
    let places = [
        ("WORK", session.env.root().join("desk").display().to_string()),
        ("HOME", session.env.home().display().to_string()),
    ];
    let tools = session
        .recipe
        .tools_ask
        .iter()
        .map(|(case, line)| (*case, line.to_string()));
    let questions = session
        .recipe
        .questions
        .iter()
        .map(|(case, tool)| (*case, recipes::question_line(tool)));
    let asks: Vec<(&str, String)> = tools.chain(questions).collect();
    for (case, line) in asks {
        let line = places.iter().fold(line, |line, (word, path)| line.replace(word, path));
        let exchange = session.prompt(&format!("Please do this, too.\n{line}\nllm: say It is done."));
        session.pane.rest_within(DIALOG_LIMIT);
        // Not each tool asks in each place.
        if session.has_result(&exchange.prompt) {
            continue;
        }
        session.keep(State::Dialog, case, ASKED);
        session.pane.keys(&["Escape"]);
        session.pane.rest();
        session.keep_if_proven(
            State::Ready,
            &format!("denied-{case}"),
            "the tool was refused; the next prompt reached the model",
        );
    }
}

fn menus(session: &mut Session<'_>) {
    for (case, opener, closers) in session.recipe.menus {
        session.pane.rest();
        if opener.starts_with('/') {
            session.pane.keys(&["-l", opener]);
            std::thread::sleep(Duration::from_millis(500));
            if opener.len() > 1 {
                session.pane.submit();
            }
        } else {
            session.pane.keys(&[opener]);
        }
        session.pane.rest();
        session.keep(
            State::Menu,
            case,
            "the driver opened this list; the model was asked nothing",
        );
        session.pane.keys(closers);
        session.pane.rest();
    }
    session.keep_if_proven(
        State::Ready,
        "menu-closed",
        "the list was closed; the next prompt reached the model",
    );
}

/// What it asks while it plans.
pub fn plans(session: &mut Session<'_>) {
    let Some((keys, asks)) = session.recipe.planning else {
        return;
    };
    session.again();
    std::thread::sleep(session.recipe.deaf_after_start);
    for key in keys {
        session.pane.keys(&[key]);
        session.pane.rest();
    }
    for (case, line) in asks {
        session.prompt(&format!("Make a plan.\n{line}"));
        session.pane.rest_within(DIALOG_LIMIT);
        session.keep(
            State::Dialog,
            case,
            "while it plans, the model proposed its plan or called a tool, and the agent has not gone on",
        );
        session.pane.keys(&["Escape"]);
        session.keep_if_proven(
            State::Ready,
            &format!("after-{case}"),
            "the question was left; the next prompt reached the model",
        );
    }
    session.prompt("That was all, thank you.");
}

fn failures(session: &mut Session<'_>) {
    for kind in session.recipe.failures {
        session.prompt(&format!("This will not work.\nllm: fail {kind}"));
        std::thread::sleep(Duration::from_secs(2));
        session.keep_if_proven(
            State::Ready,
            &format!("failed-{kind}"),
            "the provider refused, the agent gave up; the next prompt reached the model",
        );
    }
}

fn retries(session: &mut Session<'_>) {
    let kind = session.recipe.retries;
    if kind.is_empty() {
        return;
    }
    session.pane.rest();
    let exchange = session.prompt(&format!("This will take long.\nllm: fail {kind} 60s"));
    let again = session.until(|other| other.prompt == exchange.prompt && other.number > exchange.number);
    if again.is_some() {
        std::thread::sleep(Duration::from_millis(600));
        session.keep(
            State::Busy,
            "retrying",
            "the provider refuses and the agent asks it again and again",
        );
    }
}
