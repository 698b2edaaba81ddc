//! `telecoder notify` and `telecoder hook` as an agent calls them.

use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::Signal;
use telecoder::domain::Timestamp;
use telecoder::domain::ids::LetterId;
use telecoder::domain::letter::{Answer, Done, Letter, LetterKind};
use telecoder::runner::mailbox::{Found, put_answer, read_new, take_attachment};

use super::launch::{BINARY, wait_for};
use crate::support::signal;

struct Mailbox {
    tmp: tempfile::TempDir,
}

impl Mailbox {
    fn new() -> Self {
        let tmp = tempfile::tempdir().expect("temp dir");
        for part in ["tmp", "new", "att", "answers"] {
            std::fs::create_dir_all(tmp.path().join("mail").join(part)).expect("mkdir");
        }
        Self { tmp }
    }

    fn mail(&self) -> PathBuf {
        self.tmp.path().join("mail")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(words)
            .env_clear()
            .env("TELECODER_SESSION", "abcdefghijkl")
            .env("TELECODER_LAUNCH", "4")
            .env("TELECODER_MAILBOX", self.mail())
            .current_dir(self.tmp.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("starts")
    }

    #[track_caller]
    fn letters(&self) -> Vec<Letter> {
        let found = read_new(&self.mail(), 100).expect("readable");
        let letters = found.into_iter().map(|one| match one {
            Found::Letter { letter, .. } => *letter,
            other => panic!("{other:?}"),
        });
        letters.collect()
    }

    #[track_caller]
    fn letter(&self) -> Letter {
        let letters = self.letters();
        let [letter] = <[Letter; 1]>::try_from(letters).expect("one letter");
        letter
    }
}

#[track_caller]
fn refused(output: &Output, code: i32) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty() && said.starts_with("error: "), "{said}");
}

#[test]
fn a_message_becomes_a_letter_that_names_its_sender() {
    let mailbox = Mailbox::new();
    let mut command = mailbox.command(&["notify", "it", "works", "--key", "k1"]);
    command
        .env("TELECODER_NATIVE_ID_VAR", "SOME_AGENTS_ID")
        .env("SOME_AGENTS_ID", "native-7");
    let out = command.output().expect("starts");
    assert!(
        out.status.success() && out.stdout.is_empty() && out.stderr.is_empty(),
        "{out:?}"
    );
    let letter = mailbox.letter();
    assert_eq!(
        (letter.kind, letter.text.as_deref(), letter.key.as_deref()),
        (LetterKind::Notify, Some("it works"), Some("k1"))
    );
    assert_eq!((letter.session.as_str(), letter.launch.0), ("abcdefghijkl", 4));
    assert_eq!(letter.origin.native_id.as_deref(), Some("native-7"));
    let us = telecoder::runner::process::identify(std::process::id()).expect("we live");
    assert_eq!(letter.origin.ancestors.first(), Some(&us));
    assert!(letter.origin.leads_to(Some(us), None));
}

/// As in a sandbox that hides all other processes: whoever started this launch is not to be seen.
#[test]
fn what_could_not_be_traced_to_its_session_is_refused() {
    let mailbox = Mailbox::new();
    let shim = |pid: u32, start: u64, mount_counts: bool| {
        let record = serde_json::json!({
            "v": 1, "launch": 4, "shim": {"pid": pid, "start": start}, "agent": null, "mountCounts": mount_counts});
        let ctl = mailbox.tmp.path().join("ctl");
        std::fs::create_dir_all(&ctl).expect("mkdir");
        std::fs::write(ctl.join("shim.json"), record.to_string()).expect("write");
    };
    // It ends with its input, also when this test does not get to its end.
    let mut other = Command::new("cat")
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process that is none of ours");
    let alive = telecoder::runner::process::identify(other.id()).expect("it lives");
    for (pid, start) in [(std::process::id(), 1), (alive.pid, alive.start)] {
        shim(pid, start, false);
        refused(&mailbox.run(&["notify", "lost?"]), 6);
        assert!(mailbox.letters().is_empty());
    }
    // Where an opened sandbox counts, this is the words by which an agent asks for it.
    shim(alive.pid, alive.start, true);
    let words = |out: Output| {
        refused(&out, 6);
        String::from_utf8_lossy(&out.stderr).into_owned()
    };
    let (first, second) = (
        words(mailbox.run(&["notify", "x"])),
        words(mailbox.run(&["notify", "x"])),
    );
    let denied = format!("{}: operation not permitted", mailbox.mail().display());
    assert!(first.contains(&denied), "{first}");
    assert_ne!(first, second);
    assert!(mailbox.letters().is_empty());
    drop(other.stdin.take());
    other.wait().expect("ended");
    let mut known = mailbox.command(&["notify", "by its own id"]);
    let known = known.env("TELECODER_NATIVE_ID", "native-7").output();
    assert!(known.expect("starts").status.success());
    let us = telecoder::runner::process::identify(std::process::id()).expect("we live");
    shim(us.pid, us.start, false);
    assert!(mailbox.run(&["notify", "in sight"]).status.success());
    assert_eq!(mailbox.letters().len(), 2);
}

