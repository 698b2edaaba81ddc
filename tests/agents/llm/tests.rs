//! What the server takes and what it refuses, as bytes.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::FakeLlm;

struct Answer {
    status: u16,
    body: String,
}

fn post(llm: &FakeLlm, path: &str, body: &Value) -> Answer {
    let mut stream = TcpStream::connect(llm.address).expect("the server");
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer k\r\n\
         X-Goog-Api-Key: k\r\nAnthropic-Version: 2023-06-01\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).expect("sending");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("reading");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    Answer {
        status: head[9..12].parse().expect("a status"),
        body: body.to_owned(),
    }
}

const TOOL: &str = "Bash";

fn messages(items: &Value) -> Value {
    let tool = json!({"name": TOOL, "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}});
    json!({"model": "m", "max_tokens": 100, "messages": items, "tools": [tool]})
}

#[test]
fn each_interface_answers_in_its_own_form() {
    let llm = FakeLlm::start();
    let prompt = "hello\nllm: say well";
    let user = json!([{"role": "user", "content": prompt}]);
    let bodies = [
        ("/v1/messages", messages(&user), "/content/0/text"),
        (
            "/v1/responses",
            json!({"model": "m", "input": prompt, "tools": [{"type": "function", "name": "shell", "parameters": {}}]}),
            "/output/0/content/0/text",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": user, "tools": [{"type": "function", "function": {"name": "bash"}}]}),
            "/choices/0/message/content",
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}],
                   "tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}]}),
            "/candidates/0/content/parts/0/text",
        ),
    ];
    for (path, body, at) in bodies {
        let answer = post(&llm, path, &body);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let value: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(value.pointer(at), Some(&json!("well")), "{path}: {value:#}");
    }
    let prompts: Vec<String> = llm.exchanges().into_iter().map(|exchange| exchange.prompt).collect();
    assert_eq!(prompts, [prompt; 4]);
    assert!(llm.violations().is_empty());
}

#[test]
fn what_a_provider_refuses_is_refused_and_remembered() {
    let llm = FakeLlm::start();
    let call = json!({"type": "tool_use", "id": "t1", "name": TOOL, "input": {}});
    let broken = [
        ("/v1/messages", messages(&json!([])), "at least one message"),
        (
            "/v1/messages",
            messages(&json!([{"role": "user", "content": ""}])),
            "non-empty",
        ),
        (
            "/v1/messages",
            messages(
                &json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": [call]}, {"role": "user", "content": "y"}]),
            ),
            "without `tool_result` blocks",
        ),
        (
            "/v1/responses",
            json!({"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}),
            "No tool call found",
        ),
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}),
            "must be a response to a preceding message",
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"role": "user", "parts": []}]}),
            "must not be empty",
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"parts": [{"text": "x"}]}], "colour": "red"}),
            "Unknown name",
        ),
    ];
    for (path, body, word) in &broken {
        let answer = post(&llm, path, body);
        assert_eq!(answer.status, 400, "{path} took {body}");
        assert!(answer.body.contains(word), "{path}: {}", answer.body);
    }
    assert_eq!(llm.violations().len(), broken.len());
    assert!(llm.exchanges().is_empty());
}

#[test]
fn a_stream_says_the_text_piece_by_piece_and_an_answer_waits_for_its_release() {
    let llm = FakeLlm::start();
    let user = json!([{"role": "user", "content": "llm: wait gate\nllm: say one two three four five six seven eight"}]);
    let mut body = messages(&user);
    body["stream"] = json!(true);
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| post(&llm, "/v1/messages", &body));
        while llm.exchanges().is_empty() {
            std::thread::yield_now();
        }
        assert!(!asked.is_finished());
        llm.release("gate");
        asked.join().expect("an answer")
    });
    let deltas = answer.body.lines().filter(|line| line.contains("text_delta")).count();
    assert_eq!(deltas, 2, "{}", answer.body);
    assert!(answer.body.contains("event: message_stop"));
}

#[test]
fn failures_have_the_providers_own_words_and_may_pass() {
    let llm = FakeLlm::start();
    let user = |text: &str| messages(&json!([{"role": "user", "content": text}]));
    let answer = post(&llm, "/v1/messages", &user("llm: fail overloaded"));
    assert_eq!(answer.status, 529);
    assert!(answer.body.contains("overloaded_error"));
    let passing = user("llm: fail limit 200ms\nllm: say back");
    assert_eq!(post(&llm, "/v1/messages", &passing).status, 429);
    std::thread::sleep(std::time::Duration::from_millis(250));
    assert_eq!(post(&llm, "/v1/messages", &passing).status, 200);
    assert!(llm.violations().is_empty());
}
