//! The script language of prompts: lines of the form `llm: WORD ARGUMENT`. Everything else in a prompt is text.
//!
//! | directive | the model |
//! |---|---|
//! | `llm: run COMMAND` | calls the agent's shell tool; several run one after the other |
//! | `llm: tool NAME {json}` | calls this tool with this input |
//! | `llm: try run COMMAND`, `llm: try tool NAME {json}` | the same, and nothing where the agent does not offer that tool |
//! | `llm: with {json}` | adds these arguments to each call of the shell tool |
//! | `llm: say TEXT` | answers this; `\n` in it makes a line |
//! | `llm: sleep 2s` | is silent for so long before it answers |
//! | `llm: stream 3s` | says its text over so long |
//! | `llm: wait NAME` | is silent until the test releases NAME |
//! | `llm: fail KIND [2s]` | is refused by the provider (kinds: `failure`), for good or for so long |
//!
//! Without `say` the answer names the prompt's length and digest, so that a screen stays short whatever the prompt.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::failure::Failure;
use super::schema;
use super::talk::{Reply, Request, Tool};

/// What is done for one request, in this order.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub failure: Option<(Failure, Option<Duration>)>,
    pub wait: Option<String>,
    pub sleep: Duration,
    pub stream: Duration,
    pub reply: Reply,
}

/// Names of the shell tool in the real agents.
const SHELL_TOOLS: &[&str] = &[
    "Bash",
    "bash",
    "run_shell_command",
    "exec_command",
    "shell_command",
    "shell",
    "exec",
];

/// What the script of the waiting prompt says. Err: the script or the agent's tools do not allow it.
pub fn plan(request: &Request) -> Result<Plan, String> {
    let (prompt, results) = request.waiting();
    let script = Script::read(&prompt);
    let mut plan = Plan {
        failure: None,
        wait: None,
        sleep: Duration::ZERO,
        stream: Duration::ZERO,
        reply: Reply::Text(String::new()),
    };
    if !request.is_main() {
        plan.reply = Reply::Text(side_answer(request));
        return Ok(plan);
    }
    plan.failure = script.failure()?;
    let calls = script.calls(request);
    if let Some(call) = calls.get(results.len()) {
        plan.reply = script.call(request, call)?;
        return Ok(plan);
    }
    plan.wait = script.last("wait").map(str::to_owned);
    plan.sleep = script.time("sleep")?;
    plan.stream = script.time("stream")?;
    plan.reply = Reply::Text(match script.last("say") {
        Some(text) => text.replace("\\n", "\n"),
        None => receipt(&prompt),
    });
    Ok(plan)
}

/// `got N bytes, sha256 XXXXXXXXXXXX`
fn receipt(prompt: &str) -> String {
    let digest = Sha256::digest(prompt.as_bytes());
    let head: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("got {} bytes, sha256 {head}", prompt.len())
}

/// What an agent asks for itself (a title for the conversation) has the form that it demanded.
fn side_answer(request: &Request) -> String {
    match &request.answer_schema {
        Some(form) => schema::example(form).to_string(),
        None => "Quiet work".to_owned(),
    }
}

struct Script<'a> {
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Script<'a> {
    fn read(prompt: &'a str) -> Self {
        let directives = prompt.lines().filter_map(|line| {
            let rest = line.trim().strip_prefix("llm:")?.trim();
            Some(
                rest.split_once(' ')
                    .map_or((rest, ""), |(word, argument)| (word, argument.trim())),
            )
        });
        Self {
            lines: directives.collect(),
        }
    }

    fn last(&self, word: &str) -> Option<&'a str> {
        let found = self.lines.iter().rev().find(|(found, _)| *found == word);
        found.map(|(_, argument)| *argument)
    }

    fn time(&self, word: &str) -> Result<Duration, String> {
        self.last(word).map_or(Ok(Duration::ZERO), seconds)
    }

    fn failure(&self) -> Result<Option<(Failure, Option<Duration>)>, String> {
        let Some(argument) = self.last("fail") else {
            return Ok(None);
        };
        let (kind, time) = match argument.split_once(' ') {
            Some((kind, time)) => (kind, Some(seconds(time)?)),
            None => (argument, None),
        };
        Ok(Some((Failure::named(kind)?, time)))
    }

    fn calls(&self, request: &Request) -> Vec<(&'a str, &'a str)> {
        let calls = self.lines.iter().filter_map(|(word, argument)| match *word {
            "run" | "tool" => Some((*word, *argument)),
            "try" => argument.split_once(' ').filter(|call| is_offered(request, call)),
            _ => None,
        });
        calls.collect()
    }

    fn call(&self, request: &Request, (word, argument): &(&str, &str)) -> Result<Reply, String> {
        if *word == "tool" {
            let (name, input) = argument.split_once(' ').ok_or("`tool` needs a name and an input")?;
            if !request.tools.contains_key(name) {
                return Err(format!("no tool `{name}` among {:?}", request.tools.keys()));
            }
            let plan_file = request.plan_file.as_deref().unwrap_or("PLAN_FILE");
            let input = serde_json::from_str(&input.replace("PLAN_FILE", plan_file))
                .map_err(|e| format!("the input of `{name}`: {e}"))?;
            return Ok(Reply::Call {
                tool: name.to_owned(),
                input,
            });
        }
        let name = shell_tool(request).ok_or_else(|| format!("no shell tool among {:?}", request.tools.keys()))?;
        let mut input = shell_input(&request.tools[name], argument);
        if let (Some(fields), Some(more)) = (input.as_object_mut(), self.last("with")) {
            let more: Map<String, Value> =
                serde_json::from_str(more).map_err(|e| format!("the argument of `with`: {e}"))?;
            fields.extend(more);
        }
        Ok(Reply::Call {
            tool: name.to_owned(),
            input,
        })
    }
}

