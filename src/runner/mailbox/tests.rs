//! The mailbox, by what an honest and a hostile agent put into it.

use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::domain::Timestamp;
use crate::domain::fault::Kind;
use crate::domain::ids::{LaunchNo, LetterId, SessionId};
use crate::domain::letter::{Answer, Attachment, FILE_BYTES_MAX, LETTER_BYTES_MAX, Letter, LetterKind};
use crate::runner::process;

mod answers;

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

    fn new_dir(&self) -> PathBuf {
        self.mail().join("new")
    }

    fn write(&self, draft: Draft) -> crate::domain::fault::Result<LetterId> {
        write_letter_as(&self.mail(), sender(), draft, Durability::Synced)
    }

    fn files_in(&self, part: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.mail().join(part)).expect("dir");
        let names = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// What is found, as `file: reason` for the bad ones and `file` for letters.
    fn found(&self) -> Vec<(String, Option<String>)> {
        let found = read_new(&self.mail(), 1000).expect("readable");
        let show = |one| match one {
            Found::Letter { file, .. } => (file, None),
            Found::Bad { file, reason } => (file, Some(reason)),
            Found::Newer { file, version } => (file, Some(format!("newer {version}"))),
        };
        found.into_iter().map(show).collect()
    }
}

fn sender() -> Sender {
    Sender {
        session: SessionId::from_random(5),
        launch: LaunchNo(2),
        origin: process::own_origin(Some("native".into())),
    }
}

fn text(text: &str) -> Draft {
    Draft {
        text: Some(text.into()),
        ..Draft::new(LetterKind::Notify)
    }
}

fn uuid(n: u32) -> String {
    format!("01999999-0000-7000-8000-{n:012x}")
}

/// A letter as an agent may forge it.
fn letter_text(id: &str) -> serde_json::Value {
    let letter = Letter {
        v: 1,
        id: uuid(0).parse().expect("an id"),
        kind: LetterKind::Notify,
        at: Timestamp::UNIX_EPOCH,
        session: SessionId::from_random(5),
        launch: LaunchNo(2),
        key: None,
        text: Some("t".into()),
        done: None,
        choices: vec![],
        expires_at: None,
        files: vec![],
        event: None,
        data: None,
        origin: sender().origin,
    };
    let mut value = serde_json::to_value(letter).expect("json");
    value["id"] = id.into();
    value
}

