//! What a session works in: a worktree by name, what a repository needs first, what it wants done last, and what is not fetched.

use super::forge::FakeForge;
use super::{COMMIT, first_turn, outcome, repo_arg};
use crate::support::{TestEnv, eventually, snapshot};

fn work_dir(env: &TestEnv, session: &str) -> std::path::PathBuf {
    env.status(session)["workDir"].as_str().expect("a path").into()
}

fn notes(env: &TestEnv, session: &str) -> String {
    env.status(session)["notes"].to_string()
}

/// A repository with this `.telecoder.toml`.
fn repo_with(env: &TestEnv, name: &str, file: &str) -> std::path::PathBuf {
    let repo = env.git_repo(name);
    std::fs::write(repo.join(".telecoder.toml"), file).expect("a file");
    env.git(&repo, &["add", "."]);
    env.git(&repo, &["commit", "-q", "-m", "how to work on it"]);
    repo
}

#[test]
fn a_worktree_is_made_only_when_it_is_asked_for() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let path = env.git_repo("repo");
    let repo = repo_arg(&path);
    let before = snapshot(&path, &[]);
    first_turn(&env, "clone", &repo, &[], "demo: sh echo x > x");
    assert_eq!(snapshot(&path, &[]), before);
    let step = format!("demo: sh echo a > a && git add a && {COMMIT} -m a && echo b > b");
    first_turn(&env, "tree", &repo, &["--worktree"], &step);
    assert!(
        work_dir(&env, "tree").join(".git").is_file(),
        "a worktree's .git is a file"
    );
    let seen = outcome(&env, "tree", 1);
    assert_eq!(
        (&seen["measured"]["commits"], &seen["measured"]["untracked"]),
        (&1.into(), &1.into()),
        "{seen:#}"
    );
    assert_eq!(seen["measured"]["turn"]["files"], 2, "{seen:#}");
    let branch = env.status("tree")["branch"].as_str().expect("a branch").to_owned();
    assert!(
        env.git(&path, &["log", "--format=%s", "-1", &branch])
            .stdout
            .contains('a')
    );
    assert!(!path.join("a").exists(), "the person's own checkout stays as it is");
    env.cmd(&["stop", "tree"]).ok();
    let kept = env.cmd(&["rm", "tree"]).exits(4);
    assert!(kept.stderr.contains("0 commit(s) and 1 changed file(s)"), "{kept:#?}");
    env.cmd(&["rm", "--force", "tree"]).ok();
    assert_eq!(env.git(&path, &["worktree", "list"]).stdout.lines().count(), 1);
    assert!(
        env.git(&path, &["branch", "--list", &branch]).stdout.contains(&branch),
        "its commit is not lost"
    );
    for wrong in [&["--worktree", "--in-place"][..], &["--worktree", "--pr", "1"]] {
        let args: Vec<&str> = ["run", "--repo", &repo]
            .iter()
            .chain(wrong)
            .copied()
            .chain(["x"])
            .collect();
        env.cmd(&args).exits(2);
    }
    env.cmd(&["run", "--worktree", "--repo", "https://host.invalid/a/b", "x"])
        .exits(2);
    // By configuration, for repositories of this machine.
    env.write_config("default_agent = \"demo\"\n[workspace]\nkind = \"worktree\"\n");
    let _daemon = daemon.restart(&env);
    first_turn(&env, "usual", &repo, &[], "demo: sh echo x > x");
    assert!(work_dir(&env, "usual").join(".git").is_file());
}

#[test]
fn a_worktree_is_published_like_a_clone() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let path = env.git_repo("repo");
    env.git(
        &path,
        &["fetch", "-q", &forge.repository().display().to_string(), "main"],
    );
    env.git(&path, &["reset", "-q", "--hard", "FETCH_HEAD"]);
    env.git(&path, &["remote", "add", "origin", &forge.address()]);
    let step = format!("demo: sh echo a > a && git add a && {COMMIT} -m a");
    first_turn(&env, "tree", &repo_arg(&path), &["--worktree"], &step);
    outcome(&env, "tree", 1);
    let published = env.cmd(&["publish", "tree", "--json"]).ok().json();
    assert_eq!(published["opened"], true, "{published:#}");
    assert_eq!(forge.state().pulls.len(), 1);
    assert_eq!(forge.branches().len(), 2);
}

