//! Captures screens of a real agent, each labelled by what the model or the driver knew at that moment, never by the screen itself:
//! `script/capture-screens AGENT RUN`.
//!
//! The agent is driven by plain tmux and by none of our own code, so that the corpus does not take our mistakes for the truth. A
//! `ready` screen is kept only when the next prompt reached the model; a `busy` one while the model holds its answer back or the tool
//! is seen to run; a `dialog` one while the model waits for the result of a call that needs permission.
//!
//! Each run has terminal sizes of its own, and from the third on other texts: the newest run of an agent is the part of the corpus
//! that no rule was written on.

mod cases;
mod pane;
mod recipes;
mod words;

use std::time::{Duration, Instant};

use telecoder::domain::screen::Screen;

use crate::corpus::{self, Capture, State};
use crate::llm::{Exchange, FakeLlm};
use crate::support::TestEnv;
use crate::{homes, programs};

use pane::Pane;
use recipes::Recipe;

/// Sizes of each run.
const SIZES: [&[(u16, u16)]; 4] = [
    &[(120, 40), (80, 24), (200, 50), (60, 20), (40, 12)],
    &[(140, 45), (70, 18)],
    &[(100, 30), (160, 36), (50, 26)],
    &[(110, 32), (64, 30), (54, 22), (180, 44), (90, 28)],
];

/// How long an agent may take for one step on a busy machine.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// How long a prompt may take to reach the model until Enter is pressed again.
const ENTER_LIMIT: Duration = Duration::from_secs(20);

/// One agent in one terminal, from its start to its end.
struct Session<'a> {
    recipe: &'a Recipe,
    /// Ended before the directory goes in which its terminal's socket is.
    pane: Pane,
    env: TestEnv,
    llm: FakeLlm,
    run: u32,
    size: (u16, u16),
    /// Screens that count only when the next prompt reaches the model.
    unproven: Vec<Capture>,
    prompts: usize,
}

fn capture(agent: &str) {
    let run: u32 = std::env::var("CAPTURE_RUN").map_or(1, |run| run.parse().expect("a run's number"));
    let recipe = recipes::of(agent);
    let only = std::env::var("CAPTURE_ONLY").unwrap_or_default();
    let only_size = std::env::var("CAPTURE_SIZE").ok();
    for size in SIZES[run as usize - 1] {
        let word = format!("{}x{}", size.0, size.1);
        if only_size.as_ref().is_some_and(|only| *only != word) {
            continue;
        }
        let mut session = Session::start(&recipe, run, *size);
        match only.as_str() {
            "" => cases::all(&mut session),
            "start" => cases::start(&mut session),
            "plans" => cases::plans(&mut session),
            "trust" => cases::trust(&mut session),
            other => panic!("no part `{other}` of a run: start, plans, trust"),
        }
    }
}

impl<'a> Session<'a> {
    fn start(recipe: &'a Recipe, run: u32, size: (u16, u16)) -> Self {
        let llm = FakeLlm::start();
        let env = TestEnv::new();
        let pane = launch(recipe, &env, &llm, size);
        Self {
            recipe,
            env,
            llm,
            run,
            size,
            pane,
            unproven: Vec::new(),
            prompts: 0,
        }
    }

    /// Ends the program and starts it anew in a home as it was at first.
    fn again(&mut self) {
        self.pane.end();
        self.pane = launch(self.recipe, &self.env, &self.llm, self.size);
    }

    /// Starts the program in its home as that is now.
    fn start_as_it_is(&mut self) {
        self.pane = open(self.recipe, &self.env, &self.llm, self.size);
    }

    /// Whether the result of a tool has reached the model for this prompt.
    fn has_result(&self, prompt: &str) -> bool {
        let exchanges = self.llm.exchanges();
        exchanges
            .iter()
            .any(|exchange| exchange.prompt == prompt && !exchange.results.is_empty())
    }

