//! Where a session's work begins: base, branch, pull request, in place, by name of the forge; and words that are none of it.

use super::forge::FakeForge;
use super::{COMMIT, outcome, repo_arg};
use crate::support::{TestEnv, snapshot};

#[test]
fn a_session_begins_where_it_was_told() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    env.git(&repo, &["checkout", "-q", "-b", "topic"]);
    std::fs::write(repo.join("topic.txt"), "x").expect("a file");
    env.git(&repo, &["add", "."]);
    env.git(&repo, &["commit", "-q", "-m", "topic"]);
    env.git(&repo, &["tag", "v1"]);
    let id = env.git(&repo, &["rev-parse", "HEAD"]).stdout.trim().to_owned();
    env.git(&repo, &["checkout", "-q", "main"]);
    let repo = repo_arg(&repo);
    let run = |name: &str, extra: &[&str]| {
        let args = ["run", "--wait", "--name", name, "--repo", &repo];
        let args: Vec<&str> = args
            .iter()
            .chain(extra)
            .copied()
            .chain(["demo: sh echo x > x"])
            .collect();
        env.cmd(&args).ok();
        env.status(name)
    };
    let has_topic = |session: &serde_json::Value| {
        std::path::Path::new(session["workDir"].as_str().expect("a path"))
            .join("topic.txt")
            .exists()
    };
    assert!(!has_topic(&run("plain", &[])));
    for (name, base) in [("branch", "topic"), ("tag", "v1"), ("commit", id.as_str())] {
        let session = run(name, &["--base", base]);
        assert!(has_topic(&session), "{base}");
        let outcome = outcome(&env, name, 1);
        assert_eq!(
            outcome["measured"]["total"]["files"], 1,
            "measured from its base: {outcome:#}"
        );
    }
    let named = run("named", &["--branch", "mine/one"]);
    assert_eq!(named["branch"], "mine/one");
    let head =
        std::fs::read_to_string(std::path::Path::new(named["workDir"].as_str().expect("a path")).join(".git/HEAD"));
    assert_eq!(head.expect("a head").trim(), "ref: refs/heads/mine/one");
    assert!(
        has_topic(&run("goes-on", &["--branch", "topic"])),
        "a branch of the source is gone on with"
    );
    let lost = env
        .cmd(&[
            "run", "--wait", "--name", "lost", "--repo", &repo, "--base", "nowhere", "x",
        ])
        .exits(20);
    assert!(lost.stderr.contains("no branch, tag or commit `nowhere`"), "{lost:#?}");
}

#[test]
fn in_place_is_the_checkout_itself_and_only_when_asked_for() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let path = env.git_repo("repo");
    let repo = repo_arg(&path);
    let before = snapshot(&path, &[]);
    env.cmd(&[
        "run",
        "--wait",
        "--name",
        "clone",
        "--repo",
        &repo,
        "demo: sh echo x > x",
    ])
    .ok();
    assert_eq!(
        snapshot(&path, &[]),
        before,
        "a session of its own writes nothing there"
    );
    env.cmd(&[
        "run",
        "--wait",
        "--name",
        "here",
        "--repo",
        &repo,
        "--in-place",
        "demo: sh echo here > here",
    ])
    .ok();
    assert_eq!(std::fs::read_to_string(path.join("here")).expect("written"), "here\n");
    assert_eq!(outcome(&env, "here", 1)["measured"]["turn"]["files"], 1);
    let second = env
        .cmd(&["run", "--name", "two", "--repo", &repo, "--in-place", "x"])
        .exits(4);
    assert!(second.stderr.contains("here works in"), "{second:#?}");
    env.cmd(&["stop", "here"]).ok();
    env.cmd(&["rm", "here"]).ok();
    assert!(path.join("here").exists(), "nobody's checkout is removed");
    env.cmd(&[
        "run",
        "--name",
        "x",
        "--repo",
        &repo,
        "--in-place",
        "--base",
        "main",
        "x",
    ])
    .exits(2);
}

