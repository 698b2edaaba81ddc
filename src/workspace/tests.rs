//! The room against the real git.

use std::path::Path;

use super::fixture::{World, id, refused, serve};
use super::publish::{Author, Wish, prepare_outgoing, push};
use super::{RepoSource, Unpublished, repository_of};
use super::{Span, diff, measure};
use crate::domain::fault::Kind;

#[tokio::test]
async fn a_session_gets_its_own_branch_and_the_source_is_only_read() {
    let world = World::new();
    let before = world.picture("source");
    let prepared = world.prepare("source", &id(1)).await.unwrap();
    assert_eq!(world.picture("source"), before);
    assert_eq!(prepared.branch, format!("telecoder/{}", id(1)));
    let work = world.work(&id(1));
    assert_eq!(world.git(&work, &["branch", "--show-current"]), prepared.branch);
    assert_eq!(
        world.git(&work, &["rev-parse", "HEAD"]),
        world.git("source", &["rev-parse", "HEAD"])
    );
    let origin = world.git(&work, &["remote", "get-url", "origin"]);
    assert_eq!(Path::new(&origin), world.path("source").canonicalize().unwrap());
    assert_eq!(
        world.git(&work, &["rev-parse", "--abbrev-ref", "origin/HEAD"]),
        "origin/main"
    );
    assert_eq!(std::fs::read_to_string(work.join("README")).unwrap(), "hello\n");
    // Objects are borrowed, and the person's own identity commits.
    assert_eq!(world.git(&work, &["count-objects"]), "0 objects, 0 kilobytes");
    world.commit(&work, "new", "text");
    assert_eq!(world.git(&work, &["log", "-1", "--format=%an"]), "Somebody");
}

#[tokio::test]
async fn a_later_session_shares_the_mirror_and_sees_what_is_new() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    world.commit("source", "second", "2");
    world.prepare("source", &id(2)).await.unwrap();
    assert!(world.work(&id(2)).join("second").exists());
    assert!(!world.work(&id(1)).join("second").exists());
    world.mirror();
}

#[tokio::test]
async fn sessions_of_one_repository_may_begin_at_once() {
    let world = World::new();
    let ids = [id(1), id(2), id(3), id(4)];
    let all = ids.iter().map(|id| world.prepare("source", id));
    for prepared in futures_util::future::join_all(all).await {
        prepared.unwrap();
    }
    world.mirror();
}

#[tokio::test]
async fn rewritten_and_reshaped_branches_are_followed_and_nothing_is_lost_for_the_borrower() {
    let world = World::new();
    world.git("source", &["branch", "topic"]);
    world.commit("source", "gone", "will be rewritten");
    world.prepare("source", &id(1)).await.unwrap();
    world.git("source", &["branch", "-D", "topic"]);
    world.git("source", &["branch", "topic/part"]);
    world.git("source", &["reset", "-q", "--hard", "HEAD~1"]);
    world.git("source", &["reflog", "expire", "--expire=now", "--all"]);
    world.git("source", &["gc", "-q", "--prune=now"]);
    world.prepare("source", &id(2)).await.unwrap();
    assert!(!world.work(&id(2)).join("gone").exists());
    world.git(world.work(&id(1)), &["fsck", "--full", "--strict"]);
}

#[tokio::test]
async fn a_half_made_clone_is_removed_and_a_finished_one_is_kept() {
    let world = World::new();
    let work = world.work(&id(1));
    let half_made = work.with_file_name("work.making-0");
    std::fs::create_dir_all(half_made.join(".git")).unwrap();
    // The engine may have made the place already.
    std::fs::create_dir_all(&work).unwrap();
    world.prepare("source", &id(1)).await.unwrap();
    assert!(!half_made.exists());
    std::fs::write(work.join("precious"), "work").unwrap();
    world.prepare("source", &id(1)).await.unwrap();
    assert!(work.join("precious").exists());
}

#[tokio::test]
async fn a_place_that_holds_something_else_is_left_alone() {
    let world = World::new();
    let work = world.work(&id(1));
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("notes"), "mine").unwrap();
    refused(world.prepare("source", &id(1)).await, Kind::RefusedByState, "not empty");
    assert!(work.join("notes").exists());
}

#[tokio::test]
async fn the_lock_files_of_a_killed_git_do_not_stand_in_the_way() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    world.commit("source", "second", "2");
    let mirror = world.mirror();
    for lock in ["HEAD.lock", "packed-refs.lock", "refs/heads/main.lock", "config.lock"] {
        std::fs::write(mirror.join(lock), "").unwrap();
    }
    world.prepare("source", &id(2)).await.unwrap();
    assert!(world.work(&id(2)).join("second").exists());
}

