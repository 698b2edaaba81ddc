//! Questions of agents: choices, time, and answers that come late or to nobody.

use crate::delivery::{transcript, wait_until_quiet};
use crate::support::{TestEnv, eventually};

/// Starts a session `s` that asks in the background, so that its turn ends while the question waits. Where its answer and its
/// exit code go is returned.
fn asks(env: &TestEnv, options: &str) -> std::path::PathBuf {
    let out = env.root().join("answer");
    let prompt = format!(
        "demo: sh (telecoder notify --ask 'which one?' {options} > {0}; echo \"code $?\" >> {0}) >/dev/null 2>&1 &",
        out.display()
    );
    env.cmd(&["run", "--name", "s", &prompt]).ok();
    eventually("the question is open", || {
        (env.status("s")["asks"].as_array().map(Vec::len) == Some(1)).then_some(())
    });
    wait_until_quiet(env, "s");
    out
}

fn wait_text(path: &std::path::Path, text: &str) {
    eventually(&format!("{} holds {text:?}", path.display()), || {
        std::fs::read_to_string(path)
            .is_ok_and(|found| found == text)
            .then_some(())
    });
}

/// The prompts of `s` behind the first one, when there are `count` of them.
fn later_prompts(env: &TestEnv, count: usize) -> Vec<String> {
    let shown = env.status("s");
    eventually("the answer became a prompt", || {
        (transcript(env, &shown).len() > count).then_some(())
    });
    wait_until_quiet(env, "s");
    transcript(env, &shown).split_off(1)
}

#[test]
fn a_choice_is_taken_by_word_or_number_and_nothing_else() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let out = asks(&env, "--choices left,right --timeout 50s");
    let refused = env.cmd(&["answer", "s", "up"]).exits(2);
    assert!(refused.stderr.contains("left, right"), "{refused:#?}");
    env.cmd(&["answer", "s", "2"]).ok();
    wait_text(&out, "right\ncode 0\n");
}

#[test]
fn a_late_answer_becomes_a_prompt_once() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let out = asks(&env, "--timeout 1s");
    wait_text(&out, "code 7\n");
    // A start looks for what is overdue; from here on the question is closed.
    let _daemon = daemon.restart(&env);
    eventually("the question is closed", || {
        (env.status("s")["asks"].as_array().is_none_or(Vec::is_empty)).then_some(())
    });
    env.cmd(&["answer", "s", "the left one"]).ok();
    assert_eq!(
        later_prompts(&env, 1),
        ["Answer to your question \"which one?\": the left one"]
    );
    env.cmd(&["answer", "s", "no, the right one"]).exits(4);
    assert_eq!(transcript(&env, &env.status("s")).len(), 2);
}

#[test]
fn an_answer_that_its_waiter_did_not_live_to_take_becomes_a_prompt() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let out = asks(&env, "--timeout 3s");
    let waiter = eventually("the waiting command is seen", || {
        std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            let its_env = std::fs::read(entry.path().join("environ")).ok()?;
            let is_ours = String::from_utf8_lossy(&its_env).contains(&env.data().display().to_string());
            (is_ours && words.contains(&&b"--ask"[..]) && words.get(1) == Some(&&b"notify"[..]))
                .then(|| entry.file_name().to_string_lossy().parse::<i32>().ok())?
        })
    });
    let pid = rustix::process::Pid::from_raw(waiter).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("it stops");
    env.cmd(&["answer", "s", "the left one"]).ok();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it dies");
    wait_text(&out, "code 137\n");
    daemon.kill();
    std::thread::sleep(std::time::Duration::from_secs(3));
    let _daemon = env.serve();
    assert_eq!(
        later_prompts(&env, 1),
        ["Answer to your question \"which one?\": the left one"]
    );
}
