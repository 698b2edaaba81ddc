//! Making, upgrading and refusing files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::schema::{MIGRATIONS, newest_known, upgrade};
use super::*;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn version(conn: &rusqlite::Connection) -> i64 {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
        .expect("a version")
}

#[tokio::test]
async fn a_new_database_has_its_settings_and_is_ours_alone() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    for file in ["telecoder.db", "telecoder.db-wal", "telecoder.db-shm"] {
        assert_eq!(mode(&place.dir.path().join(file)), 0o600, "{file}");
    }
    let settings = store
        .write(|tx| {
            let number = |sql| -> Result<i64> { Ok(tx.conn.query_row(sql, [], |row| row.get(0))?) };
            Ok([
                number("PRAGMA synchronous")?,
                number("PRAGMA foreign_keys")?,
                number("PRAGMA busy_timeout")?,
                number("PRAGMA mmap_size").unwrap_or(0),
                number("PRAGMA user_version")?,
            ])
        })
        .await;
    let newest = i64::try_from(newest_known()).expect("small");
    assert_eq!(settings.expect("read"), [2, 1, 5000, 0, newest]);
    let journal: String = place
        .raw()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .expect("a mode");
    assert_eq!(journal, "wal");
    assert!(!place.backups().exists(), "an empty database needs no copy");
}

#[tokio::test]
async fn files_that_others_could_read_are_closed_to_them() {
    let place = Place::new();
    add_session(&place.open(), 1, "one").await;
    fs::set_permissions(place.db(), fs::Permissions::from_mode(0o644)).expect("opened up");
    let store = place.open();
    assert_eq!(mode(&place.db()), 0o600);
    assert!(store.read(|tx| tx.find_session("one")).await.is_ok());
}

#[tokio::test]
async fn an_upgrade_copies_the_file_first() {
    let place = Place::new();
    add_session(&place.open(), 1, "old").await;
    let steps = [MIGRATIONS, &["ALTER TABLE sessions ADD COLUMN extra TEXT"]].concat();
    let from = newest_known();
    upgrade(&place.raw(), &steps, &place.backups()).expect("upgraded");

    assert_eq!(version(&place.raw()), i64::try_from(from + 1).expect("small"));
    let copies: Vec<_> = fs::read_dir(place.backups()).expect("a folder").collect();
    assert_eq!(copies.len(), 1);
    let copy = copies[0].as_ref().expect("an entry").path();
    let name = copy.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(
        name.starts_with(&format!("telecoder-v{from}-2")) && name.ends_with("Z.db"),
        "{name}"
    );
    assert_eq!((mode(&copy), mode(&place.backups())), (0o600, 0o700));

    // This program does not know the new version; its advice leads back to the copy, and the copy works.
    let newer = fault(place.try_open(), Kind::Storage, "schema version");
    assert!(newer.hint.expect("advice").contains(&name));
    fs::copy(&copy, place.db()).expect("copied back");
    let back = place.open();
    assert!(back.read(|tx| tx.find_session("old")).await.is_ok());
}

#[tokio::test]
async fn a_failed_upgrade_changes_nothing() {
    let place = Place::new();
    add_session(&place.open(), 1, "old").await;
    let steps = [
        MIGRATIONS,
        &["CREATE TABLE more (x); INSERT INTO sessions (no_such_column) VALUES (1)"],
    ]
    .concat();
    let broken = upgrade(&place.raw(), &steps, &place.backups());
    fault(broken, Kind::Failure, "no_such_column");

    assert_eq!(
        fs::read_dir(place.backups()).expect("a folder").count(),
        0,
        "no copy piles up"
    );
    let tables: i64 = place
        .raw()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'more'", [], |row| {
            row.get(0)
        })
        .expect("counted");
    assert_eq!(tables, 0);
    assert!(place.open().read(|tx| tx.find_session("old")).await.is_ok());
}

#[test]
fn every_released_step_leads_to_the_same_schema() {
    let schema = |conn: &rusqlite::Connection| -> Vec<String> {
        let mut statement = conn
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("texts")
    };
    let (at_once, stepwise) = (Place::new(), Place::new());
    let (one, other) = (at_once.raw(), stepwise.raw());
    upgrade(&one, MIGRATIONS, &at_once.backups()).expect("upgraded");
    for n in 1..=MIGRATIONS.len() {
        upgrade(&other, &MIGRATIONS[..n], &stepwise.backups()).expect("upgraded");
        assert_eq!(version(&other), i64::try_from(n).expect("small"));
    }
    assert_eq!(schema(&one), schema(&other));
}

#[test]
fn a_newer_schema_without_a_copy_is_refused_with_advice() {
    let place = Place::new();
    drop(place.open());
    place.raw().pragma_update(None, "user_version", 99).expect("set");
    let fault = fault(place.try_open(), Kind::Storage, "schema version 99");
    assert!(fault.hint.expect("advice").contains("Install the newer telecoder"));
    assert_eq!(version(&place.raw()), 99, "nothing was written");
}

#[test]
fn the_advised_copy_is_the_one_that_loses_least() {
    let place = Place::new();
    fs::create_dir(place.backups()).expect("made");
    for name in [
        "telecoder-v1-20260101T000000.000000Z.db",
        "telecoder-v1-20260301T000000.000000Z.db",
    ] {
        fs::write(place.backups().join(name), "").expect("written");
    }
    fs::write(place.backups().join("telecoder-v98-20260401T000000.000000Z.db"), "").expect("written");
    drop(place.open());
    place.raw().pragma_update(None, "user_version", 99).expect("set");
    fault(
        place.try_open(),
        Kind::Storage,
        "telecoder-v1-20260301T000000.000000Z.db",
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let place = Place::new();
    place.raw().execute_batch("CREATE TABLE theirs (x)").expect("made");
    fault(place.try_open(), Kind::Storage, "another program");
    let tables: i64 = place
        .raw()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .expect("counted");
    assert_eq!(tables, 1, "nothing was added");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let place = Place::new();
    fs::write(place.db(), "").expect("written");
    drop(place.open());
    assert_eq!(version(&place.raw()), i64::try_from(newest_known()).expect("small"));
}
