//! Sessions: names, lookup, status and its times, slots.

use jiff::SignedDuration;

use super::super::SessionFilter;
use super::*;
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::exit::{ExitCause, ExitRecord};
use crate::domain::ids::LaunchNo;
use crate::domain::launch::Placement;
use crate::domain::letter::ProcessRef;
use crate::domain::session::{SessionState, Source, Status};

fn named(n: u64, name: &str) -> NewSession {
    NewSession {
        name: Some(name.parse().expect("a name")),
        ..new_session(n, "unused")
    }
}

fn status(state: SessionState) -> Status {
    Status::new(state, Source::Process, "test", "for a test")
}

fn exit(cause: ExitCause, started_at: Timestamp) -> ExitRecord {
    ExitRecord {
        v: 1,
        launch: LaunchNo(1),
        code: Some(0),
        signal: None,
        cause,
        detail: None,
        started_at,
        ended_at: started_at + SignedDuration::from_secs(5),
    }
}

async fn set(store: &Store, state: SessionState, exit: Option<ExitRecord>) -> Session {
    store
        .write(move |tx| {
            tx.set_status(&session_id(1), &status(state), exit.as_ref())?;
            tx.session(&session_id(1))
        })
        .await
        .expect("set")
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_stored() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 9, "parent").await;
    let new = NewSession {
        repo: Some("https://example.org/r.git".into()),
        branch: Some("telecoder/one".into()),
        chat: Some(ChatRef {
            thread_id: Some(3),
            ..chat(-100)
        }),
        parent: Some(session_id(9)),
        ..named(1, "one")
    };
    let stored = store.write(move |tx| tx.insert_session(new)).await.expect("stored");
    drop(store);
    let again = place.open().read(|tx| tx.session(&session_id(1))).await.expect("read");
    assert_eq!(again, stored);
    assert_eq!(stored.status.state, SessionState::Queued);
    assert_eq!(stored.chat.expect("a chat").to_string(), "telegram:-100/3");
    assert_eq!(stored.parent, Some(session_id(9)));
    assert_eq!(stored.work_dir, PathBuf::from("/srv/1/work"));
}

#[tokio::test]
async fn names_are_unique_among_sessions_that_are_not_removed() {
    let place = Place::new();
    let store = place.open();
    let insert = async |new: NewSession| store.write(move |tx| tx.insert_session(new)).await;
    insert(named(1, "fix")).await.expect("free");
    let refusal = fault(insert(named(2, "fix")).await, Kind::RefusedByState, "`fix` is taken");
    assert!(refusal.hint.expect("advice").contains("telecoder rm fix"));
    let made = [3, 4].map(|n| insert(new_session(n, "fix")));
    let made = futures_util::future::join_all(made).await;
    let names: Vec<_> = made.into_iter().map(|s| s.expect("stored").name.to_string()).collect();
    assert_eq!(names, ["fix-2", "fix-3"]);
    let long = "x".repeat(40);
    insert(named(5, &long)).await.expect("free");
    let cut = insert(new_session(6, &long)).await.expect("cut");
    assert_eq!(cut.name.as_str(), format!("{}-2", "x".repeat(38)));

    store
        .write(|tx| tx.remove_session(&session_id(1)))
        .await
        .expect("removed");
    insert(named(7, "fix")).await.expect("free again");
    assert_eq!(
        store.read(|tx| tx.find_session("fix")).await.expect("found").id,
        session_id(7)
    );
    fault(insert(named(7, "other")).await, Kind::Failure, "sessions.id");
    let orphan = NewSession {
        parent: Some(session_id(77)),
        ..named(8, "orphan")
    };
    fault(insert(orphan).await, Kind::Failure, "FOREIGN KEY");
}