#[tokio::test]
async fn detached_bare_shallow_and_linked_sources_work() {
    let world = World::new();
    world.commit("source", "second", "2");
    world.git(".", &["clone", "-q", "--bare", "source", "bare.git"]);
    world.git("source", &["worktree", "add", "-q", "../linked", "-b", "side"]);
    world.git("source", &["checkout", "-q", "--detach", "HEAD~1"]);
    let shallow = format!("file://{}", world.path("bare.git").display());
    world.git(".", &["clone", "-q", "--depth=1", &shallow, "shallow"]);
    world.git(".", &["clone", "-q", "--depth=1", &shallow, "shallow-detached"]);
    world.git("shallow-detached", &["checkout", "-q", "--detach"]);
    world.commit("shallow-detached", "third", "3");
    for (n, (repo, files)) in [
        ("source", 1),
        ("bare.git", 2),
        ("linked", 2),
        ("shallow", 2),
        ("shallow-detached", 3),
    ]
    .into_iter()
    .enumerate()
    {
        let id = id(n as u64);
        world
            .prepare(repo, &id)
            .await
            .unwrap_or_else(|fault| panic!("{repo}: {fault}"));
        let listed = world.git(world.work(&id), &["ls-files"]);
        assert_eq!(listed.lines().count(), files, "{repo}: {listed}");
        world.commit(world.work(&id), "work", "w");
        let left = world
            .unpublished(&id)
            .await
            .unwrap_or_else(|fault| panic!("{repo}: {fault}"));
        assert_eq!(
            left,
            Unpublished {
                commits: 1,
                changed_files: 0
            },
            "{repo}"
        );
    }
}

#[tokio::test]
async fn a_repository_without_a_commit_is_refused_with_the_way_out() {
    let world = World::new();
    world.git(".", &["init", "-q", "empty"]);
    let fault = refused(world.prepare("empty", &id(1)).await, Kind::RefusedByState, "no commit");
    assert!(fault.hint.unwrap().contains("git commit"));
    assert!(!world.work(&id(1)).exists());
}

#[tokio::test]
async fn another_users_repository_can_be_read() {
    let world = World::new();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for path in world.picture("source").keys().chain([&world.path("source")]) {
        std::os::unix::fs::lchown(path, Some(65534), Some(65534)).unwrap();
    }
    world.prepare("source", &id(1)).await.unwrap();
}

#[tokio::test]
async fn words_become_sources() {
    let world = World::new();
    let top = world.path("source").canonicalize().unwrap();
    std::fs::create_dir(world.path("source/deep")).unwrap();
    let local = Ok(RepoSource::Local(top.clone()));
    assert_eq!(world.resolve("source").await, local);
    assert_eq!(world.resolve("source/deep").await, local);
    assert_eq!(world.resolve(&format!("file://{}", top.display())).await, local);
    assert_eq!(repository_of(&top.join("deep")).await, Some(top));
    assert_eq!(repository_of(&world.path("home")).await, None);
    for url in [
        "https://host.invalid/a/b.git",
        "ssh://git@host.invalid/a",
        "git@host.invalid:a/b.git",
        "http://127.0.0.1:1/a",
    ] {
        assert_eq!(world.resolve(url).await, Ok(RepoSource::Url(url.into())));
    }
}