#[test]
fn a_set_up_runs_once_it_was_read_and_never_unasked() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let count = env.root().join("count");
    let file = format!(
        "setup = [\"echo set-up >> {0}; echo made > made\"]\nteardown = [\"echo tear-down $PWD >> {0}\"]\ncopy = [\".env\", \"local\", \"open.txt\", \"../x\", \"link\"]\n",
        count.display()
    );
    let path = repo_with(&env, "repo", &file);
    std::fs::write(path.join(".gitignore"), ".env\nlocal/\nlink\nmade\n").expect("a file");
    env.git(&path, &["add", "."]);
    env.git(&path, &["commit", "-q", "-m", "ignore"]);
    std::fs::create_dir(path.join("local")).expect("a directory");
    for (name, text) in [(".env", "KEY=1\n"), ("local/a", "a\n"), ("open.txt", "open\n")] {
        std::fs::write(path.join(name), text).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", path.join("link")).expect("a link");
    let repo = repo_arg(&path);
    let ran = || std::fs::read_to_string(&count).unwrap_or_default();

    // Nobody has read it: the session begins without it, and says so.
    first_turn(&env, "early", &repo, &[], "demo: sh ls -A > listing");
    assert_eq!(ran(), "");
    assert!(
        notes(&env, "early").contains("you have not read"),
        "{}",
        notes(&env, "early")
    );
    assert!(env.cmd(&["messages"]).ok().stdout.contains("telecoder trust early"));
    let shown = env.cmd(&["trust", "--repo", &repo]).ok();
    assert!(
        shown.stdout.contains("setup = ") && shown.stderr.contains("nothing of this runs yet"),
        "{shown:#?}"
    );
    assert_eq!(ran(), "");
    env.cmd(&["trust", "--repo", &repo, "--yes"]).ok();

    // The next launch of that session makes up for it.
    env.cmd(&["stop", "early"]).ok();
    env.cmd(&["resume", "early"]).ok();
    env.wait_status("early", "idle");
    assert_eq!(ran().lines().count(), 1);

    first_turn(
        &env,
        "s",
        &repo,
        &[],
        "demo: sh ls -A local > listing; cat .env made >> listing",
    );
    let work = work_dir(&env, "s");
    assert_eq!(
        std::fs::read_to_string(work.join("listing")).expect("written"),
        "a\nKEY=1\nmade\n"
    );
    assert_eq!(ran().lines().count(), 2, "before the agent began");
    assert!(!work.join("open.txt").exists() && !work.join("link").exists());
    let said = notes(&env, "s");
    for told in [
        "open.txt was not copied: the repository's .gitignore",
        "../x was not copied",
        "link was not copied: it is no regular file",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["resume", "s"]).ok();
    env.wait_status("s", "idle");
    assert_eq!(ran().lines().count(), 2, "once for each workspace");

    // A policy that runs nothing runs none of it, though it was read.
    first_turn(&env, "looks", &repo, &["--policy", "observe"], "demo: say hello");
    assert_eq!(ran().lines().count(), 2);
    assert!(notes(&env, "looks").contains("the policy `observe` runs no commands"));

    // Before a workspace goes.
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["rm", "--force", "s"]).ok();
    assert!(ran().ends_with(&format!("tear-down {}\n", work.display())), "{}", ran());
    let windows = env.tmux(&["list-windows", "-F", "#{window_name}"]).ok().stdout;
    assert!(!windows.contains("setup") && !windows.contains("teardown"), "{windows}");

    // A file that changed is another one.
    std::fs::write(
        path.join(".telecoder.toml"),
        format!("setup = [\"echo other >> {}\"]\n", count.display()),
    )
    .expect("a file");
    env.git(&path, &["commit", "-q", "-a", "-m", "other"]);
    first_turn(&env, "later", &repo, &[], "demo: say hello");
    assert!(!ran().contains("other"));
}

