//! The watcher, by changes of real directories and processes.

use std::time::Duration;

use super::*;

/// Long enough for a loaded machine; reached only when the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

struct Place {
    _tmp: tempfile::TempDir,
    dir: LaunchDir,
    key: LaunchKey,
}

fn place() -> Place {
    let tmp = tempfile::tempdir().expect("temp dir");
    let dir = LaunchDir::new(tmp.path().join("1"));
    for part in [dir.ctl(), dir.mail().join("new"), dir.mail().join("tmp")] {
        std::fs::create_dir_all(part).expect("mkdir");
    }
    let key = LaunchKey {
        session: SessionId::from_random(7),
        launch: LaunchNo(1),
    };
    Place { _tmp: tmp, dir, key }
}

fn post(dir: &LaunchDir, name: &str) {
    let tmp = dir.mail().join("tmp").join(name);
    std::fs::write(&tmp, "{}").expect("write");
    std::fs::rename(tmp, dir.mail().join("new").join(name)).expect("rename");
}

async fn next(changes: &mut mpsc::UnboundedReceiver<(LaunchKey, LaunchChange)>) -> LaunchChange {
    let got = tokio::time::timeout(PATIENCE, changes.recv()).await;
    got.expect("in time").expect("open").1
}

#[tokio::test]
async fn what_was_there_and_what_comes_is_told() {
    let Place { _tmp, dir, key } = place();
    post(&dir, "early");
    std::fs::write(dir.shim_json(), "{}").expect("write");
    let (watcher, mut changes) = Watcher::new().expect("watcher");
    watcher.watch(key.clone(), &dir).expect("watch");
    assert_eq!(next(&mut changes).await, LaunchChange::ShimStarted);
    assert_eq!(next(&mut changes).await, LaunchChange::Mail);
    post(&dir, "late");
    assert_eq!(next(&mut changes).await, LaunchChange::Mail);
    std::fs::write(dir.ctl().join("x"), "{}").expect("write");
    std::fs::rename(dir.ctl().join("x"), dir.exit_json()).expect("rename");
    assert_eq!(next(&mut changes).await, LaunchChange::ExitRecorded);
    watcher.unwatch(&key);
    post(&dir, "unseen");
    drop(watcher);
    assert_eq!(
        changes.recv().await,
        None,
        "the last handle ends it, and nothing was told of an unwatched launch"
    );
}

#[tokio::test]
async fn the_end_of_a_shim_is_told_also_when_it_is_over() {
    let Place { _tmp, key, .. } = place();
    let (watcher, mut changes) = Watcher::new().expect("watcher");
    let mut child = std::process::Command::new("/bin/cat")
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("cat");
    let shim = process::identify(child.id()).expect("lives");
    watcher.watch_shim(key.clone(), shim).expect("watch");
    drop(child.stdin.take());
    assert_eq!(next(&mut changes).await, LaunchChange::ShimGone);
    child.wait().expect("wait");
    watcher.watch_shim(key, shim).expect("watch");
    assert_eq!(next(&mut changes).await, LaunchChange::ShimGone);
}

#[tokio::test]
async fn after_an_overflow_everything_is_told_again() {
    let Place { _tmp, dir, key } = place();
    let (watcher, mut changes) = Watcher::new().expect("watcher");
    watcher.watch(key.clone(), &dir).expect("watch");
    std::fs::write(dir.exit_json(), "{}").expect("write");
    post(&dir, "letter");
    watcher.inner.tell_batch(Batch {
        events: Vec::new(),
        overflowed: true,
        drained: true,
    });
    assert_eq!(next(&mut changes).await, LaunchChange::Mail);
    assert_eq!(next(&mut changes).await, LaunchChange::ExitRecorded);
}

#[tokio::test]
async fn a_flood_of_letters_is_few_changes() {
    let Place { _tmp, dir, key } = place();
    let (watcher, mut changes) = Watcher::new().expect("watcher");
    watcher.watch(key, &dir).expect("watch");
    // The runtime has one thread: nothing is read until this test waits.
    for n in 0..2000 {
        post(&dir, &n.to_string());
    }
    let mut count = 0;
    // A quiet time ends the counting.
    while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(200), changes.recv()).await {
        count += 1;
    }
    assert!((1..=4).contains(&count), "{count} changes for 2000 letters");
    drop(watcher);
}