#[test]
fn done_and_files_are_part_of_the_letter() {
    let mailbox = Mailbox::new();
    std::fs::write(mailbox.tmp.path().join("a.txt"), "aaa").expect("write");
    let out = mailbox.run(&[
        "notify",
        "--done",
        "--changed",
        "x",
        "--verified",
        "tests",
        "--uncertain",
        "u",
        "--next",
        "n",
        "--file",
        "a.txt",
        "--caption",
        "first",
        "--json",
    ]);
    assert!(out.status.success(), "{out:?}");
    let letter = mailbox.letter();
    let printed: serde_json::Value = serde_json::from_slice(&out.stdout).expect("json");
    assert_eq!(printed["id"], letter.id.as_str());
    let some = |text: &str| Some(text.to_owned());
    let done = Done {
        changed: some("x"),
        verified: some("tests"),
        uncertain: some("u"),
        next: some("n"),
    };
    assert_eq!((letter.text, letter.done), (None, Some(done)));
    assert_eq!(letter.files[0].caption.as_deref(), Some("first"));
    let to = mailbox.tmp.path().join("taken");
    assert_eq!(take_attachment(&mailbox.mail(), &letter.files[0], &to), Ok(3));
}

#[test]
fn each_refusal_has_its_exit_code_and_leaves_nothing() {
    let mailbox = Mailbox::new();
    refused(&mailbox.run(&["notify"]), 2);
    refused(&mailbox.run(&["notify", " \n"]), 2);
    refused(&mailbox.run(&["notify", "--changed", "x", "t"]), 2);
    refused(&mailbox.run(&["notify", "--ask"]), 2);
    refused(&mailbox.run(&["notify", "--file", "none"]), 3);
    refused(
        &mailbox.run(&[
            "notify",
            &"x".repeat(100_000),
            &"x".repeat(100_000),
            &"x".repeat(100_000),
        ]),
        11,
    );
    let mut odd = mailbox.command(&["notify"]);
    refused(
        &odd.arg(std::ffi::OsStr::from_bytes(b"a\xff")).output().expect("starts"),
        2,
    );
    let mut outside = mailbox.command(&["notify", "t"]);
    refused(&outside.env_remove("TELECODER_MAILBOX").output().expect("starts"), 10);
    let mut nowhere = mailbox.command(&["notify", "t"]);
    refused(
        &nowhere
            .env("TELECODER_MAILBOX", "/no/such/mailbox")
            .output()
            .expect("starts"),
        10,
    );
    assert_eq!(mailbox.letters(), []);
    assert_eq!(std::fs::read_dir(mailbox.mail().join("tmp")).expect("dir").count(), 0);
}

