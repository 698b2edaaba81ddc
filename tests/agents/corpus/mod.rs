//! Captured screens of the real agents: the files, and how well the rules read them.
//!
//! A file is `screens/<agent>/<state>/<case>-<run>-<size>.txt`: lines `# key: value`, a line `---`, and the rows as the terminal gave
//! them, with their style.

mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What an agent was seen to be in, by what the model or the driver knew at capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The box is there and empty.
    Ready,
    /// The box holds text that was not sent.
    Typing,
    Busy,
    Dialog,
    /// A list or a screen of the agent's own takes the keys: nothing may be typed as a prompt.
    Menu,
}

impl State {
    pub const ALL: [State; 5] = [State::Ready, State::Typing, State::Busy, State::Dialog, State::Menu];

    pub fn word(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Typing => "typing",
            State::Busy => "busy",
            State::Dialog => "dialog",
            State::Menu => "menu",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One captured screen.
#[derive(Debug, Clone)]
pub struct Capture {
    pub agent: String,
    pub version: String,
    pub state: State,
    pub case: String,
    pub run: u32,
    /// Columns and rows.
    pub size: (u16, u16),
    pub cursor: (u16, u16),
    /// Who knew the state, and how.
    pub label: String,
    /// The rows with their escape sequences.
    pub rows: String,
}

impl Capture {
    fn path(&self, root: &Path) -> PathBuf {
        let (columns, rows) = self.size;
        let name = format!("{}-{}-{columns}x{rows}.txt", self.case, self.run);
        root.join(&self.agent).join(self.state.word()).join(name)
    }

    pub fn write(&self, root: &Path) {
        let path = self.path(root);
        std::fs::create_dir_all(path.parent().expect("a file has a directory")).expect("a directory");
        let text = format!(
            "# agent: {}\n# version: {}\n# state: {}\n# case: {}\n# run: {}\n# size: {}x{}\n# cursor: {},{}\n# label: {}\n---\n{}\n",
            self.agent,
            self.version,
            self.state.word(),
            self.case,
            self.run,
            self.size.0,
            self.size.1,
            self.cursor.0,
            self.cursor.1,
            self.label,
            self.rows,
        );
        std::fs::write(path, text).expect("writing a screen");
    }

    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a captured screen");
        let (head, rows) = text.split_once("\n---\n").expect("a head and rows");
        let head: BTreeMap<&str, &str> = head
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
            .collect();
        let field = |name: &str| {
            *head
                .get(name)
                .unwrap_or_else(|| panic!("{}: no `{name}`", path.display()))
        };
        let pair = |name: &str, mark: char| {
            let (first, second) = field(name).split_once(mark).expect("a pair");
            (first.parse().expect("a number"), second.parse().expect("a number"))
        };
        Self {
            agent: field("agent").to_owned(),
            version: field("version").to_owned(),
            state: State::of(field("state")).expect("a state"),
            case: field("case").to_owned(),
            run: field("run").parse().expect("a number"),
            size: pair("size", 'x'),
            cursor: pair("cursor", ','),
            label: field("label").to_owned(),
            rows: rows.trim_end_matches('\n').to_owned(),
        }
    }
}

/// `tests/agents/screens`
pub fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/agents/screens")
}