#[tokio::test]
async fn words_that_are_no_repository_are_refused() {
    let world = World::new();
    for (word, kind, part) in [
        ("nowhere", Kind::NotFound, "nowhere"),
        ("home", Kind::NotFound, "not a git repository"),
        ("source/.git", Kind::NotFound, "own git directory"),
        ("--upload-pack=touch x", Kind::NotFound, "--upload-pack"),
        ("-oProxyCommand=x:y", Kind::NotFound, "-oProxy"),
        ("ext::sh -c id", Kind::NotPermitted, "`ext`"),
        ("EXT::sh -c id", Kind::NotPermitted, "`EXT`"),
        ("ftp://host.invalid/a", Kind::NotPermitted, "`ftp`"),
        ("git://host.invalid/a", Kind::NotPermitted, "`git`"),
        ("http://host.invalid/a", Kind::NotPermitted, "`http`"),
        ("https://token@host.invalid/a", Kind::Usage, "user name or password"),
        ("https://a:token@host.invalid/a", Kind::Usage, "user name or password"),
        ("ssh://-oProxyCommand=x/a", Kind::Usage, ""),
        ("ssh://-x@host.invalid/a", Kind::Usage, ""),
        ("a\nb", Kind::Usage, "cannot be the name"),
        ("", Kind::Usage, "cannot be the name"),
    ] {
        let fault = refused(world.resolve(word).await, kind, part);
        assert!(!fault.message.contains("token"), "{fault:?}");
        assert!(fault.hint.is_some(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_repository_behind_an_address_works() {
    let world = World::new();
    world.git(".", &["clone", "-q", "--bare", "source", "served/a.git"]);
    world.git("served/a.git", &["update-server-info"]);
    let url = format!("{}/a.git", serve(world.path("served")));
    world.prepare(&url, &id(1)).await.unwrap();
    let work = world.work(&id(1));
    assert_eq!(world.git(&work, &["remote", "get-url", "origin"]), url);
    assert_eq!(std::fs::read_to_string(work.join("README")).unwrap(), "hello\n");
    world.commit(&work, "new", "x");
    assert_eq!(world.unpublished(&id(1)).await.unwrap().commits, 1);
}

#[tokio::test]
async fn what_git_says_about_an_unreachable_source_is_told() {
    let world = World::new();
    let fault = refused(
        world.prepare("http://127.0.0.1:1/a.git", &id(1)).await,
        Kind::Failure,
        "127.0.0.1",
    );
    assert!(fault.hint.unwrap().contains("ls-remote"));
}

#[tokio::test]
async fn unpublished_work_is_counted() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    let work = world.work(&id(1));
    let check = async |what: &str, commits, changed_files| {
        assert_eq!(
            world.unpublished(&id(1)).await.unwrap(),
            Unpublished { commits, changed_files },
            "{what}"
        );
    };
    check("nothing done", 0, 0).await;
    std::fs::write(work.join("README"), "changed\n").unwrap();
    std::fs::write(work.join(".gitignore"), "ignored\n").unwrap();
    std::fs::write(work.join("ignored"), "x").unwrap();
    std::fs::create_dir(work.join("dir")).unwrap();
    std::fs::write(work.join("dir/a"), "x").unwrap();
    check("one changed, .gitignore and a directory new", 0, 3).await;
    world.git(&work, &["add", "-A"]);
    world.git(&work, &["commit", "-q", "-m", "all"]);
    check("committed", 1, 0).await;
    std::fs::remove_file(work.join("README")).unwrap();
    check("one removed", 1, 1).await;
    world.git(&work, &["stash", "-q"]);
    check("stashed: the stash and its index", 3, 0).await;
    world.git(&work, &["stash", "drop", "-q"]);
    world.git(&work, &["checkout", "-q", "-b", "other"]);
    world.commit(&work, "other", "o");
    world.git(&work, &["checkout", "-q", "--detach"]);
    world.commit(&work, "detached", "d");
    check("on another branch and detached", 3 + 2, 0).await;
    world.git(&work, &["push", "-q", "origin", "HEAD:refs/heads/pushed"]);
    check("pushed; the dropped stash is still counted", 2, 0).await;
}

#[tokio::test]
async fn without_its_source_the_last_known_state_counts() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    world.commit(world.work(&id(1)), "new", "x");
    std::fs::rename(world.path("source"), world.path("moved")).unwrap();
    assert_eq!(
        world.unpublished(&id(1)).await.unwrap(),
        Unpublished {
            commits: 1,
            changed_files: 0
        }
    );
}

#[tokio::test]
async fn a_desk_without_a_repository_and_a_place_that_is_gone() {
    let world = World::new();
    assert!(world.unpublished(&id(1)).await.unwrap().is_empty());
    std::fs::create_dir_all(world.work(&id(1)).join("notes")).unwrap();
    assert_eq!(
        world.unpublished(&id(1)).await.unwrap(),
        Unpublished {
            commits: 0,
            changed_files: 1
        }
    );
}

#[tokio::test]
async fn nothing_that_a_workspace_plants_is_run() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    let work = world.work(&id(1));
    world.commit(&work, "done", "x");
    world.set_traps(&work);
    let left = world.unpublished(&id(1)).await.unwrap();
    let measured = measure(&world.mirrors(), &work, &id(1), None).await.unwrap();
    let patch = diff(&world.mirrors(), &work, &id(1), &Span::Session, 1 << 20)
        .await
        .unwrap();
    let author = Author {
        name: "T".into(),
        address: "t@localhost".into(),
    };
    let wish = Wish {
        commit: true,
        message: "all",
        author: &author,
        pushed: None,
        intended: None,
        file_bytes_max: 1 << 20,
        allow_findings: false,
    };
    let outgoing = prepare_outgoing(&world.mirrors(), &work, &id(1), &wish).await.unwrap();
    // Where it is pushed to is said by us; the traps would lead it elsewhere.
    world.git(".", &["init", "-q", "--bare", "there.git"]);
    let there = world.path("there.git").display().to_string();
    push(&world.mirrors(), &id(1), &there, "telecoder/x", &outgoing.tip)
        .await
        .unwrap();
    assert_eq!(world.marks(), Vec::<String>::new());
    assert_eq!(world.git("there.git", &["rev-parse", "telecoder/x"]), outgoing.tip);
    assert_eq!((measured.commits, measured.turn.files), (1, 2));
    assert!(patch.text.contains("+++ b/done"), "{patch:?}");
    assert!(world.traps() >= 40, "{}", world.traps());
    assert_eq!((left.commits, left.changed_files), (1, 1));
    // The traps are armed: an ordinary git walks into them.
    for command in [
        "status",
        "diff",
        "log -p -1 --ext-diff",
        "add -A",
        "commit -m x",
        "commit -S -m x",
        "fetch origin",
        "push origin",
        "checkout -b y",
        "checkout README",
        "rebase -i HEAD~1",
        "show --textconv",
    ] {
        let args: Vec<&str> = command.split(' ').collect();
        world.try_git(&work, &args);
    }
    let sprung = world.marks();
    for trap in [
        "core.fsmonitor",
        "diff.trap.command",
        "diff.trap.textconv",
        "filter.trap.clean",
        "filter.trap.smudge",
        "hook-pre-commit",
        "insteadOf",
    ] {
        assert!(sprung.iter().any(|mark| mark == trap), "{trap} is not among {sprung:?}");
    }
}

#[tokio::test]
async fn nothing_that_a_source_plants_is_run() {
    let world = World::new();
    world.git("source", &["checkout", "-q", "-b", "topic"]);
    world.set_traps(&world.path("source"));
    world.prepare("source", &id(1)).await.unwrap();
    world.prepare("source", &id(2)).await.unwrap();
    world.unpublished(&id(1)).await.unwrap();
    assert_eq!(world.marks(), Vec::<String>::new());
}

#[tokio::test]
async fn a_planted_submodule_is_not_entered() {
    let world = World::new();
    world.prepare("source", &id(1)).await.unwrap();
    let work = world.work(&id(1));
    let outer = work.display().to_string();
    world.git(".", &["clone", "-q", "source", &format!("{outer}/sub")]);
    world.git(&work, &["add", "sub"]);
    world.git(&work, &["commit", "-q", "-m", "a repository within"]);
    world.set_traps(&work.join("sub"));
    let _ = world.try_git(&work, &["status"]);
    assert!(
        world.marks().contains(&"core.fsmonitor".to_owned()),
        "the trap is armed"
    );
    let left = world.unpublished(&id(1)).await.unwrap();
    assert_eq!(world.marks(), Vec::<String>::new());
    assert_eq!(
        left,
        Unpublished {
            commits: 1,
            changed_files: 1
        },
        "its inside cannot be known"
    );
}

#[tokio::test]
async fn a_rebuilt_git_directory_is_refused() {
    let world = World::new();
    world.git(".", &["init", "-q", "secret"]);
    world.commit("secret", "key", "hidden");
    for (n, rebuild) in [borrow_elsewhere, link_git_dir, link_objects, common_dir]
        .into_iter()
        .enumerate()
    {
        let id = id(n as u64);
        world.prepare("source", &id).await.unwrap();
        rebuild(&world.work(&id), &world.path("secret/.git"));
        refused(world.unpublished(&id).await, Kind::RefusedByState, "rebuilt");
    }
}

fn borrow_elsewhere(work: &Path, secret: &Path) {
    let alternates = work.join(".git/objects/info/alternates");
    let before = std::fs::read_to_string(&alternates).unwrap();
    std::fs::write(&alternates, format!("{before}{}\n", secret.join("objects").display())).unwrap();
}

fn link_git_dir(work: &Path, secret: &Path) {
    std::fs::rename(work.join(".git"), work.join("was")).unwrap();
    std::os::unix::fs::symlink(secret, work.join(".git")).unwrap();
}

fn link_objects(work: &Path, secret: &Path) {
    std::fs::rename(work.join(".git/objects"), work.join("was")).unwrap();
    std::os::unix::fs::symlink(secret.join("objects"), work.join(".git/objects")).unwrap();
}

fn common_dir(work: &Path, secret: &Path) {
    std::fs::write(work.join(".git/commondir"), secret.display().to_string()).unwrap();
}
