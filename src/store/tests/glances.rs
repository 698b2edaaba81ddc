//! What a list shows beside each session.

use super::super::{Glance, SessionFilter};
use super::*;
use crate::domain::launch::Placement;
use crate::domain::letter::ProcessRef;
use crate::domain::session::{Reason, SessionState, Source, Status};
use crate::domain::turn::{TurnEvent, TurnState};

fn placement() -> Placement {
    Placement {
        window: "@4".parse().expect("a window"),
        pane: "%5".parse().expect("a pane"),
        server: ProcessRef { pid: 10, start: 99 },
    }
}

async fn all(store: &Store) -> Vec<Glance> {
    store
        .read(|tx| tx.glances(&SessionFilter::default()))
        .await
        .expect("read")
}

#[tokio::test]
async fn a_glance_has_the_newest_turn_the_waiting_ones_and_an_open_window() {
    let place = Place::new();
    let store = place.open();
    let one = add_session(&store, 1, "one").await;
    let two = add_session(&store, 2, "two").await;
    for n in 1..=3 {
        add_turn(&store, n, &one.id, "text").await;
    }
    let held = Reason::new("why", "for a test");
    let (hold, id) = (TurnEvent::Hold(held.clone()), one.id.clone());
    store
        .write(move |tx| {
            tx.step_turn(&turn_id(3), &hold)?;
            let launch = tx.begin_launch(&id, false)?;
            tx.place_launch(&id, launch.no, &placement())
        })
        .await
        .expect("placed");

    let glances = all(&store).await;
    let of_two = Glance {
        session: two,
        turn: None,
        waiting: 0,
        placement: None,
    };
    assert_eq!(glances[1], of_two, "the order is that of their making");
    let of_one = &glances[0];
    let turn = of_one.turn.as_ref().expect("a turn");
    assert_eq!((turn.state, turn.reason.as_ref()), (TurnState::Held, Some(&held)));
    assert_eq!((turn.id.clone(), of_one.waiting), (turn_id(3), 3));
    assert_eq!(of_one.placement, Some(placement()));
    let id = one.id.clone();
    let same = store.read(move |tx| tx.glance(&id)).await.expect("read");
    assert_eq!(&same, of_one);
}

#[tokio::test]
async fn the_window_of_an_ended_launch_is_not_shown() {
    let place = Place::new();
    let store = place.open();
    let id = add_session(&store, 1, "one").await.id;
    store
        .write(move |tx| {
            let launch = tx.begin_launch(&id, false)?;
            tx.place_launch(&id, launch.no, &placement())?;
            tx.end_launch(&id, launch.no)
        })
        .await
        .expect("ended");
    assert_eq!(all(&store).await[0].placement, None);
}

#[tokio::test]
async fn a_filter_keeps_the_states_that_it_names() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    let two = add_session(&store, 2, "two").await.id;
    let idle = Status::new(SessionState::Idle, Source::Hook, "ready", "ready");
    store
        .write(move |tx| tx.set_status(&two, &idle, None))
        .await
        .expect("set");
    let filter = SessionFilter {
        states: vec![SessionState::Idle],
        include_removed: false,
    };
    let glances = store.read(move |tx| tx.glances(&filter)).await.expect("read");
    let names: Vec<String> = glances.iter().map(|glance| glance.session.name.to_string()).collect();
    assert_eq!(names, ["two"]);
    let unknown = store.read(|tx| tx.glance(&session_id(9))).await;
    fault(unknown, Kind::NotFound, session_id(9).as_str());
}
