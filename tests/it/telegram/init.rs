//! From a token to a message from the bot.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use super::*;

#[test]
fn two_inputs_lead_to_a_bot_that_answers() {
    let env = TestEnv::new();
    let fake = FakeTelegram::start();
    let mut child = env
        .telecoder(&["init", "--api-url", &fake.api_url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("init starts");
    writeln!(child.stdin.take().expect("a pipe"), "{TOKEN}").expect("the token");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).expect("the link");
    let code = line
        .split("?start=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a code")
        .to_owned();
    fake.push_text(STRANGER, STRANGER, "/start something");
    let start = fake.push_text(ME, ME, &format!("/start {code}"));
    fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == ME && sent.text.starts_with("I am here.")
    });
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    let status = child.wait().expect("it ends");
    assert!(status.success() && rest.contains("ready: write to @fake_bot"), "{rest}");
    let mut told = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut told)
        .expect("what is told");
    for part in [
        "the bot is @fake_bot",
        "@BotFather, Bot Settings, Threads Settings, on",
        "@BotFather, /setprivacy, Disable",
        "the agent is demo",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert_eq!(
        fake.reactions(ME, start).first().map(String::as_str),
        Some("👀"),
        "the right to react was tried"
    );
    let config = std::fs::read_to_string(env.config_file()).expect("the configuration");
    assert!(
        config.starts_with("default_agent") && config.contains("allow = [7]") && !config.contains(TOKEN),
        "{config}"
    );
    let token = env.root().join("telegram-token");
    let mode = std::fs::metadata(&token)
        .expect("the token's file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    fake.push_text(ME, ME, "demo: notify here I am");
    fake.wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("here I am"));
    assert_eq!(fake.violations(), Vec::<String>::new());
    let again = env.cmd(&["init"]);
    assert_eq!(again.code, 4, "{}", again.stderr);
}

#[test]
fn a_token_that_is_none_is_told() {
    let env = TestEnv::new();
    let told = env.cmd_with_stdin(&["init"], b"hello\n");
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("BotFather"), "{}", told.stderr);
    let fake = FakeTelegram::start();
    let told = env.cmd_with_stdin(
        &["init", "--api-url", &fake.api_url()],
        b"123456:wrong-token-of-nobody\n",
    );
    assert_eq!(told.code, 78);
    assert!(!told.stderr.contains("wrong-token"), "{}", told.stderr);
}
