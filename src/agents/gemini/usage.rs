//! What a turn cost, from the `tokens` of the answers in the program's own record. It keeps no price there.

use serde_json::Value;

use super::transcript::{Line, files_of, lines};
use crate::domain::Timestamp;
use crate::domain::agent::AgentPlace;
use crate::domain::outcome::Usage;

/// An answer is written again when something is added to it (the results of its tools), under the same id; the last one counts.
pub fn since(place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
    let mut answers = std::collections::HashMap::new();
    for file in files_of(place) {
        for line in lines(&file).ok()?.into_iter().flatten() {
            if line.is("gemini") && line.is_since(since) && line.tokens.is_object() {
                let id = line.id.clone().unwrap_or_else(|| answers.len().to_string());
                answers.insert(id, counted(&line));
            }
        }
    }
    Usage::of_tokens(answers.into_values())
}

fn counted(line: &Line) -> (u64, u64) {
    let count = |name: &str| line.tokens.get(name).and_then(Value::as_u64).unwrap_or(0);
    // Thoughts are written, and what tools added is read.
    (count("input") + count("tool"), count("output") + count("thoughts"))
}
