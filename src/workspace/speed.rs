//! How fast and how large workspaces are, against `git worktree add` in the same run. Not part of the ordinary run:
//! `cargo test --release --lib workspace::speed -- --ignored --nocapture`.

#![expect(clippy::print_stderr, reason = "its figures are what it is for")]

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::fixture::{World, id};
use super::measure;

const SESSIONS: u64 = 100;
/// 2 MB a commit's worth of files is rewritten so often that the repository has 200 MB of history.
const FILES: u64 = 1000;
const FILE_BYTES: usize = 20 * 1024;
const COMMITS: u64 = 10;
/// Of a workspace, against a bare worktree in the same run. Both hold on a machine that does nothing else.
const TIME_RATIO_MAX: f64 = 1.5;
const DISK_RATIO_MAX: f64 = 1.2;

/// A repository of about 200 MB: 20 MB of files, and ten versions of all of them, none of which can be compressed.
fn large(world: &World) {
    let source = world.path("source");
    // Otherwise a commit begins one behind our back, and the packing below finds it at work.
    world.git("source", &["config", "gc.auto", "0"]);
    for round in 0..COMMITS {
        for file in 0..FILES {
            let dir = source.join(format!("d{}", file % 50));
            std::fs::create_dir_all(&dir).unwrap();
            let mut x = (round << 32 | file).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let bytes: Vec<u8> = (0..FILE_BYTES)
                .map(|_| {
                    x ^= x >> 12;
                    x ^= x << 25;
                    x ^= x >> 27;
                    (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
                })
                .collect();
            std::fs::write(dir.join(format!("f{file}")), bytes).unwrap();
        }
        world.git("source", &["add", "-A"]);
        world.git("source", &["commit", "-q", "-m", &format!("round {round}")]);
    }
    world.git("source", &["gc", "-q"]);
}

fn disk(path: &Path) -> u64 {
    let meta = std::fs::symlink_metadata(path).unwrap();
    let own = meta.blocks() * 512;
    if !meta.is_dir() {
        return own;
    }
    let entries = std::fs::read_dir(path).unwrap();
    own + entries.map(|entry| disk(&entry.unwrap().path())).sum::<u64>()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
#[ignore = "writes some gigabytes; its figures are read by a person"]
async fn a_hundred_workspaces_of_a_large_repository() {
    let world = World::new();
    large(&world);
    let repository = disk(&world.path("source/.git"));
    // The first makes the mirror.
    let begun = Instant::now();
    world.prepare("source", &id(0)).await.unwrap();
    let first = begun.elapsed();
    let (mut ours, mut theirs, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for n in 1..=SESSIONS {
        let begun = Instant::now();
        world.prepare("source", &id(n)).await.unwrap();
        ours.push(begun.elapsed());
        let begun = Instant::now();
        world.git(
            "source",
            &[
                "worktree",
                "add",
                "-q",
                "-b",
                &format!("w{n}"),
                &format!("../trees/{n}"),
            ],
        );
        theirs.push(begun.elapsed());
        let begun = Instant::now();
        measure(&world.mirrors(), &world.work(&id(n)), &id(n), None)
            .await
            .unwrap();
        looks.push(begun.elapsed());
    }
    let session_disk: u64 = (1..=SESSIONS)
        .map(|n| disk(&world.work(&id(n))) + disk(&world.path("mirrors/sessions").join(format!("{}.view", id(n)))))
        .sum();
    let tree_disk = disk(&world.path("trees")) + disk(&world.path("source/.git/worktrees"));
    let (ours, theirs, looks) = (median(&mut ours), median(&mut theirs), median(&mut looks));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let disk_ratio = session_disk as f64 / tree_disk as f64;
    eprintln!(
        "repository {} MB; first {first:?}; then median: ours {ours:?}, worktree {theirs:?}, ratio {ratio:.2}; disk ratio \
         {disk_ratio:.3}; measuring {looks:?}",
        repository / 1_000_000
    );
    assert!(ratio <= TIME_RATIO_MAX, "{ratio}");
    assert!(disk_ratio <= DISK_RATIO_MAX, "{disk_ratio}");
}
