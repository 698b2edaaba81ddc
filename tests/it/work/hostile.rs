//! A thousand words that could be options, programs, other transports, expressions or places outside: as repository, base and branch.

use std::path::Path;

use serde_json::{Value, json};

use super::repo_arg;
use crate::support::{Http, TestEnv, eventually};

/// `TRAP` becomes the path of a program that leaves a mark.
const PAYLOADS: [&str; 40] = [
    "--upload-pack=TRAP",
    "--exec=TRAP",
    "-oProxyCommand=TRAP",
    "--config=core.sshCommand=TRAP",
    "-c",
    "--output=/tmp/x",
    "ext::TRAP",
    "EXT::sh% -c% TRAP",
    "fd::17",
    "file::TRAP",
    "$(TRAP)",
    "`TRAP`",
    ";TRAP",
    "|TRAP",
    "&&TRAP",
    "\nTRAP",
    "\r--upload-pack=TRAP",
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

const FRAMES: [&str; 26] = [
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

/// What became of one word.
enum Met {
    /// Refused at once, with a message and a way out.
    Refused,
    /// Taken as the literal name or address that it is; the session's name.
    Literal(String),
}

struct Trap {
    mark: std::path::PathBuf,
    program: String,
}

impl Trap {
    fn set(env: &TestEnv) -> Self {
        let (mark, program) = (env.root().join("mark"), env.root().join("trap"));
        std::fs::write(&program, format!("#!/bin/sh\necho ran >> {}\n", mark.display())).expect("a program");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("its mode");
        let status = env.program(&program).status().expect("it runs");
        assert!(status.success() && mark.exists(), "the trap works");
        std::fs::remove_file(&mark).expect("its mark");
        Self {
            mark,
            program: program.display().to_string(),
        }
    }

    fn words(&self) -> Vec<String> {
        let payloads = PAYLOADS.map(|payload| payload.replace("TRAP", &self.program));
        let words = FRAMES
            .iter()
            .flat_map(|frame| payloads.iter().map(|payload| frame.replace("{}", payload)));
        words.collect()
    }
}

fn try_word(http: &Http, body: &Value, word: &str) -> Met {
    let answer = http.post("/v1/sessions", body);
    let shown = answer.json();
    if answer.status < 400 {
        return Met::Literal(shown["name"].as_str().expect("a name").to_owned());
    }
    let says = |name: &str| shown["error"][name].as_str().is_some_and(|text| text.len() > 10);
    assert!((400..500).contains(&answer.status), "{word:?}: {answer:?}");
    assert!(
        says("message") && says("hint"),
        "no clear error for {word:?}: {answer:?}"
    );
    let text = shown["error"]["message"].as_str().unwrap_or_default();
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{word:?} is shown raw: {text:?}"
    );
    Met::Refused
}

/// Waits until a session has failed, and why.
fn failure(http: &Http, name: &str, word: &str) -> String {
    eventually(&format!("the session of {word:?} has failed"), || {
        let shown = http.get(&format!("/v1/sessions/{name}")).json();
        (shown["status"] == "failed").then(|| shown["reason"]["text"].as_str().unwrap_or_default().to_owned())
    })
}

#[test]
fn a_thousand_hostile_words_run_nothing_and_each_is_told() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\nmax_active_sessions = 24\n");
    let _daemon = env.serve();
    let http = env.http();
    let trap = Trap::set(&env);
    let repo = repo_arg(&env.git_repo("repo"));
    let words = trap.words();
    assert!(words.len() >= 1000, "{}", words.len());
    let (mut refused, mut literal) = (0, Vec::new());
    for (number, word) in words.iter().enumerate() {
        let role = ["repo", "base", "branch"][number % 3];
        let mut body = json!({"repo": repo});
        body[role] = json!(word);
        match try_word(&http, &body, word) {
            Met::Refused => refused += 1,
            Met::Literal(name) => literal.push((role, word, name)),
        }
    }
    for (role, word, name) in &literal {
        match *role {
            // Asked for when the session starts; no such host, path or commit is there.
            "repo" => assert!(failure(&http, name, word).len() > 10, "{word:?}"),
            "base" => {
                let why = failure(&http, name, word);
                assert!(why.contains("no branch, tag or commit"), "{word:?}: {why}");
            }
            _ => is_a_branch_of_this_name(&http, name, word),
        }
    }
    assert!(
        !trap.mark.exists(),
        "something was run: {:?}",
        std::fs::read_to_string(&trap.mark)
    );
    assert_eq!(refused + literal.len(), words.len());
    assert!(
        refused * 10 >= words.len() * 7,
        "{refused} of {} refused at once",
        words.len()
    );
}

fn is_a_branch_of_this_name(http: &Http, name: &str, word: &str) {
    let shown = eventually(&format!("the session on the branch {word:?} has begun"), || {
        let shown = http.get(&format!("/v1/sessions/{name}")).json();
        shown["branch"].is_string().then_some(shown)
    });
    assert_eq!(shown["branch"], *word);
    let head = Path::new(shown["workDir"].as_str().expect("a path")).join(".git/HEAD");
    let head = std::fs::read_to_string(head).expect("a head");
    assert_eq!(head.trim_end_matches('\n'), format!("ref: refs/heads/{word}"));
    http.post(&format!("/v1/sessions/{name}/stop"), &json!({}));
}