    fn take(&self, state: State, case: &str, label: &str) -> Capture {
        let (rows, cursor) = self.pane.screen();
        assert!(!is_blank(&rows), "{case}: nothing is on the screen");
        Capture {
            agent: self.recipe.agent.to_owned(),
            version: programs::pinned_version(self.recipe.agent),
            state,
            case: case.to_owned(),
            run: self.run,
            size: self.size,
            cursor,
            label: label.to_owned(),
            rows: self.anonymous(&rows),
        }
    }

    /// The temporary directory's name says nothing and is different each time.
    fn anonymous(&self, rows: &str) -> String {
        let root = self.env.root().display().to_string();
        let plain = format!("/tmp/{}", "w".repeat(root.len().saturating_sub(5)));
        rows.replace(&root, &plain)
    }

    fn keep(&self, state: State, case: &str, label: &str) {
        self.take(state, case, label).write(&corpus::root());
    }

    /// A screen that rests now; it counts when the next prompt reaches the model.
    fn keep_if_proven(&mut self, state: State, case: &str, label: &str) {
        self.pane.rest();
        let taken = self.take(state, case, label);
        self.unproven.push(taken);
    }

    /// Sends a prompt and waits until the model has it; what was taken before is proven then.
    fn prompt(&mut self, text: &str) -> Exchange {
        self.prompts += 1;
        let tag = format!("({}-{})", self.prompts, self.size.0);
        let text = format!("{}\n{tag}", words::of_run(self.run, text));
        self.pane.paste(&text);
        self.pane.submit();
        let has_it = |exchange: &Exchange| exchange.prompt.contains(&tag);
        // A busy program loses an Enter that comes soon after a paste; on an empty box a second one is nothing.
        let exchange = self.until_within(ENTER_LIMIT, has_it).or_else(|| {
            self.pane.submit();
            self.until(has_it)
        });
        let Some(exchange) = exchange else {
            panic!("prompt {tag} did not reach the model:\n{}", self.pane.screen().0);
        };
        for capture in self.unproven.drain(..) {
            capture.write(&corpus::root());
        }
        exchange
    }

    /// Waits for an exchange of the main conversation.
    fn until(&self, is_it: impl Fn(&Exchange) -> bool) -> Option<Exchange> {
        self.until_within(STEP_LIMIT, is_it)
    }

    fn until_within(&self, limit: Duration, is_it: impl Fn(&Exchange) -> bool) -> Option<Exchange> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let found = self
                .llm
                .exchanges()
                .into_iter()
                .find(|exchange| exchange.main && is_it(exchange));
            if found.is_some() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

fn is_blank(rows: &str) -> bool {
    Screen::styled(rows, rows.lines().count()).text().is_empty()
}

/// Furnishes the home and starts the program.
fn launch(recipe: &Recipe, env: &TestEnv, llm: &FakeLlm, size: (u16, u16)) -> Pane {
    let work = env.root().join("desk");
    std::fs::create_dir_all(&work).expect("a directory");
    homes::furnish(recipe.agent, &env.home(), &llm.url());
    (recipe.prepare)(&env.home(), &work);
    open(recipe, env, llm, size)
}

fn open(recipe: &Recipe, env: &TestEnv, llm: &FakeLlm, size: (u16, u16)) -> Pane {
    let mut variables: Vec<(String, String)> = homes::variables(recipe.agent, &llm.url())
        .into_iter()
        .chain(recipe.variables.iter().map(|(name, value)| (*name, value.to_string())))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let path = programs::path_with(recipe.agent);
    variables.push(("PATH".into(), path.to_string_lossy().into_owned()));
    let argv: Vec<&str> = [recipe.agent].iter().chain(recipe.args).copied().collect();
    Pane::start(env, &argv, &variables, &env.root().join("desk"), size)
}

macro_rules! agents {
    ($($agent:ident)*) => {$(
        #[test]
        #[ignore = "drives the real program for minutes: script/capture-screens"]
        fn $agent() {
            capture(stringify!($agent));
        }
    )*};
}

agents!(claude codex opencode gemini);
