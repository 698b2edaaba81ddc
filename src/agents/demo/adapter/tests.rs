//! What the adapter promises, by its command lines and its record.

use super::*;
use crate::domain::ids::LaunchNo;

fn session() -> SessionId {
    "abcdefghij23".parse().unwrap()
}

fn agent() -> DemoAgent {
    DemoAgent::new(&Setup {
        name: "demo",
        config: None,
        screens: None,
    })
}

fn launch(resume: Option<&str>, policy: Policy) -> Vec<String> {
    let context = LaunchContext {
        session: &session(),
        name: &"fix-login".parse().unwrap(),
        launch: LaunchNo(1),
        policy,
        work_dir: Path::new("/d/s/work"),
        repository: None,
        session_dir: Path::new("/d/s"),
        launch_dir: Path::new("/d/s/launches/1"),
        mailbox: Path::new("/d/s/launches/1/mail"),
        data_dir: Path::new("/d"),
        agents_md: Path::new("/d/agents.md"),
        telecoder: Path::new("/d/bin/telecoder"),
        resume,
        fork_of: None,
    };
    agent().launch(&context).unwrap().argv
}

#[test]
fn a_launch_line_names_everything_and_no_prompt() {
    let id = agent().preset_native_id(&session()).unwrap();
    let line = format!(
        "/d/bin/telecoder demo-agent --session-id {id} --home /d/s/demo --hooks /d/bin/telecoder --decisions /d/s/launches/1/decisions --constitution \
         /d/agents.md --permission-mode read-only"
    );
    assert_eq!(launch(None, Policy::Observe).join(" "), line);
    let resumed = launch(Some("6f3c"), Policy::Yolo);
    assert_eq!(resumed[2..4], ["--resume", "6f3c"]);
    assert_eq!(resumed.last().unwrap(), "bypass");
}

#[test]
fn the_native_id_is_a_uuid_and_always_the_same() {
    let id = native_id(&session());
    assert_eq!(id, native_id(&session()));
    assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 8);
    assert_ne!(id, native_id(&"bbcdefghij23".parse().unwrap()));
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn prompt(text: &str, second: i64) -> String {
    let record = Record::Prompt {
        prompt_id: "p".into(),
        text: text.into(),
        at: at(second),
    };
    serde_json::to_string(&record).unwrap() + "\n"
}

fn place<'a>(session_dir: &'a Path, native_id: Option<&'a str>) -> AgentPlace<'a> {
    AgentPlace {
        session_dir,
        work_dir: session_dir,
        native_id,
    }
}

#[track_caller]
fn check(transcript: &str, text: &str, since: i64, expected: Recorded) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(HOME)).unwrap();
    std::fs::write(dir.path().join(HOME).join("u.jsonl"), transcript).unwrap();
    let got = agent().recorded(&place(dir.path(), Some("u")), text, at(since));
    assert_eq!(got, expected, "{transcript}");
}

#[test]
fn the_transcript_decides_what_was_taken() {
    let both = prompt("one", 10) + &prompt("two\n", 20);
    check(&both, "two\n", 15, Recorded::Taken);
    check(&both, "three", 15, Recorded::Absent);
    check(&both, "one", 10, Recorded::Taken);
    // The same words, taken before: not this prompt.
    check(&both, "one", 15, Recorded::Absent);
    check("", "one", 15, Recorded::Absent);
    check(r#"{"type":"from_the_future","x":1}"#, "one", 15, Recorded::Absent);
}

#[test]
fn what_may_still_be_taken_is_unknown() {
    let queued = Record::Queued {
        text: "one".into(),
        at: at(20),
    };
    let queued = serde_json::to_string(&queued).unwrap() + "\n";
    check(&queued, "one", 15, Recorded::Unknown);
    check(&(queued.clone() + &prompt("one", 21)), "one", 15, Recorded::Taken);
    check(&queued, "two", 15, Recorded::Absent);
    // Changed on the way, or glued to other text.
    check(&prompt("half typed two", 20), "two", 15, Recorded::Unknown);
    check(&prompt("two", 20), "two\n", 15, Recorded::Unknown);
    let torn = prompt("one", 10) + r#"{"type":"prompt","text":"tw"#;
    check(&torn, "two", 15, Recorded::Unknown);
    check(&torn, "one", 5, Recorded::Taken);
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(
        agent().recorded(&place(nowhere.path(), Some("u")), "x", at(0)),
        Recorded::Unknown
    );
    assert_eq!(
        agent().recorded(&place(nowhere.path(), None), "x", at(0)),
        Recorded::Unknown
    );
}
