//! Answers: of the one who waits and the daemon, exactly one has it.

use super::*;

fn answer(id: &LetterId) -> Answer {
    Answer {
        v: 1,
        id: id.clone(),
        text: "yes".into(),
        at: Timestamp::UNIX_EPOCH,
    }
}

fn ask(mailbox: &Mailbox) -> LetterId {
    mailbox.write(Draft::new(LetterKind::Ask)).expect("written")
}

#[test]
fn an_answer_reaches_who_waits_and_once_only() {
    let mailbox = Mailbox::new();
    let id = ask(&mailbox);
    // Before the waiter is there: it may still come.
    assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(true));
    let got = wait_for_answer(&mailbox.mail(), &id, Some(Duration::from_secs(10)));
    assert_eq!(got, Ok(answer(&id)));
    // The daemon crashed after it had put it there, and does it again.
    assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(true));
    assert_eq!(withdraw_answer(&mailbox.mail(), &id), Ok(false));
    assert_eq!(mailbox.files_in("answers"), [format!("{id}.claimed")]);
}

#[test]
fn an_answer_after_the_time_is_over_becomes_a_prompt() {
    let mailbox = Mailbox::new();
    let id = ask(&mailbox);
    let late = wait_for_answer(&mailbox.mail(), &id, Some(Duration::ZERO)).expect_err("nobody answers");
    assert_eq!(late.kind, Kind::Timeout);
    for _ in 0..2 {
        assert_eq!(put_answer(&mailbox.mail(), &answer(&id)), Ok(false));
    }
}

#[test]
fn an_answer_for_a_waiter_that_died_becomes_a_prompt() {
    let mailbox = Mailbox::new();
    let (dead, alive) = (ask(&mailbox), ask(&mailbox));
    let lock = |id: &LetterId| {
        let path = mailbox.mail().join("answers").join(format!("{id}.waiting"));
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .mode(0o600)
            .truncate(false)
            .open(path)
            .expect("open");
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).expect("lock");
        file
    };
    drop(lock(&dead));
    let _held = lock(&alive);
    assert_eq!(put_answer(&mailbox.mail(), &answer(&dead)), Ok(false));
    assert_eq!(put_answer(&mailbox.mail(), &answer(&alive)), Ok(true));
    // The one that lived ends without taking it.
    assert_eq!(withdraw_answer(&mailbox.mail(), &alive), Ok(true));
    assert_eq!(withdraw_answer(&mailbox.mail(), &alive), Ok(true));
}

/// The time runs out at the moment of the answer, over and over: exactly one side has it, every time.
#[test]
fn of_waiter_and_daemon_exactly_one_wins() {
    let mailbox = Mailbox::new();
    let mail = mailbox.mail();
    let (mut by_waiter, mut as_prompt) = (0, 0);
    for round in 0..400_u64 {
        let id: LetterId = uuid(u32::try_from(round).expect("small")).parse().expect("an id");
        let start = std::sync::Barrier::new(2);
        let (waited, put) = std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                start.wait();
                wait_for_answer(&mail, &id, Some(Duration::from_micros(round * 7 % 900)))
            });
            start.wait();
            // The daemon is late by another step each time, so that every order comes about.
            let late = std::time::Instant::now() + Duration::from_micros(round * 11 % 1300);
            while std::time::Instant::now() < late {
                std::hint::spin_loop();
            }
            let put = put_answer(&mail, &answer(&id)).expect("put");
            (waiter.join().expect("no panic"), put)
        });
        match (waited, put) {
            (Ok(_), true) => by_waiter += 1,
            (Err(fault), false) if fault.kind == Kind::Timeout => as_prompt += 1,
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert!(
        by_waiter > 0 && as_prompt > 0,
        "{by_waiter} and {as_prompt}: no race was run"
    );
}