#[test]
fn a_name_of_the_forge_and_a_pull_request_are_worked_on() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let step = format!("demo: sh echo a > a && git add -A && {COMMIT} -m a");
    env.cmd(&["run", "--wait", "--name", "first", "--repo", "owner/site", &step])
        .ok();
    outcome(&env, "first", 1);
    env.cmd(&["publish", "first"]).ok();
    let branch = env.status("first")["branch"].as_str().expect("a branch").to_owned();
    env.git(
        &forge.repository(),
        &["update-ref", "refs/pull/1/head", &format!("refs/heads/{branch}")],
    );
    let step = format!("demo: sh test -f a && echo b > b && git add -A && {COMMIT} -m b");
    env.cmd(&[
        "run",
        "--wait",
        "--name",
        "second",
        "--repo",
        "owner/site",
        "--pr",
        "1",
        &step,
    ])
    .ok();
    assert_eq!(outcome(&env, "second", 1)["measured"]["total"]["files"], 1);
    assert_eq!(env.status("second")["branch"], branch.as_str());
    let published = env.cmd(&["publish", "second", "--json"]).ok().json();
    assert_eq!(
        (&published["pull"]["number"], &published["opened"]),
        (&1.into(), &false.into()),
        "{published:#}"
    );
    assert_eq!(forge.state().pulls.len(), 1);
    assert_eq!(forge.branches().len(), 2);
}

/// Words that could be options, programs, other transports, expressions or places outside.
fn hostile_words() -> Vec<String> {
    let touch = "touch /tmp/telecoder-never";
    let payloads = [
        "--upload-pack=TOUCH",
        "--exec=TOUCH",
        "-oProxyCommand=TOUCH",
        "--config=core.sshCommand=TOUCH",
        "-c",
        "--output=/tmp/x",
        "ext::sh -c TOUCH",
        "EXT::sh% -c% TOUCH",
        "fd::17",
        "file::TOUCH",
        "$(TOUCH)",
        "`TOUCH`",
        ";TOUCH",
        "|TOUCH",
        "&&TOUCH",
        "\nTOUCH",
        "\r--upload-pack=TOUCH",
        "\0",
        "\u{1b}]0;x\u{7}",
        "..",
        "../../etc",
        "a..b",
        "a~1",
        "a^{tree}",
        "a@{1}",
        ":/x",
        "HEAD:x",
        "refs/heads/--x",
        "x.lock",
        ".git",
        "@",
        "a b",
        "a\\b",
        "*",
        "?",
        "[a]",
        "\u{202e}evil",
        "-",
        "--",
        "",
    ];
    let frames = [
        "{}",
        "https://{}/a/b",
        "https://host.invalid/{}",
        "ssh://{}/a",
        "ssh://git@host.invalid:22/{}",
        "git@{}:a/b",
        "git@host.invalid:{}",
        "git://{}",
        "ftp://host.invalid/{}",
        "http://host.invalid/{}",
        "file://{}",
        "{}::https://host.invalid/a",
        "https://user:{}@host.invalid/a",
        "owner/{}",
        "{}/repo",
        "ssh://-{}/a",
        "rsync://{}/",
        "svn::{}",
        "/nowhere/{}",
        "~{}",
        "https://host.invalid/a?{}",
        "ssh://{}@-x/a",
        "hg::{}",
        "https://{}",
        "git+ssh://{}/a",
        "./{}",
    ];
    let payloads = payloads.map(|payload| payload.replace("TOUCH", touch));
    frames
        .iter()
        .flat_map(|frame| payloads.iter().map(|payload| frame.replace("{}", payload)))
        .collect()
}

/// Of each, the API says no (or makes a session that fails), and nothing runs.
#[test]
fn a_thousand_hostile_words_run_nothing() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let http = env.http();
    let repo = repo_arg(&env.git_repo("repo"));
    let words = hostile_words();
    assert!(words.len() >= 1000, "{}", words.len());
    let mut refused = 0;
    for (number, word) in words.iter().enumerate() {
        // The first third as repositories, the others as base and as branch.
        let body = match number % 3 {
            0 => serde_json::json!({"repo": word, "base": "main"}),
            1 => serde_json::json!({"repo": repo, "base": word}),
            _ => serde_json::json!({"repo": repo, "branch": word}),
        };
        let answer = http.post("/v1/sessions", &body);
        if answer.status >= 400 {
            let error = &answer.json()["error"];
            assert!(
                error["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{word:?}: {answer:?}"
            );
            assert!(error["hint"].is_string(), "a way out for {word:?}: {answer:?}");
            refused += 1;
        } else {
            // What may be an address, is asked for when the session starts, and is not there.
            let name = answer.json()["name"].as_str().expect("a name").to_owned();
            http.post(&format!("/v1/sessions/{name}/stop"), &serde_json::json!({}));
        }
    }
    assert!(refused * 10 >= words.len() * 7, "{refused} of {}", words.len());
    assert!(!std::path::Path::new("/tmp/telecoder-never").exists());
}
