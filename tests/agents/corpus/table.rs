//! How well the rules of each agent read its captured screens: a table, and the marks that must be reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use telecoder::agents::{Adapter, Registry};
use telecoder::domain::screen::{Screen, ScreenReading};

use super::{Capture, State, root};

/// Right readings of a hundred, on the part that the rules were written on and on the part that was held out.
const RULES_MARK: f64 = 98.0;
const HELD_OUT_MARK: f64 = 95.0;
/// The part that no rule was written on.
const HELD_OUT_PERCENT_MIN: usize = 30;
/// Screens for each agent and family that the contract names.
const FAMILY_MIN: usize = 15;

fn captures(agent: &str) -> Vec<Capture> {
    let mut files: Vec<PathBuf> = State::ALL
        .iter()
        .flat_map(|state| {
            std::fs::read_dir(root().join(agent).join(state.word()))
                .into_iter()
                .flatten()
        })
        .map(|entry| entry.expect("a directory entry").path())
        .collect();
    files.sort();
    files.iter().map(|path| Capture::read(path)).collect()
}

fn screen(capture: &Capture) -> Screen {
    Screen {
        cursor: capture.cursor,
        ..Screen::styled(&capture.rows, usize::from(capture.size.1))
    }
}

fn is_right(state: State, reading: &ScreenReading) -> bool {
    match state {
        State::Ready => matches!(reading, ScreenReading::ComposerEmpty),
        State::Typing => matches!(reading, ScreenReading::ComposerHolds { .. }),
        State::Busy => matches!(reading, ScreenReading::Busy),
        State::Dialog => matches!(reading, ScreenReading::Dialog(_)),
        // Whatever it is called, nothing may be typed into it as a prompt.
        State::Menu => !matches!(reading, ScreenReading::ComposerEmpty | ScreenReading::Busy),
    }
}

#[derive(Default, Clone, Copy)]
struct Score {
    right: usize,
    all: usize,
}

impl Score {
    fn percent(self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            100.0 * self.right as f64 / self.all as f64
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is the test's result")]
fn judge(agent: &str, adapter: &dyn Adapter) {
    let mut table: BTreeMap<(bool, State), Score> = BTreeMap::new();
    let captures = captures(agent);
    // The newest run is the one whose screens nobody wrote a rule on.
    let held_out_run = captures.iter().map(|capture| capture.run).max();
    for capture in &captures {
        let explained = adapter.explain(&screen(capture));
        let is_right = is_right(capture.state, &explained.reading);
        let score = table
            .entry((Some(capture.run) == held_out_run, capture.state))
            .or_default();
        score.all += 1;
        score.right += usize::from(is_right);
        if !is_right {
            let (columns, rows) = capture.size;
            let rule = explained.rule.as_deref().unwrap_or("none");
            let reading = format!("{:?}", explained.reading);
            let reading: String = reading.chars().take(100).collect();
            println!(
                "wrong: {agent}/{}/{}-{}-{columns}x{rows}: {reading} (rule {rule})",
                capture.state.word(),
                capture.case,
                capture.run
            );
        }
    }
    let mut totals = [Score::default(); 2];
    println!(
        "{agent:<10} {:<9} {}",
        "part",
        State::ALL.map(|state| format!("{:>10}", state.word())).concat()
    );
    for held_out in [false, true] {
        let total = &mut totals[usize::from(held_out)];
        let cells = State::ALL.map(|state| {
            let score = table.get(&(held_out, state)).copied().unwrap_or_default();
            total.right += score.right;
            total.all += score.all;
            format!("{:>10}", format!("{}/{}", score.right, score.all))
        });
        let part = if held_out { "held out" } else { "rules" };
        println!("{agent:<10} {part:<9} {}  {:.1} %", cells.concat(), total.percent());
    }
    for state in State::ALL {
        let count = captures.iter().filter(|capture| capture.state == state).count();
        assert!(count >= FAMILY_MIN, "{agent} has {count} screens of `{}`", state.word());
    }
    let (held_out, all) = (totals[1].all, captures.len());
    assert!(
        100 * held_out >= HELD_OUT_PERCENT_MIN * all,
        "{agent}: of {all} screens only {held_out} are held out"
    );
    for (total, mark) in totals.iter().zip([RULES_MARK, HELD_OUT_MARK]) {
        assert!(
            total.percent() >= mark,
            "{agent}: {:.1} %, at least {mark} %",
            total.percent()
        );
    }
}

/// The rules as they come with the program, without those of any person.
fn registry() -> Registry {
    Registry::new(&BTreeMap::new(), None).expect("the built-in agents")
}

macro_rules! judged {
    ($($agent:ident),*) => {$(
        #[test]
        fn $agent() {
            let adapter = registry().get(stringify!($agent)).expect("a built-in agent");
            judge(stringify!($agent), adapter.as_ref());
        }
    )*};
}

judged!(claude, codex, opencode, gemini);