#[test]
fn a_set_up_that_fails_stops_the_launch_and_is_tried_again() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let ready = env.root().join("ready");
    let file = format!(
        "setup = [\"echo begins\", \"echo not there >&2; test -e {0}\", \"touch {0}.after\"]\nteardown = [\"test -e {0}.down\"]\n",
        ready.display()
    );
    let path = repo_with(&env, "repo", &file);
    let repo = repo_arg(&path);
    env.cmd(&["trust", "--repo", &repo, "--yes"]).ok();
    env.cmd(&["run", "--name", "s", "--repo", &repo, "demo: say hello"])
        .ok();
    let failed = env.wait_status("s", "failed");
    let reason = failed["reason"]["text"].as_str().expect("a reason");
    assert!(
        reason.contains("set-up") && reason.contains("exit code 1") && reason.contains("not there"),
        "{reason}"
    );
    assert!(
        !ready.with_extension("after").exists(),
        "what comes after a failure is not begun"
    );
    std::fs::write(&ready, "").expect("a file");
    env.cmd(&["resume", "s"]).ok();
    env.wait_turn("s", "finished");
    assert!(ready.with_extension("after").exists());
    env.cmd(&["stop", "s"]).ok();
    let kept = env.cmd(&["rm", "s"]).exits(1);
    assert!(
        kept.stderr.contains("tear-down") && kept.stderr.contains("rm --force s"),
        "{kept:#?}"
    );
    std::fs::write(ready.with_extension("down"), "").expect("a file");
    env.cmd(&["rm", "s"]).ok();
}

#[test]
fn a_stop_ends_a_set_up_and_a_new_daemon_takes_one_up() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let (begun, go) = (env.root().join("begun"), env.root().join("go"));
    let file = format!(
        "setup = [\"echo . >> {0}; while ! test -e {1}; do sleep 0.1; done\"]\n",
        begun.display(),
        go.display()
    );
    let repo = repo_arg(&repo_with(&env, "repo", &file));
    env.cmd(&["trust", "--repo", &repo, "--yes"]).ok();
    let begins = |count: usize| {
        eventually("the set-up runs", || {
            let text = std::fs::read_to_string(&begun).unwrap_or_default();
            (text.lines().count() == count).then_some(())
        });
    };
    env.cmd(&["run", "--name", "stopped", "--repo", &repo, "demo: say hello"])
        .ok();
    begins(1);
    env.cmd(&["stop", "stopped"]).ok();
    env.wait_status("stopped", "stopped");
    env.cmd(&["run", "--name", "goes-on", "--repo", &repo, "demo: say hello"])
        .ok();
    begins(2);
    let _daemon = daemon.restart(&env);
    std::fs::write(&go, "").expect("a file");
    env.wait_turn("goes-on", "finished");
    begins(2);
}

#[test]
fn submodules_and_lfs_files_are_named_and_come_by_a_set_up() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let library = env.git_repo("library");
    let path = env.git_repo("repo");
    let address = library.display().to_string();
    env.git(
        &path,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            &address,
            "lib",
        ],
    );
    std::fs::write(
        path.join(".gitattributes"),
        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
    )
    .expect("a file");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    std::fs::write(path.join("big.bin"), pointer).expect("a file");
    env.git(&path, &["add", "."]);
    env.git(&path, &["commit", "-q", "-m", "a submodule and a pointer"]);
    let repo = repo_arg(&path);
    first_turn(&env, "plain", &repo, &[], "demo: sh echo x > x");
    let work = work_dir(&env, "plain");
    assert!(
        std::fs::read_dir(work.join("lib"))
            .expect("a directory")
            .next()
            .is_none(),
        "not checked out"
    );
    assert_eq!(
        std::fs::read_to_string(work.join("big.bin")).expect("a pointer"),
        pointer
    );
    let said = notes(&env, "plain");
    assert!(
        said.contains("submodules are not checked out") && said.contains("LFS files are pointers"),
        "{said}"
    );
    assert!(
        env.cmd(&["status", "plain"])
            .ok()
            .stdout
            .contains("git submodule update --init")
    );
    let seen = outcome(&env, "plain", 1);
    assert_eq!(
        seen["measured"]["turn"]["files"], 1,
        "neither counts as changed: {seen:#}"
    );

    // The person's own git fetches them, in a window, once the file was read. `git lfs pull` here is a program that does what
    // it does: puts the content in the pointer's place.
    let bin = env.home().join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    std::fs::write(
        bin.join("git-lfs"),
        "#!/bin/sh\ntest \"$1\" = pull && printf content > big.bin\n",
    )
    .expect("a program");
    std::fs::set_permissions(bin.join("git-lfs"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("its mode");
    let file = format!(
        "setup = [\"git -c protocol.file.allow=always submodule update --init --quiet\", \"PATH={}:$PATH git lfs pull\"]\n",
        bin.display()
    );
    std::fs::write(path.join(".telecoder.toml"), file).expect("a file");
    env.git(&path, &["add", ".telecoder.toml"]);
    env.git(&path, &["commit", "-q", "-m", "set-up"]);
    env.cmd(&["trust", "--repo", &repo, "--yes"]).ok();
    first_turn(&env, "whole", &repo, &[], "demo: sh cat lib/README.md big.bin > read");
    let work = work_dir(&env, "whole");
    assert_eq!(
        std::fs::read_to_string(work.join("read")).expect("written"),
        "hello\ncontent"
    );
    assert_eq!(notes(&env, "whole"), "null", "nothing is left to say");
}

#[test]
fn a_fork_of_a_session_in_place_works_in_a_clone() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let path = env.git_repo("repo");
    first_turn(
        &env,
        "here",
        &repo_arg(&path),
        &["--in-place"],
        "demo: sh echo here > here",
    );
    let before = snapshot(&path, &[]);
    env.cmd(&["fork", "here", "--name", "apart", "demo: sh echo apart > apart"])
        .ok();
    env.wait_turn("apart", "finished");
    outcome(&env, "apart", 1);
    let work = work_dir(&env, "apart");
    assert!(
        work.starts_with(env.data()) && work.join("apart").exists(),
        "{}",
        work.display()
    );
    assert_eq!(snapshot(&path, &[]), before, "the checkout is the first one's alone");
    assert!(
        env.cmd(&["screen", "apart"]).ok().stdout.contains("here"),
        "it begins from the conversation"
    );
}

