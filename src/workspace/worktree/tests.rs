//! A worktree is complete, its own, and runs nothing that the repository names; what becomes of it when it goes.

use std::path::Path;

use super::super::fixture::{World, id, refused};
use super::super::{Begin, Unpublished, add_worktree, forget_session, measure};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;

async fn add(world: &World, id: &SessionId, branch: Option<&str>) -> Result<super::Prepared> {
    let source = world.resolve("source").await?;
    let begin = Begin {
        branch: branch.map(str::to_owned),
        ..Begin::default()
    };
    add_worktree(&source, &world.mirrors(), &world.work(id), id, &begin).await
}

#[tokio::test]
async fn a_worktree_is_the_persons_repository_on_a_branch_of_its_own() {
    let (world, id) = (World::new(), id(1));
    let prepared = add(&world, &id, None).await.unwrap();
    assert_eq!(prepared.branch, format!("telecoder/{id}"));
    let work = world.work(&id);
    assert_eq!(world.git(&work, &["status", "--porcelain"]), "");
    assert_eq!(world.git(&work, &["symbolic-ref", "--short", "HEAD"]), prepared.branch);
    assert_eq!(
        world.git(&work, &["rev-parse", "--git-common-dir"]),
        world.path("source/.git").display().to_string()
    );
    assert_eq!(
        world.git("source", &["symbolic-ref", "--short", "HEAD"]),
        "main",
        "the person's own checkout stays"
    );
    assert_eq!(world.git("source", &["status", "--porcelain"]), "");
    assert_eq!(
        world.git("source", &["worktree", "prune", "--dry-run", "--verbose"]),
        ""
    );
    // Again: what is finished is left as it is.
    std::fs::write(work.join("README"), "mine\n").unwrap();
    add(&world, &id, None).await.unwrap();
    assert_eq!(std::fs::read_to_string(work.join("README")).unwrap(), "mine\n");
    let seen = measure(&world.mirrors(), &work, &id, None).await.unwrap();
    assert_eq!((seen.turn.files, seen.uncommitted, seen.commits), (1, 1, 0), "{seen:?}");
    world.git(&work, &["commit", "-q", "-a", "-m", "mine"]);
    std::fs::write(work.join("new"), "").unwrap();
    let seen = measure(&world.mirrors(), &work, &id, None).await.unwrap();
    assert_eq!(
        (seen.commits, seen.untracked, seen.subjects[0].as_str()),
        (1, 1, "mine"),
        "{seen:?}"
    );
    // The branch lies in the person's repository, so its commits are not lost with the worktree; the file would be.
    assert_eq!(
        world.unpublished(&id).await.unwrap(),
        Unpublished {
            commits: 0,
            changed_files: 1
        }
    );
    world.git(&work, &["checkout", "-q", "--detach"]);
    world.git(&work, &["commit", "-q", "--allow-empty", "-m", "loose"]);
    assert_eq!(
        world.unpublished(&id).await.unwrap().commits,
        1,
        "a commit of no branch would be lost"
    );
}

#[tokio::test]
async fn what_goes_takes_its_registration_along_and_leaves_commits() {
    let (world, empty, full) = (World::new(), id(1), id(2));
    for id in [&empty, &full] {
        add(&world, id, None).await.unwrap();
    }
    world.git(world.work(&full), &["commit", "-q", "--allow-empty", "-m", "kept"]);
    for id in [&empty, &full] {
        forget_session(&world.mirrors(), id).await.unwrap();
        std::fs::remove_dir_all(world.work(id)).unwrap();
    }
    assert_eq!(world.git("source", &["worktree", "list"]).lines().count(), 1);
    assert_eq!(
        world.git(
            "source",
            &["for-each-ref", "--format=%(refname:short)", "refs/heads/telecoder"]
        ),
        format!("telecoder/{full}"),
        "a branch that nothing was committed to goes too"
    );
}

#[tokio::test]
async fn a_crash_half_way_is_made_good_and_the_persons_branches_are_refused() {
    let (world, one, two) = (World::new(), id(1), id(2));
    world.git("source", &["branch", "theirs"]);
    refused(
        add(&world, &one, Some("theirs")).await,
        Kind::RefusedByState,
        "is there already",
    );
    refused(
        add(&world, &one, Some("main")).await,
        Kind::RefusedByState,
        "is there already",
    );
    add(&world, &two, Some("mine")).await.unwrap();
    world.git(world.work(&two), &["commit", "-q", "--allow-empty", "-m", "kept"]);
    let tip = world.git("source", &["rev-parse", "mine"]);
    // As if the daemon had been killed before the last rename, and the directory had been lost.
    std::fs::remove_dir_all(world.work(&two)).unwrap();
    add(&world, &two, Some("mine")).await.unwrap();
    assert_eq!(world.git(world.work(&two), &["rev-parse", "HEAD"]), tip);
    assert_eq!(world.git(world.work(&two), &["status", "--porcelain"]), "");
    let address = super::RepoSource::Url("https://host.invalid/a".into());
    let begin = Begin::default();
    let made = add_worktree(&address, &world.mirrors(), Path::new("/nowhere/x"), &one, &begin).await;
    refused(made, Kind::Usage, "no repository on this machine");
}

#[tokio::test]
async fn nothing_that_the_repository_names_is_run() {
    let (world, one) = (World::new(), id(1));
    world.set_traps(&world.path("source"));
    world.marks();
    add(&world, &one, None).await.unwrap();
    let work = world.work(&one);
    std::fs::write(work.join("README"), "changed\n").unwrap();
    std::fs::write(work.join("long"), "changed\n").unwrap();
    measure(&world.mirrors(), &work, &one, None).await.unwrap();
    world.unpublished(&one).await.unwrap();
    forget_session(&world.mirrors(), &one).await.unwrap();
    assert_eq!(world.marks(), Vec::<String>::new());
}

#[tokio::test]
async fn a_registration_that_was_led_elsewhere_is_refused() {
    let (world, one) = (World::new(), id(1));
    add(&world, &one, None).await.unwrap();
    let registration = super::registration(&world.path("source/.git"), &one);
    std::fs::rename(&registration, world.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), &registration).unwrap();
    refused(world.unpublished(&one).await, Kind::RefusedByState, "was rebuilt");
    std::fs::remove_file(&registration).unwrap();
    std::fs::rename(world.path("elsewhere"), &registration).unwrap();
    std::fs::write(world.path("source/.git/objects/info/alternates"), "/etc\n").unwrap();
    refused(world.unpublished(&one).await, Kind::RefusedByState, "was rebuilt");
}
