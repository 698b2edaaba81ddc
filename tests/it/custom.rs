//! `kind = "custom"` end to end: readiness, evidence, environment, what it is told, and how it fails.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{TestEnv, eventually, holders};

const FROM_FILE: &str = "canary-from-the-file";
const PASSED: &str = "canary-passed-on";
/// A line-based agent: keeps its arguments, its environment and its prompts where the test finds them.
const AGENT: &str = "out=$1; shift
printf '%s\\n' \"$@\" > \"$out/args\"
env > \"$out/env\"
cat \"$TELECODER_AGENTS_MD\" > \"$out/told\"
sleep 0.3
while printf 'ready> ' && IFS= read -r line; do
  printf '%s\\n' \"$line\" >> \"$out/prompts\"
done
";

/// An installation with agents of its own; returns where `mine` writes.
fn installed(config: &str) -> (TestEnv, std::path::PathBuf) {
    let mut env = TestEnv::new();
    let out = env.root().join("out");
    std::fs::create_dir(&out).expect("a directory");
    let script = env.root().join("agent.sh");
    std::fs::write(&script, AGENT).expect("the agent");
    let secrets = env.root().join("mine.env");
    std::fs::write(&secrets, format!("API_KEY={FROM_FILE}\n")).expect("its secrets");
    std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o600)).expect("their mode");
    env.set_env("TC_PASSED", PASSED);
    env.write_config(&format!(
        "default_agent = \"mine\"\n[agents.mine]\nkind = \"custom\"\ncommand = \"sh {} {}\"\n\
         args = [\"--told={{agents_md}}\", \"{{work_dir}}\", \"{{session}}\", \"{{other}}\"]\n\
         ready = '^ready>\\s*$'\nevidence = \"none\"\nenv_file = {secrets:?}\npass_env = [\"TC_PASSED\"]\n{config}",
        script.display(),
        out.display(),
    ));
    (env, out)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn it_gets_prompts_and_secrets_and_what_it_is_told() {
    let (env, out) = installed("");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "first; 'quoted' $HOME"]).ok();
    env.wait_turn("s", "delivered_unconfirmed");
    env.wait_status("s", "idle");
    env.cmd(&["send", "s", "second"]).ok();
    eventually("both prompts arrived", || {
        (read(&out.join("prompts")) == "first; 'quoted' $HOME\nsecond\n").then_some(())
    });
    let shown = env.wait_turn("s", "delivered_unconfirmed");
    env.wait_status("s", "idle");
    let id = shown["id"].as_str().expect("an id");
    let work = shown["workDir"].as_str().expect("a path");

    let agents_md = env.data().join("agents.md");
    let args = format!("--told={}\n{work}\n{id}\n{{other}}\n", agents_md.display());
    assert_eq!(read(&out.join("args")), args);
    assert_eq!(read(&out.join("told")), include_str!("../../agents.md"));
    let in_workspace = std::fs::read_dir(work).expect("the workspace").count();
    assert_eq!(in_workspace, 0, "nothing is written into the workspace");

    let its_env = read(&out.join("env"));
    for line in [
        format!("API_KEY={FROM_FILE}"),
        format!("TC_PASSED={PASSED}"),
        format!("TELECODER_SESSION={id}"),
        "TELECODER_NAME=s".into(),
        "TELECODER_LAUNCH=1".into(),
    ] {
        assert!(its_env.lines().any(|found| found == line), "{line} is not in {its_env}");
    }
    let path = its_env
        .lines()
        .find_map(|line| line.strip_prefix("PATH="))
        .expect("a PATH");
    assert!(path.starts_with(&format!("{}/bin:", env.data().display())), "{path}");
    assert!(!its_env.contains("TMUX"), "{its_env}");

    secrets_are_in_their_file_only(&env);
}