#[test]
fn a_letter_is_read_as_it_was_written() {
    let mailbox = Mailbox::new();
    let file = mailbox.tmp.path().join("re port.txt");
    std::fs::write(&file, "figures").expect("write");
    let link = mailbox.tmp.path().join("link.txt");
    symlink(&file, &link).expect("link");
    let draft = Draft {
        key: Some("k".into()),
        choices: vec!["yes".into(), "no".into()],
        expires_in: Some(Duration::from_secs(60)),
        files: vec![
            DraftFile {
                path: file,
                caption: Some("c".into()),
            },
            DraftFile {
                path: link,
                caption: None,
            },
        ],
        ..text("héllo\n\"$x\"")
    };
    let id = mailbox.write(draft).expect("written");
    let found = read_new(&mailbox.mail(), 10).expect("readable");
    let [Found::Letter { file, letter }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!((file.as_str(), &letter.id), (format!("{id}.json").as_str(), &id));
    assert_eq!(letter.text.as_deref(), Some("héllo\n\"$x\""));
    assert_eq!(letter.origin.native_id.as_deref(), Some("native"));
    assert_eq!(
        letter.expires_at.map(|at| at.duration_since(letter.at).as_secs()),
        Some(60)
    );
    let named: Vec<(&str, u64)> = letter.files.iter().map(|f| (f.name.as_str(), f.size)).collect();
    assert_eq!(named, [("re port.txt", 7), ("link.txt", 7)]);
    assert_eq!(mailbox.files_in("tmp"), Vec::<String>::new());

    let to = mailbox.tmp.path().join("taken");
    assert_eq!(take_attachment(&mailbox.mail(), &letter.files[0], &to), Ok(7));
    assert_eq!(std::fs::read(&to).expect("taken"), b"figures");
    assert_eq!(
        std::fs::metadata(&to).expect("taken").permissions().mode() & 0o777,
        0o600
    );
    for _ in 0..2 {
        discard(&mailbox.mail(), file, &letter.files).expect("also when it is gone");
    }
    assert_eq!((mailbox.files_in("new"), mailbox.files_in("att")), (vec![], vec![]));
}

#[test]
fn what_cannot_be_sent_leaves_nothing_behind() {
    let mailbox = Mailbox::new();
    let tmp = mailbox.tmp.path();
    let good = tmp.join("good");
    std::fs::write(&good, "x").expect("write");
    let huge = tmp.join("huge");
    let sparse = std::fs::File::create(&huge).expect("create");
    sparse.set_len(FILE_BYTES_MAX + 1).expect("sparse");
    let fifo = tmp.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("mkfifo");
    let with = |path: &Path| Draft {
        files: [&good, path]
            .map(|path| DraftFile {
                path: path.into(),
                caption: None,
            })
            .into(),
        ..text("t")
    };
    let kind = |draft| mailbox.write(draft).expect_err("refused").kind;
    assert_eq!(kind(with(&tmp.join("none"))), Kind::NotFound);
    assert_eq!(kind(with(&huge)), Kind::OverLimit);
    assert_eq!(kind(with(&fifo)), Kind::Usage);
    assert_eq!(kind(with(tmp)), Kind::Usage);
    let fault = mailbox
        .write(text(&"\"".repeat(LETTER_BYTES_MAX / 2)))
        .expect_err("too long");
    assert_eq!(fault.kind, Kind::OverLimit);
    assert!(
        fault.message.contains(&LETTER_BYTES_MAX.to_string()),
        "{}",
        fault.message
    );
    for part in ["tmp", "new", "att"] {
        assert_eq!(mailbox.files_in(part), Vec::<String>::new(), "{part}");
    }
    std::fs::remove_dir_all(mailbox.mail()).expect("rm");
    assert_eq!(kind(text("t")), Kind::NoMailbox);
}

#[test]
fn the_configured_limits_hold_for_those_who_write() {
    let mailbox = Mailbox::new();
    let limits = |letters_max| MailLimits {
        letter_bytes: 4096,
        file_bytes: 3,
        letters_max,
    };
    limits(2).set(&mailbox.mail()).expect("told");
    let kind = |draft| mailbox.write(draft).expect_err("refused").kind;
    assert_eq!(kind(text(&"x".repeat(5000))), Kind::OverLimit);
    let file = mailbox.tmp.path().join("file");
    std::fs::write(&file, "four").expect("write");
    let with_file = Draft {
        files: vec![DraftFile {
            path: file,
            caption: None,
        }],
        ..text("t")
    };
    assert_eq!(kind(with_file), Kind::OverLimit);
    mailbox.write(text("one")).expect("room");
    mailbox.write(text("two")).expect("room");
    assert_eq!(kind(text("three")), Kind::OverLimit);
    mailbox.write(Draft::new(LetterKind::Hook)).expect("evidence has room");
    // What an agent writes into the file raises nothing.
    std::fs::write(
        mailbox.mail().join("limits.json"),
        r#"{"letterBytes":9999999,"fileBytes":99999999,"lettersMax":9}"#,
    )
    .expect("write");
    assert_eq!(kind(text(&"x".repeat(LETTER_BYTES_MAX))), Kind::OverLimit);
}

/// The place of a JSON error moves with the number of digits of our own process.
fn place_free(reason: Option<String>) -> String {
    let reason = reason.unwrap_or_else(|| "a letter".into());
    reason.split(" at line ").next().unwrap_or_default().to_owned()
}

#[test]
fn hostile_files_are_named_with_the_reason_and_nothing_waits() {
    let mailbox = Mailbox::new();
    let new = mailbox.new_dir();
    let put = |n: u32, content: &[u8]| {
        let path = new.join(format!("{}.json", uuid(n)));
        std::fs::write(&path, content).expect("write");
        path
    };
    let outside = mailbox.tmp.path().join("outside.json");
    std::fs::write(&outside, letter_text(&uuid(1)).to_string()).expect("write");
    symlink(&outside, new.join(format!("{}.json", uuid(1)))).expect("link");
    std::fs::hard_link(&outside, new.join(format!("{}.json", uuid(2)))).expect("link");
    let fifo = new.join(format!("{}.json", uuid(3)));
    rustix::fs::mknodat(rustix::fs::CWD, fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("mkfifo");
    std::fs::create_dir(new.join(format!("{}.json", uuid(4)))).expect("mkdir");
    let huge = std::fs::File::create(new.join(format!("{}.json", uuid(5)))).expect("create");
    huge.set_len(1 << 40).expect("sparse");
    put(6, b"{\"v\":1,");
    put(7, &vec![b'['; 200_000]);
    put(8, letter_text(&uuid(9)).to_string().as_bytes());
    put(10, letter_text("../../etc").to_string().as_bytes());
    let mut zero = letter_text(&uuid(11));
    zero["v"] = 0.into();
    put(11, zero.to_string().as_bytes());
    put(12, b"");
    put(13, br#"{"v":-1}"#);
    put(14, b"\xff\xfe");
    std::os::unix::net::UnixListener::bind(new.join(format!("{}.json", uuid(15)))).expect("socket");
    std::fs::write(new.join("note.txt"), "x").expect("write");
    std::fs::write(new.join(".hidden\u{1b}[31m"), "x").expect("write");
    let mut deep = letter_text(&uuid(18)).to_string();
    deep.truncate(deep.len() - 1);
    deep.push_str(&format!(r#","data":{}{}}}"#, "[".repeat(5000), "]".repeat(5000)));
    put(18, deep.as_bytes());
    let newer = put(16, br#"{"v":7,"whatever":[]}"#);
    put(17, letter_text(&uuid(17)).to_string().as_bytes());

    let reasons: Vec<String> = mailbox
        .found()
        .into_iter()
        .map(|(file, reason)| format!("{file}: {}", place_free(reason)))
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));

    for found in read_new(&mailbox.mail(), 1000).expect("readable") {
        match found {
            Found::Bad { file, .. } => quarantine(&mailbox.mail(), &file).expect("set aside"),
            Found::Letter { file, .. } => discard(&mailbox.mail(), &file, &[]).expect("discarded"),
            Found::Newer { .. } => {}
        }
    }
    assert_eq!(
        mailbox.files_in("new"),
        [newer.file_name().expect("a name").to_string_lossy()]
    );
    assert!(outside.exists(), "what a link names is left alone");
    let kept = std::fs::read_dir(mailbox.tmp.path().join("quarantine")).expect("quarantine");
    for file in kept {
        assert!(file.expect("entry").file_type().expect("type").is_file());
    }
}

#[test]
fn a_device_is_not_opened() {
    let mailbox = Mailbox::new();
    let device = mailbox.new_dir().join(format!("{}.json", uuid(1)));
    let zero = rustix::fs::makedev(1, 5);
    let made = rustix::fs::mknodat(
        rustix::fs::CWD,
        device,
        rustix::fs::FileType::CharacterDevice,
        0o600.into(),
        zero,
    );
    if made.is_err() {
        // Only root may make one, and then it must not be read.
        return;
    }
    let found = mailbox.found();
    assert_eq!(found.len(), 1);
    let reason = found[0].1.as_deref().expect("bad");
    assert!(
        reason == "is not a regular file" || reason == "is a socket or a device" || reason == "may not be read",
        "{reason}"
    );
}

#[test]
fn a_mailbox_that_is_a_link_is_not_entered() {
    let mailbox = Mailbox::new();
    let elsewhere = mailbox.tmp.path().join("elsewhere");
    std::fs::rename(mailbox.new_dir(), &elsewhere).expect("mv");
    symlink(&elsewhere, mailbox.new_dir()).expect("link");
    std::fs::write(elsewhere.join("x"), "x").expect("write");
    assert!(read_new(&mailbox.mail(), 10).is_err());
    assert!(quarantine(&mailbox.mail(), "x").is_err());
    assert!(discard(&mailbox.mail(), "x", &[]).is_err());
    assert!(elsewhere.join("x").exists());
}

#[test]
fn a_flood_is_taken_in_order_and_newer_letters_hide_nothing() {
    let mailbox = Mailbox::new();
    for n in 0..300 {
        let path = mailbox.new_dir().join(format!("{}.json", uuid(n)));
        std::fs::write(path, r#"{"v":2}"#).expect("write");
    }
    let last = uuid(900);
    let path = mailbox.new_dir().join(format!("{last}.json"));
    std::fs::write(path, letter_text(&last).to_string()).expect("write");
    let mut rounds = 0;
    let letter = loop {
        rounds += 1;
        assert!(rounds < 100, "the letter behind the newer ones is never reached");
        let found = read_new(&mailbox.mail(), 10).expect("readable");
        let mut letter = None;
        for one in found {
            match one {
                Found::Bad { file, .. } => quarantine(&mailbox.mail(), &file).expect("set aside"),
                Found::Letter { letter: found, .. } => letter = Some(found),
                Found::Newer { version, .. } => assert_eq!(version, 2),
            }
        }
        if let Some(letter) = letter {
            break letter;
        }
    };
    assert_eq!(letter.id.as_str(), last);
    let kept = std::fs::read_dir(mailbox.tmp.path().join("quarantine"))
        .expect("quarantine")
        .count();
    assert_eq!(kept, 64, "the quarantine is bounded");
}

#[test]
fn at_most_the_limit_and_the_oldest_first() {
    let mailbox = Mailbox::new();
    let ids: Vec<LetterId> = (0..20)
        .map(|n| mailbox.write(text(&n.to_string())).expect("written"))
        .collect();
    let found = read_new(&mailbox.mail(), 5).expect("readable");
    let got: Vec<String> = found
        .iter()
        .map(|one| match one {
            Found::Letter { letter, .. } => letter.id.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(got, ids[..5].iter().map(LetterId::to_string).collect::<Vec<_>>());
}

#[test]
fn an_attachment_is_never_read_through_a_trick() {
    let mailbox = Mailbox::new();
    let secret = mailbox.tmp.path().join("secret");
    std::fs::write(&secret, "canary").expect("write");
    let att = mailbox.mail().join("att");
    symlink(&secret, att.join("link")).expect("link");
    std::fs::hard_link(&secret, att.join("hard")).expect("link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        att.join("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .expect("mkfifo");
    std::fs::create_dir(att.join("dir")).expect("mkdir");
    let huge = std::fs::File::create(att.join("huge")).expect("create");
    huge.set_len(FILE_BYTES_MAX + 1).expect("sparse");
    let to = mailbox.tmp.path().join("taken");
    for (name, kind) in [
        ("link", Kind::NotPermitted),
        ("hard", Kind::NotPermitted),
        ("fifo", Kind::NotPermitted),
        ("dir", Kind::NotPermitted),
        ("huge", Kind::NotPermitted),
        ("../../secret", Kind::NotPermitted),
        ("/etc/passwd", Kind::NotPermitted),
        ("..", Kind::NotPermitted),
        ("", Kind::NotPermitted),
        ("none", Kind::NotFound),
    ] {
        let attachment = Attachment {
            att: name.into(),
            name: "n".into(),
            size: 6,
            caption: None,
        };
        let fault = take_attachment(&mailbox.mail(), &attachment, &to).expect_err(name);
        assert_eq!(fault.kind, kind, "{name}: {fault}");
        discard(&mailbox.mail(), "none", &[attachment]).expect("nothing outside is removed");
    }
    assert!(secret.exists() && !to.exists());
    assert!(!mailbox.tmp.path().join("taken.new").exists());
}

/// One letter after the other from one writer, as its next `notify` begins when the last has ended. Many names make the scan of the
/// directory long and, on most file systems, orderless.
#[test]
fn no_letter_is_seen_before_an_earlier_one() {
    const LETTERS: usize = 4000;
    let dir = tempfile::tempdir().unwrap();
    let (tmp, new) = (dir.path().join("tmp"), dir.path().join("new"));
    std::fs::create_dir(&tmp).unwrap();
    std::fs::create_dir(&new).unwrap();
    let old = |n: usize| format!("{n:08}-old");
    for n in 0..1000 {
        std::fs::write(new.join(old(n)), "").unwrap();
    }
    let writer = std::thread::spawn({
        let new = new.clone();
        move || {
            for _ in 0..LETTERS {
                let name = uuid::Uuid::now_v7().to_string();
                std::fs::write(tmp.join(&name), "").unwrap();
                std::fs::rename(tmp.join(&name), new.join(&name)).unwrap();
            }
        }
    });
    let opened = beneath::mail_dir(dir.path(), "new").unwrap();
    let (mut last, mut seen) = (String::new(), 0);
    let begun = std::time::Instant::now();
    while seen < LETTERS {
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen} letters only");
        for name in super::read::smallest_names(&opened, 2 * LETTERS).unwrap() {
            let name = String::from_utf8(name).unwrap();
            if name.ends_with("-old") {
                continue;
            }
            assert!(name > last, "{name} is seen after {last}");
            std::fs::remove_file(new.join(&name)).unwrap();
            last = name;
            seen += 1;
        }
    }
    writer.join().unwrap();
}
