//! What a command did.

use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Output {
    /// The command line, for messages.
    pub line: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The same, when it ended with this code; otherwise the test ends with everything it said.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not JSON: {e}: {self:#?}"))
    }

    /// stdout as JSON documents, one a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The error that `--json` printed on stderr (its last line; talk may stand before it).
    #[track_caller]
    pub fn json_error(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        value["error"].clone()
    }
}