fn shell_tool(request: &Request) -> Option<&'static str> {
    let offered = SHELL_TOOLS.iter().find(|name| request.tools.contains_key(**name));
    offered.copied()
}

fn is_offered(request: &Request, (word, argument): &(&str, &str)) -> bool {
    match *word {
        "tool" => argument
            .split(' ')
            .next()
            .is_some_and(|name| request.tools.contains_key(name)),
        _ => shell_tool(request).is_some(),
    }
}

/// What the shell tool takes for this command, by its own schema.
fn shell_input(tool: &Tool, command: &str) -> Value {
    let Tool::Object(schema) = tool else {
        // A tool without a form runs a small program that may call the shell.
        let call = json!({"cmd": command});
        return Value::String(format!("const r = await tools.exec_command({call}); text(r.output);"));
    };
    let properties = &schema["properties"];
    let mut input = Map::new();
    if properties.get("cmd").is_some() {
        input.insert("cmd".into(), json!(command));
    } else if properties["command"]["type"] == "array" {
        input.insert("command".into(), json!(["bash", "-c", command]));
    } else {
        input.insert("command".into(), json!(command));
    }
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let form = &properties[name];
        input.entry(name).or_insert_with(|| schema::example(form));
    }
    Value::Object(input)
}

/// `2s`, `1.5s`, `250ms`
fn seconds(text: &str) -> Result<Duration, String> {
    let (number, factor) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number.parse().map_err(|_| format!("cannot read `{text}` as a time"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::talk::Item;
    use super::*;

    fn request(prompt: &str, results: &[&str]) -> Request {
        let mut items = vec![Item::User(vec![prompt.to_owned()])];
        items.extend(results.iter().map(|text| Item::Result(text.to_string())));
        let schema = json!({"properties": {"command": {"type": "string"}, "limit": {"type": "integer"}},
                            "required": ["command", "limit"]});
        Request {
            model: "m".into(),
            stream: true,
            items,
            tools: BTreeMap::from([("Bash".into(), Tool::Object(schema))]),
            answer_schema: None,
            plan_file: None,
        }
    }

    #[test]
    fn commands_run_one_after_the_other_and_then_the_text_comes() {
        let prompt = "please\nllm: run ls -l\n llm: run pwd\nllm: say done\\nwell\nllm: sleep 250ms";
        let call = |command: &str| Reply::Call {
            tool: "Bash".into(),
            input: json!({"command": command, "limit": 1}),
        };
        assert_eq!(plan(&request(prompt, &[])).unwrap().reply, call("ls -l"));
        assert_eq!(plan(&request(prompt, &["x"])).unwrap().reply, call("pwd"));
        let last = plan(&request(prompt, &["x", "y"])).unwrap();
        assert_eq!(last.reply, Reply::Text("done\nwell".into()));
        assert_eq!(last.sleep, Duration::from_millis(250));
    }

    #[test]
    fn what_is_only_tried_needs_no_tool() {
        let prompt = "llm: try tool Write {}\nllm: try run pwd\nllm: say done";
        let mut request = request(prompt, &[]);
        let call = plan(&request).unwrap().reply;
        assert!(matches!(call, Reply::Call { tool, .. } if tool == "Bash"));
        let other = request.tools.remove("Bash").unwrap();
        request.tools.insert("Read".into(), other);
        assert_eq!(plan(&request).unwrap().reply, Reply::Text("done".into()));
    }

    #[test]
    fn a_prompt_without_a_script_gets_a_receipt() {
        let reply = plan(&request("hello\nllm of some kind", &[])).unwrap().reply;
        assert_eq!(reply, Reply::Text("got 22 bytes, sha256 85afff73cec6".into()));
    }

    #[test]
    fn a_script_that_cannot_be_done_is_told() {
        assert!(plan(&request("llm: sleep soon", &[])).is_err());
        assert!(plan(&request("llm: fail somehow", &[])).is_err());
        assert!(plan(&request("llm: tool Nothing {}", &[])).is_err());
    }
}
