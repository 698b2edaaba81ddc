//! What a turn cost, from the `token_count` events of Codex's transcript. Each holds the sums of the whole conversation and those
//! of the last request; the requests since the prompt are the turn's. Codex keeps no price there.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::outcome::Usage;

/// A line that is longer is no count.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The same count may be told twice; it is told by the sums of the whole conversation, which then stand still.
pub fn since(path: &Path, since: Timestamp) -> Option<Usage> {
    let mut reader = BufReader::new(File::open(path).ok()?);
    let (mut line, mut last_total, mut requests) = (Vec::new(), Value::Null, Vec::new());
    while reader.read_until(b'\n', &mut line).ok()? > 0 {
        if line.len() <= LINE_BYTES_MAX
            && let Some((at, info)) = count(&line)
            && info["total_token_usage"] != last_total
        {
            last_total = info["total_token_usage"].clone();
            let one = &info["last_token_usage"];
            if at >= since
                && let (Some(input), Some(output)) = (one["input_tokens"].as_u64(), one["output_tokens"].as_u64())
            {
                requests.push((input, output));
            }
        }
        line.clear();
    }
    Usage::of_tokens(requests)
}

fn count(line: &[u8]) -> Option<(Timestamp, Value)> {
    let needle = b"\"token_count\"";
    if !line.windows(needle.len()).any(|window| window == needle) {
        return None;
    }
    let mut record: Value = serde_json::from_slice(line).ok()?;
    let at = record["timestamp"].as_str()?.parse().ok()?;
    (record["payload"]["type"] == "token_count").then(|| (at, record["payload"]["info"].take()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_since_the_prompt_are_counted_once() {
        let line = |at: &str, total: u64, input: u64| {
            format!(
                r#"{{"timestamp":"{at}","type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{total}}},"last_token_usage":{{"input_tokens":{input},"cached_input_tokens":0,"output_tokens":20}}}}}}}}"#
            ) + "\n"
        };
        let text = line("2026-01-01T00:00:00Z", 100, 100)
            + &line("2026-01-01T00:00:10Z", 250, 150)
            + &line("2026-01-01T00:00:11Z", 250, 150)
            + r#"{"timestamp":"2026-01-01T00:00:12Z","type":"event_msg","payload":{"type":"token_count","info":null}}"#
            + "\n"
            + &line("2026-01-01T00:00:13Z", 300, 50);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let usage = since(file.path(), "2026-01-01T00:00:05Z".parse().unwrap()).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(200), Some(40)));
    }
}
