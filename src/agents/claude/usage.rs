//! What a turn cost, as the provider counted it into the conversation's record. Claude Code keeps no price there.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::transcript::for_each;
use crate::domain::Timestamp;
use crate::domain::outcome::Usage;

/// An answer of several parts is recorded once for each part, with the same id and the whole answer's count; the last one counts.
/// Sub-agents of the turn (side chains) are part of what it cost.
pub fn since(path: &Path, since: Timestamp) -> Option<Usage> {
    let mut answers: HashMap<String, (u64, u64)> = HashMap::new();
    for_each(path, |record| {
        let at: Option<Timestamp> = record["timestamp"].as_str().and_then(|at| at.parse().ok());
        let (message, usage) = (&record["message"], &record["message"]["usage"]);
        if record["type"] == "assistant" && at.is_some_and(|at| at >= since) && usage.is_object() {
            let count = |name: &str| usage[name].as_u64().unwrap_or(0);
            // What came from the provider's cache was read all the same.
            let input = count("input_tokens") + count("cache_creation_input_tokens") + count("cache_read_input_tokens");
            let id = id(message).unwrap_or_else(|| answers.len().to_string());
            answers.insert(id, (input, count("output_tokens")));
        }
        true
    })
    .ok()?;
    Usage::of_tokens(answers.into_values())
}

fn id(message: &Value) -> Option<String> {
    message["id"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_since_the_prompt_counts_once() {
        let line = |id: &str, at: &str, input: u64, cached: u64, output: u64| {
            format!(
                r#"{{"type":"assistant","timestamp":"{at}","message":{{"id":"{id}","usage":{{"input_tokens":{input},"cache_creation_input_tokens":0,"cache_read_input_tokens":{cached},"output_tokens":{output}}}}}}}"#
            ) + "\n"
        };
        let text = line("old", "2026-01-01T00:00:00Z", 7, 7, 7)
            + &line("a", "2026-01-01T00:00:10Z", 100, 900, 5)
            + &line("a", "2026-01-01T00:00:11Z", 100, 900, 20)
            + "{\"type\":\"user\",\"timestamp\":\"2026-01-01T00:00:12Z\",\"message\":{\"content\":\"x\"}}\n"
            + &line("b", "2026-01-01T00:00:13Z", 50, 0, 30)
            + "{\"torn";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let usage = since(file.path(), "2026-01-01T00:00:05Z".parse().unwrap()).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(1050), Some(50)));
        assert_eq!(since(file.path(), "2027-01-01T00:00:05Z".parse().unwrap()), None);
    }
}
