//! The HTTP API as another program sees it.

use serde_json::json;

use crate::support::TestEnv;

#[test]
fn every_error_is_json_with_its_status() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let http = env.http();
    let errors = [
        (http.get("/v1/nothing"), 404, "not_found"),
        (http.get("/v1/sessions/nobody"), 404, "not_found"),
        (http.get("/v1/sessions?status=idel"), 400, "usage"),
        (http.get("/v1/sessions?colour=red"), 400, "usage"),
        (http.send("PUT", "/v1/sessions", &[], ""), 405, "usage"),
        (http.send("POST", "/v1/sessions", &[], "{"), 400, "usage"),
        (http.post("/v1/sessions", &json!({"prompt": "  "})), 400, "usage"),
        (http.post("/v1/sessions", &json!({"promt": "x"})), 400, "usage"),
        (
            http.post("/v1/sessions", &json!({"prompt": "x", "agent": "dem"})),
            404,
            "not_found",
        ),
        (http.get("/v1/events?after=x"), 400, "usage"),
        (
            http.post_once("/v1/sessions", &json!({"prompt": "x"}), ""),
            400,
            "usage",
        ),
    ];
    for (answer, status, kind) in errors {
        assert_eq!(answer.status, status, "{answer:#?}");
        assert_eq!(answer.json()["error"]["kind"], kind, "{answer:#?}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[test]
fn a_request_with_a_key_has_one_effect() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let http = env.http();
    let create = || http.post_once("/v1/sessions", &json!({"prompt": "hello", "name": "once"}), "k1");
    let (first, second) = (create(), create());
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json()["id"], second.json()["id"]);
    let prompt = || http.post_once("/v1/sessions/once/prompts", &json!({"text": "again"}), "k2");
    assert_eq!(prompt().json()["id"], prompt().json()["id"]);
    let turns = http.get("/v1/sessions/once/turns").json();
    assert_eq!(turns.as_array().map(Vec::len), Some(2), "{turns:#}");
}

#[test]
fn the_event_stream_resumes_after_the_last_event_that_was_seen() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let http = env.http();
    let mut stream = http.events("/v1/events", &[("Last-Event-ID", "0")]);
    let first = stream.next().expect("an event");
    assert_eq!((&first["seq"], &first["type"]), (&1.into(), &"daemon.started".into()));
    http.post("/v1/sessions", &json!({"prompt": "hello", "name": "a"}));
    let created = stream
        .find(|event| event["type"] == "session.created")
        .expect("it comes");
    drop(stream);
    let seq = created["seq"].to_string();
    let mut resumed = http.events("/v1/events", &[("Last-Event-ID", &seq)]);
    let next = resumed.next().expect("the one after it");
    assert_eq!(next["seq"].as_i64(), created["seq"].as_i64().map(|seq| seq + 1));
}

#[test]
fn the_stream_of_a_session_holds_its_events_only() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let http = env.http();
    let ids: Vec<String> = ["a", "b"]
        .iter()
        .map(|name| {
            http.post("/v1/sessions", &json!({"prompt": "hello", "name": name}))
                .json()
        })
        .map(|session| session["id"].as_str().expect("an id").to_owned())
        .collect();
    let events = http.get("/v1/events?session=b").json();
    let events = events.as_array().expect("a list");
    assert!(!events.is_empty());
    assert!(
        events.iter().all(|event| event["session"] == ids[1].as_str()),
        "{events:#?}"
    );
}

#[test]
fn a_stream_ends_when_the_daemon_is_told_to() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let mut stream = env.http().events("/v1/events", &[("Last-Event-ID", "0")]);
    stream.next().expect("an event");
    let begun = std::time::Instant::now();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(
        begun.elapsed().as_secs() < 5,
        "an open stream does not hold the daemon up"
    );
}

#[test]
fn health_tells_what_the_daemon_stands_on() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let health = env.http().get("/v1/health").json();
    assert_eq!(health["pid"], daemon.pid());
    assert_eq!(health["store"]["ok"], true);
    assert_eq!(health["tmux"]["ok"], true);
    assert_eq!(health["telegram"], serde_json::Value::Null);
}