#[tokio::test]
async fn lookup_goes_by_name_then_id_then_prefix() {
    let place = Place::new();
    let store = place.open();
    let insert = |id: &str, name: &str| {
        let new = NewSession {
            id: id.parse().expect("an id"),
            ..named(0, name)
        };
        store.write(move |tx| tx.insert_session(new))
    };
    insert("abcdefghijkl", "login").await.expect("stored");
    insert("abcxyzghijkl", "logout").await.expect("stored");
    insert("zzzzzzzzzzzz", "abcd").await.expect("stored");
    let find = |word: &'static str| store.read(move |tx| tx.find_session(word));
    let name = async |word| find(word).await.expect("found").name.to_string();

    assert_eq!(name("login").await, "login");
    assert_eq!(name("abcxyzghijkl").await, "logout");
    assert_eq!(name("abcd").await, "abcd", "an exact name wins over a prefix");
    assert_eq!(name("abcde").await, "login");
    assert_eq!(name("zzz").await, "abcd");
    let two = fault(find("abc").await, Kind::Ambiguous, "2 sessions");
    assert!(two.message.contains("login (abcdefghijkl)") && two.message.contains("logout (abcxyzghijkl)"));
    fault(find("logni").await, Kind::NotFound, "Did you mean `login`");
    fault(find("zz").await, Kind::NotFound, "at least 3 characters");
    fault(find("ab%").await, Kind::NotFound, "`ab%`");
    fault(find("").await, Kind::NotFound, "``");
    let removed = "zzzzzzzzzzzz".parse().expect("an id");
    store
        .write(move |tx| tx.remove_session(&removed))
        .await
        .expect("removed");
    fault(find("zzz").await, Kind::NotFound, "telecoder list");
    assert_eq!(name("abcd").await, "login", "a removed name hides no prefix");
}

#[tokio::test]
async fn status_keeps_the_times_of_the_agent() {
    use SessionState as S;
    let place = Place::new();
    let store = place.open();
    let created = add_session(&store, 1, "one").await;
    let starting = set(&store, S::Starting, None).await;
    assert_eq!((starting.started_at, starting.ended_at), (None, None));
    let idle = set(&store, S::Idle, None).await;
    assert!(idle.started_at >= Some(created.created_at));
    assert_eq!(idle.started_at, Some(idle.status_since));

    let record = exit(ExitCause::Exit, created.created_at);
    let done = set(&store, S::Complete, Some(record.clone())).await;
    assert_eq!(done.started_at, idle.started_at, "set once");
    assert_eq!(
        (done.ended_at, done.exit.as_ref()),
        (Some(record.ended_at), Some(&record))
    );

    let resumed = set(&store, S::Queued, None).await;
    assert_eq!((resumed.ended_at, resumed.exit), (None, None));
    assert_eq!(resumed.started_at, idle.started_at);
    let lost = set(&store, S::Lost, None).await;
    assert_eq!(lost.ended_at, Some(lost.status_since));
    let found = set(&store, S::Failed, Some(record.clone())).await;
    assert_eq!(found.ended_at, Some(record.ended_at), "the late record tells the time");
    let events = store.read(|tx| tx.events_after(1, None, 10)).await.expect("read");
    assert!(events.iter().all(|e| e.kind == EventKind::SessionStatus));
    assert_eq!(events[0].data["state"], "starting");
    assert_eq!(events[0].data["reason"]["code"], "test");
    assert_eq!(events[0].data["source"], "process");
}

#[tokio::test]
async fn what_never_ran_has_no_start() {
    use SessionState as S;
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    assert_eq!(set(&store, S::Stopped, None).await.started_at, None);
    let record = exit(ExitCause::ExecFailed, Timestamp::UNIX_EPOCH);
    assert_eq!(set(&store, S::Failed, Some(record)).await.started_at, None);
    let record = exit(ExitCause::Exit, Timestamp::UNIX_EPOCH);
    assert_eq!(
        set(&store, S::Complete, Some(record)).await.started_at,
        Some(Timestamp::UNIX_EPOCH)
    );
    let unknown = store
        .write(|tx| tx.set_status(&session_id(5), &status(S::Idle), None))
        .await;
    fault(unknown, Kind::NotFound, session_id(5).as_str());
}