#[test]
fn standard_input_is_read_only_when_asked_for() {
    let mailbox = Mailbox::new();
    // A pipe that is never closed: an agent's tool may leave it so.
    let mut open = mailbox
        .command(&["notify", "t"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let held = open.stdin.take();
    let status = wait_for("the end of notify", || open.try_wait().expect("wait"));
    assert!(status.success());
    drop(held);
    let mut asked = mailbox
        .command(&["notify", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    asked
        .stdin
        .take()
        .expect("piped")
        .write_all("from\nstdin\n".as_bytes())
        .expect("written");
    assert!(asked.wait().expect("wait").success());
    let texts: Vec<Option<String>> = mailbox.letters().into_iter().map(|letter| letter.text).collect();
    assert_eq!(texts, [Some("t".to_owned()), Some("from\nstdin\n".to_owned())]);
}

fn ask(mailbox: &Mailbox, timeout: &str) -> (Child, LetterId) {
    let words = ["notify", "--ask", "sure?", "--choices", "yes,no", "--timeout", timeout];
    let child = mailbox
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let letter = wait_for("the question", || mailbox.letters().pop());
    assert_eq!((letter.kind, letter.choices.len()), (LetterKind::Ask, 2));
    assert!(letter.expires_at.is_some());
    (child, letter.id)
}

fn answer(id: &LetterId) -> Answer {
    Answer {
        v: 1,
        id: id.clone(),
        text: "yes, do".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn an_answer_is_printed() {
    let mailbox = Mailbox::new();
    let (mut child, id) = ask(&mailbox, "60s");
    assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(true));
    let status = wait_for("the end of the ask", || child.try_wait().expect("wait"));
    let mut printed = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut printed)
        .expect("text");
    assert_eq!((status.code(), printed.as_str()), (Some(0), "yes, do\n"));
}

#[test]
fn a_question_without_an_answer_ends_with_7() {
    let mailbox = Mailbox::new();
    let (child, id) = ask(&mailbox, "0");
    refused(&child.wait_with_output().expect("ends"), 7);
    assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(false));
}

/// An agent's tool kills what runs too long: the answer must not lie where nobody looks.
#[test]
fn an_answer_for_a_killed_ask_becomes_a_prompt() {
    let mailbox = Mailbox::new();
    let (mut child, id) = ask(&mailbox, "60s");
    let waiting = mailbox.mail().join("answers").join(format!("{id}.waiting"));
    wait_for("the waiter", || waiting.exists().then_some(()));
    child.kill().expect("killed");
    child.wait().expect("wait");
    assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(false));
}

#[test]
fn a_full_disk_is_8_and_leaves_no_part_of_a_letter() {
    let mailbox = Mailbox::new();
    let mail = mailbox.mail();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{mail}' || exit 99
        cd '{mail}' && mkdir tmp new att answers || exit 99
        dd if=/dev/zero of=fill bs=1k count=999 2>/dev/null
        '{BINARY}' notify text; echo $?
        '{BINARY}' notify text --file /bin/sh; echo $?
        find tmp new att -type f
        rm fill; '{BINARY}' notify text; echo $?",
        mail = mail.display(),
    );
    let mut unshare = mailbox.command(&[]);
    let mut command = Command::new("unshare");
    for (name, value) in unshare.env("PATH", "/usr/bin:/bin").get_envs() {
        command.env(name, value.expect("set"));
    }
    let out = command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if out.status.code() == Some(99) || said.contains("unshare:") {
        // No user namespaces here; the fault cannot be made.
        return;
    }
    assert_eq!(String::from_utf8_lossy(&out.stdout), "8\n8\n0\n", "{said}");
}

fn hook(mailbox: &Mailbox, words: &[&str], payload: &[u8]) {
    let mut command = mailbox.command(&["hook"]);
    let mut child = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // Not every hook reads its payload to the end; that is no matter here.
    let _ = child.stdin.take().expect("piped").write_all(payload);
    let out = child.wait_with_output().expect("ends");
    assert_eq!(
        (out.status.code(), out.stdout.len(), out.stderr.len()),
        (Some(0), 0, 0),
        "{words:?}"
    );
}

#[test]
fn a_hook_passes_its_payload_on_and_never_says_a_word() {
    let mailbox = Mailbox::new();
    hook(&mailbox, &["UserPromptSubmit", "--sync"], br#"{"prompt":"do","n":1}"#);
    let letter = mailbox.letter();
    assert_eq!(
        (letter.kind, letter.event.as_deref()),
        (LetterKind::Hook, Some("UserPromptSubmit"))
    );
    assert_eq!(letter.data, Some(serde_json::json!({"prompt": "do", "n": 1})));
    let huge = format!(r#"{{"session_id":"s","llm_request":"{}"}}"#, "x".repeat(3_000_000));
    hook(&mailbox, &["AfterModel"], huge.as_bytes());
    let data = mailbox.letters().pop().expect("a letter").data.expect("data");
    assert_eq!(data["session_id"], "s");
    for words in [
        &["Bad", "--unknown"][..],
        &[],
        &["--help"],
        &["X", "{\"as\":\"argument\"}"],
    ] {
        hook(&mailbox, words, b"not json");
    }
    std::fs::remove_dir_all(mailbox.mail()).expect("rm");
    hook(&mailbox, &["Stop", "--sync"], b"{}");
}

#[test]
fn a_log_writer_that_was_stopped_goes_on() {
    let tmp = tempfile::tempdir().expect("temp dir");
    let file = tmp.path().join("s1/terminal.log");
    let mut child = Command::new(BINARY)
        .args(["log-writer", "--max-bytes", "20000", "--file"])
        .arg(&file)
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("stat");
        let after_name = stat.rfind(") ").expect("a name") + 2;
        stat.as_bytes()[after_name]
    };
    signal(child.id(), Signal::STOP);
    wait_for("it stands still", || (state() == b'T').then_some(()));
    let elsewhere = tempfile::tempdir().expect("temp dir");
    let continued = telecoder::runner::log_writer::continue_stopped;
    assert_eq!(
        continued(elsewhere.path()),
        0,
        "those of another installation are left alone"
    );
    assert_eq!(continued(tmp.path()), 1);
    wait_for("it goes on", || (state() != b'T').then_some(()));
    drop(child.stdin.take());
    assert!(child.wait().expect("wait").success());
}

#[test]
fn the_log_writer_keeps_the_last_bytes_of_its_input() {
    let tmp = tempfile::tempdir().expect("temp dir");
    let file = tmp.path().join("terminal.log");
    let mut child = Command::new(BINARY)
        .args(["log-writer", "--file"])
        .arg(&file)
        .args(["--max-bytes", "20000"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = child.stdin.take().expect("piped");
    for n in 0..5000 {
        writeln!(input, "line {n}").expect("written");
    }
    drop(input);
    assert!(child.wait().expect("wait").success());
    let log = telecoder::runner::log_writer::read_log(&file, 11).expect("a log");
    assert_eq!(String::from_utf8_lossy(&log), "\nline 4999\n");
}
