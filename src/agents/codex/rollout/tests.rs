//! Transcripts as Codex 0.169 writes them, shortened.

use super::*;

const ID: &str = "01a1fe4b-756b-75a0-a5f9-f4de7071ad53";
const LINES: &str = r#"{"timestamp":"2026-11-21T13:28:40.000Z","ordinal":0,"type":"session_meta","payload":{"id":"01a1fe4b-756b-75a0-a5f9-f4de7071ad53","cwd":"/w","source":"cli"}}
{"timestamp":"2026-11-21T13:28:42.906Z","ordinal":1,"type":"event_msg","payload":{"type":"task_started","turn_id":"t"}}
{"timestamp":"2026-11-21T13:28:42.950Z","ordinal":2,"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"say \"task_complete\""}]}}
{"timestamp":"2026-11-21T13:28:42.971Z","ordinal":3,"type":"event_msg","payload":{"type":"item_completed","item":{"type":"UserMessage","id":"i","content":[{"type":"text","text":"say \"task_complete\"","text_elements":[]}]}}}
{"timestamp":"2026-11-21T13:28:43.000Z","ordinal":4,"type":"event_msg","payload":{"type":"item_completed","item":{"type":"AgentMessage","id":"i","content":[{"type":"Text","text":"\"UserMessage\""}]}}}
{"timestamp":"2026-11-21T13:28:51.118Z","ordinal":5,"type":"event_msg","payload":{"type":"task_complete","turn_id":"t","last_agent_message":"done","duration_ms":8220}}
{"timestamp":"2026-11-21T13:30:35.936Z","ordinal":6,"type":"event_msg","payload":{"type":"task_complete","last_agent_message":null,"error":{"message":"no","codex_error_info":{"http_connection_failed":{"http_status_code":401}}}}}
{"timestamp":"2026-11-21T13:30:38.100Z","ordinal":7,"type":"event_msg","payload":{"type":"turn_aborted","turn_id":"t","reason":"interrupted"}}
{"timestamp":"2026-11-21T13:30:39.000Z","ordinal":8,"type":"event_msg","payload":{"type":"task_comp"#;

fn home_with(day: &str, content: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sessions").join(day);
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("rollout-2026-11-21T13-28-40-{ID}.jsonl")), content).unwrap();
    home
}

#[test]
fn prompts_and_ends_are_read_in_order() {
    let home = home_with("2026/11/21", LINES);
    let records = read(&find(home.path(), ID).unwrap()).unwrap();
    let ends: Vec<_> = records
        .iter()
        .map(|record| match record {
            Record::Prompt { text, .. } => text.clone(),
            Record::Began { .. } => "began".into(),
            Record::Ended { end, .. } => format!("{end:?}"),
            Record::Plan { text, .. } => format!("plan {text}"),
            Record::Torn | Record::Cut { .. } => "torn".into(),
        })
        .collect();
    let expected = [
        "began",
        "say \"task_complete\"",
        "Done { last_message: Some(\"done\") }",
        "Error { message: \"no\", kind: \"http_connection_failed 401\" }",
        "Aborted",
        "torn",
    ];
    assert_eq!(ends, expected);
}

#[test]
fn a_conversation_is_found_by_its_id_and_by_its_place() {
    // Whatever day the time zone of this machine makes of it, and in another directory as well.
    for day in ["2026/11/21", "2020/01/01"] {
        let home = home_with(day, LINES);
        assert!(find(home.path(), ID).is_some());
        assert_eq!(find(home.path(), "01a1fe4b-756b-75a0-a5f9-f4de7071ad54"), None);
        assert_eq!(of_place(home.path(), Path::new("/w"))[0].0.id, ID);
        assert!(of_place(home.path(), Path::new("/other")).is_empty());
    }
}

#[test]
fn of_a_long_transcript_the_end_is_read() {
    let filler = format!("{{\"type\":\"other\",\"x\":\"{}\"}}\n", "x".repeat(1000));
    let long = LINES.replacen("\n", &format!("\n{}", filler.repeat(9000)), 1);
    let home = home_with("2026/11/21", &(LINES.to_owned() + "\n" + &long));
    let path = find(home.path(), ID).unwrap();
    let records = read(&path).unwrap();
    let began: Timestamp = "2026-11-21T13:28:42.906Z".parse().unwrap();
    assert_eq!(records[0], Record::Cut { before: began });
    assert_eq!(records.len(), 7);
    assert_eq!(first_prompt(&path).as_deref(), Some("say \"task_complete\""));
}