#[test]
fn what_a_turn_cost_is_part_of_its_outcome() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    first_turn(
        &env,
        "s",
        &repo,
        &[],
        "demo: sh echo x > x\ndemo: usage 1200 300 0.02\ndemo: usage 40 5 0.005",
    );
    let seen = outcome(&env, "s", 1);
    assert_eq!(
        seen["usage"],
        serde_json::json!({"inputTokens": 1240, "outputTokens": 305, "costUsd": 0.025}),
        "{seen:#}"
    );
    env.cmd(&["send", "--wait", "s", "demo: usage 7 1"]).ok();
    let second = outcome(&env, "s", 2);
    assert_eq!(
        second["usage"],
        serde_json::json!({"inputTokens": 7, "outputTokens": 1}),
        "of this turn alone"
    );
    env.cmd(&["send", "--wait", "s", "demo: say nothing counted"]).ok();
    assert!(outcome(&env, "s", 3)["usage"].is_null());
    let shown = env.cmd(&["inbox", "show", "1"]).ok().stdout;
    assert!(
        shown.contains("usage      1240 tokens in, 305 tokens out, 0.0250 USD"),
        "{shown}"
    );
    assert!(env.cmd(&["inbox"]).ok().stdout.contains("7 tokens in, 1 tokens out"));
}

#[test]
fn a_workspace_that_cannot_be_made_is_told_and_resume_tries_again() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    first_turn(&env, "first", &repo, &[], "demo: echo");
    let mirrors = std::fs::read_dir(env.data().join("mirrors")).expect("the mirrors");
    let mirror = mirrors
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "git"))
        .expect("a mirror");
    let aside = mirror.with_extension("aside");
    std::fs::rename(&mirror, &aside).expect("moving it");
    std::fs::write(&mirror, "no directory").expect("a file");
    let args = ["run", "--wait", "--name", "second", "--repo", &repo, "demo: echo"];
    let failed = env.cmd(&args).exits(20);
    assert!(failed.stderr.contains(&repo_arg(&mirror)), "{failed:#?}");
    let told = env.cmd(&["inbox", "show", "second"]).ok();
    assert!(
        told.stdout.contains("FAILED") && told.stdout.contains(&repo_arg(&mirror)),
        "{told:#?}"
    );
    std::fs::remove_file(&mirror).expect("the file");
    std::fs::rename(&aside, &mirror).expect("moving it back");
    env.cmd(&["resume", "second"]).ok();
    outcome(&env, "second", 2);
}