#[track_caller]
fn secrets_are_in_their_file_only(env: &TestEnv) {
    let found = holders(&env.data(), &[FROM_FILE, PASSED]);
    let only: Vec<_> = found.iter().filter(|path| !path.ends_with("launches/1/env")).collect();
    assert!(only.is_empty() && found.len() == 1, "secrets are in {found:?}");
    let mode = std::fs::metadata(&found[0]).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let tmux = env.tmux(&["show-environment", "-g"]).ok().stdout;
    assert!(!tmux.contains(FROM_FILE) && !tmux.contains("canary-from"), "{tmux}");
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        assert!(!line.contains(FROM_FILE) && !line.contains(PASSED), "{line}");
    }
    let log = std::fs::read_to_string(env.root().join("serve.log")).unwrap_or_default();
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn a_conversation_that_cannot_be_resumed_begins_anew_and_nothing_is_sent_again() {
    let (env, out) = installed("");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "first"]).ok();
    env.wait_turn("s", "delivered_unconfirmed");
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["resume", "s"]).ok();
    env.wait_status("s", "idle");
    env.cmd(&["send", "s", "second"]).ok();
    eventually("the second prompt arrived", || {
        read(&out.join("prompts")).contains("second").then_some(())
    });
    assert_eq!(read(&out.join("prompts")), "first\nsecond\n");
}

/// Agents that cannot run: what status and the notice say.
#[test]
fn programs_that_cannot_run_fail_with_the_reason() {
    let (env, _) = installed(
        "[agents.missing]\nkind = \"custom\"\ncommand = \"/nonexistent/agent\"\n\
         [agents.plain]\nkind = \"custom\"\ncommand = \"./config.toml\"\n\
         [agents.broken]\nkind = \"custom\"\ncommand = \"BROKEN\"\n\
         [agents.dies]\nkind = \"custom\"\ncommand = \"sh\"\nargs = [\"-c\", \"echo the licence is not valid; exit 4\"]\n\
         [agents.ends]\nkind = \"custom\"\ncommand = \"true\"\n",
    );
    let broken = env.root().join("broken");
    std::fs::write(&broken, "#!/nonexistent/interpreter\n").expect("a program");
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let config = read(&env.config_file())
        .replace("BROKEN", &broken.display().to_string())
        .replace("./config.toml", &env.config_file().display().to_string());
    env.write_config(&config);
    let _daemon = env.serve();

    for (agent, names) in [("missing", "/nonexistent/agent"), ("plain", "config.toml")] {
        let refused = env
            .cmd(&["run", "--agent", agent, "--name", agent, "hi", "--json"])
            .exits(9);
        let error = refused.json_error();
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains(names)),
            "{error}"
        );
        assert!(
            error["hint"].as_str().is_some_and(|text| text.contains("Install")),
            "{error}"
        );
    }
    for (agent, state, code, says) in [
        ("broken", "failed", "exec_failed", "could not be started"),
        ("dies", "failed", "exit_code", "exit code 4"),
        ("ends", "complete", "exit_0", "exit code 0"),
    ] {
        env.cmd(&["run", "--agent", agent, "--name", agent, "hi"]).ok();
        let shown = env.wait_status(agent, state);
        assert_eq!(shown["reason"]["code"], code, "{shown:#}");
        assert!(
            shown["reason"]["text"].as_str().is_some_and(|text| text.contains(says)),
            "{shown:#}"
        );
    }
    let shown = env.cmd(&["status", "dies"]).ok().stdout;
    assert!(shown.contains("the licence is not valid"), "{shown}");
    let messages = env.cmd(&["messages"]).ok().stdout;
    for part in ["exit code 4", "the licence is not valid", "could not be started"] {
        assert!(messages.contains(part), "{part:?} is not in {messages}");
    }
}

/// What was there at `run` may be gone when the agent is started again.
#[test]
fn a_program_that_went_away_fails_the_resume_with_the_reason() {
    let (env, _) = installed("[agents.passing]\nkind = \"custom\"\ncommand = \"PASSING\"\n");
    let program = env.root().join("passing");
    std::fs::write(&program, "#!/bin/sh\nexec cat\n").expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    env.write_config(&read(&env.config_file()).replace("PASSING", &program.display().to_string()));
    let _daemon = env.serve();
    env.cmd(&["run", "--agent", "passing", "--name", "s", "hi"]).ok();
    env.wait_turn("s", "delivered_unconfirmed");
    env.cmd(&["stop", "s"]).ok();
    std::fs::remove_file(&program).expect("it goes away");
    env.cmd(&["resume", "s"]);
    let shown = env.wait_status("s", "failed");
    assert_eq!(shown["reason"]["code"], "program_missing", "{shown:#}");
    let messages = env.cmd(&["messages"]).ok().stdout;
    assert!(messages.contains(&program.display().to_string()), "{messages}");
}
