//! Disks that refuse: full, read-only, damaged.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, chown};
use std::path::Path;

use super::*;

#[tokio::test]
async fn a_full_disk_refuses_writes_and_heals() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await;
    let limit = |pages: u32| move |tx: &Tx<'_>| raw_sql(tx, &format!("PRAGMA max_page_count = {pages}"));
    // SQLite takes a limit below the present size as the present size.
    store.write(limit(1)).await.expect("limited");

    let big = "x".repeat(2000);
    let mut answered = 0;
    let refusal = loop {
        let new = new_turn(answered + 1, &session.id, &big);
        match store.write(move |tx| tx.insert_turn(new)).await {
            Ok(_) => answered += 1,
            Err(refusal) => break refusal,
        }
        assert!(answered < 10_000, "the limit holds");
    };
    assert_eq!(refusal.kind, Kind::Storage, "{refusal:?}");
    assert!(refusal.hint.expect("advice").contains("Free some space"));

    let count = |tx: &Tx<'_>| Ok(tx.turns(&session_id(1), None)?.len() as u64);
    assert_eq!(store.read(count).await.expect("reads go on"), answered);
    store.write(limit(1_000_000)).await.expect("space again");
    add_turn(&store, 99_999, &session.id, &big).await;
    assert_eq!(store.read(count).await.expect("read"), answered + 1);
}

#[test]
fn a_file_that_is_no_database_names_the_copy_to_use() {
    let place = Place::new();
    fs::write(
        place.db(),
        "this is not a database, and it is long enough to have a header. ".repeat(40),
    )
    .expect("written");
    fs::create_dir(place.backups()).expect("made");
    let copy = place.backups().join("telecoder-v1-20260301T000000.000000Z.db");
    fs::write(&copy, "").expect("written");
    fault(place.try_open(), Kind::Storage, &copy.display().to_string());
}

#[tokio::test]
async fn a_damaged_page_is_found_when_the_file_is_opened() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await;
    for n in 0..100 {
        add_turn(&store, n, &session.id, &"words ".repeat(100)).await;
    }
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(place.db()).expect("opened");
    let length = file.metadata().expect("known").len();
    for page in (4096..length).step_by(4096) {
        file.write_all_at(&[0xa5; 64], page).expect("spoilt");
    }
    fault(place.try_open(), Kind::Storage, &place.backups().display().to_string());
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let place = Place::new();
    add_session(&place.open(), 1, "one").await;
    let file = fs::OpenOptions::new().write(true).open(place.db()).expect("opened");
    file.set_len(4096 * 3).expect("cut");
    fault(place.try_open(), Kind::Storage, "telecoder.db");
}

/// Opens the store as somebody whom the modes of files hold (root writes everywhere).
#[test]
#[ignore = "the other half of read_only_places_are_refused"]
fn child_cannot_open() {
    let dir = child_place();
    let opened = Store::open(&dir.join("telecoder.db"), &dir.join("backups"));
    let refusal = fault(opened, Kind::Storage, "must be able to write the data directory");
    assert!(refusal.message.contains(&dir.display().to_string()), "{refusal:?}");
}

const NOBODY: u32 = 65534;

#[test]
fn read_only_places_are_refused() {
    // The file may not be written.
    let place = Place::new();
    drop(place.open());
    check_refused(&place, 0o755, Some(0o400));
    // The file may be written, but nothing can be made beside it.
    let place = Place::new();
    drop(place.open());
    check_refused(&place, 0o555, Some(0o600));
    // There is no file, and none can be made.
    check_refused(&Place::new(), 0o555, None);
}

#[track_caller]
fn check_refused(place: &Place, dir_mode: u32, file_mode: Option<u32>) {
    let dir = place.dir.path();
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    if let Some(mode) = file_mode {
        set(&place.db(), mode);
        if is_root() {
            chown(place.db(), Some(NOBODY), None).expect("given away");
        }
    }
    set(dir, dir_mode);
    let mut child = child("disk::child_cannot_open");
    child.env(CHILD_PLACE, dir);
    if is_root() {
        std::os::unix::process::CommandExt::uid(&mut child, NOBODY);
    }
    let output = child.output().expect("ran");
    set(dir, 0o700);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}