#[tokio::test]
async fn slots_queue_and_filters() {
    use SessionState as S;
    let place = Place::new();
    let store = place.open();
    for n in 1..=4 {
        add_session(&store, n, "s").await;
    }
    let states = [S::Working, S::Complete, S::Starting];
    store
        .write(move |tx| {
            for (n, state) in (1..).zip(states) {
                tx.set_status(&session_id(n), &status(state), None)?;
            }
            Ok(())
        })
        .await
        .expect("set");
    let ids = |filter: SessionFilter| {
        let store = store.clone();
        async move {
            let found = store.read(move |tx| tx.sessions(&filter)).await.expect("read");
            found.into_iter().map(|s| s.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(store.read(|tx| tx.slots_in_use()).await.expect("read"), 2);
    let next = store.read(|tx| tx.next_queued_session()).await.expect("read");
    assert_eq!(next.expect("one waits").id, session_id(4));
    assert_eq!(ids(SessionFilter::default()).await, [1, 2, 3, 4].map(session_id));
    let ended = SessionFilter {
        states: vec![S::Complete, S::Failed],
        ..Default::default()
    };
    assert_eq!(ids(ended).await, [session_id(2)]);

    store
        .write(|tx| tx.remove_session(&session_id(1)))
        .await
        .expect("removed");
    store
        .write(|tx| tx.remove_session(&session_id(1)))
        .await
        .expect("again");
    assert_eq!(store.read(|tx| tx.slots_in_use()).await.expect("read"), 1);
    assert_eq!(ids(SessionFilter::default()).await, [2, 3, 4].map(session_id));
    let all = SessionFilter {
        include_removed: true,
        ..Default::default()
    };
    assert_eq!(ids(all).await.len(), 4);
    let kinds = store.read(|tx| tx.events_after(7, None, 10)).await.expect("read");
    assert_eq!(kinds.len(), 1, "removed once");
    assert_eq!(kinds[0].kind, EventKind::SessionRemoved);
    let row = store
        .read(|tx| tx.session(&session_id(1)))
        .await
        .expect("the row stays");
    assert!(row.removed_at.is_some());
}

#[tokio::test]
async fn launches_are_numbered_placed_and_ended() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    let id = session_id(1);
    let placement = Placement {
        window: "@4".parse().expect("a window"),
        pane: "%5".parse().expect("a pane"),
        server: ProcessRef { pid: 10, start: 99 },
    };
    let (first, placed) = {
        let (id, placement) = (id.clone(), placement.clone());
        let steps = move |tx: &Tx<'_>| {
            let first = tx.begin_launch(&id, false)?;
            tx.place_launch(&id, first.no, &placement)?;
            tx.place_launch(&id, first.no, &placement)?;
            let placed = tx.launch(&id, first.no)?;
            tx.end_launch(&id, first.no)?;
            tx.end_launch(&id, first.no)?;
            Ok((first, placed))
        };
        store.write(steps).await.expect("launched")
    };
    assert_eq!((first.no, first.resumed, first.placement), (LaunchNo(1), false, None));
    assert_eq!(placed.placement, Some(placement));
    let again = id.clone();
    let second = store
        .write(move |tx| tx.begin_launch(&again, true))
        .await
        .expect("begun");
    assert_eq!((second.no, second.resumed), (LaunchNo(2), true));
    let open = store.read(|tx| tx.open_launches()).await.expect("read");
    assert_eq!(open, [second]);
    let session = store.read(|tx| tx.session(&session_id(1))).await.expect("read");
    assert_eq!(session.launch, Some(LaunchNo(2)));
    fault(
        store.read(move |tx| tx.launch(&id, LaunchNo(3))).await,
        Kind::NotFound,
        "no launch 3",
    );

    let events = store.read(|tx| tx.events_after(1, None, 10)).await.expect("read");
    let kinds: Vec<_> = events.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::LaunchStarted, EventKind::LaunchExited], "each once");
    assert_eq!(events[0].data["windowId"], "@4");
}

#[tokio::test]
async fn small_facts_are_set() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    let session = store
        .write(|tx| {
            let id = session_id(1);
            tx.set_native_id(&id, Some("native"))?;
            tx.set_branch(&id, "telecoder/one")?;
            tx.bind_chat(&id, &chat(5))?;
            tx.session(&id)
        })
        .await
        .expect("set");
    assert_eq!(session.native_id.as_deref(), Some("native"));
    assert_eq!(session.branch.as_deref(), Some("telecoder/one"));
    assert_eq!(session.chat, Some(chat(5)));
    let unknown = store.write(|tx| tx.set_branch(&session_id(2), "x")).await;
    fault(unknown, Kind::NotFound, session_id(2).as_str());
}
