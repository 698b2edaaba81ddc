//! The inbox in a chat: a card for each entry, and what its buttons do.

use std::time::Duration;

use super::*;
use crate::work::COMMIT;
use crate::work::forge::FakeForge;

#[test]
fn an_entry_is_looked_at_published_run_again_and_put_away_by_taps() {
    let rig = Rig::new();
    let forge = FakeForge::new(&rig.env);
    let config = forge.config("");
    let tables = config.split_once("[github]").expect("its table").1;
    rig.configure_with(&[ME], "standard", "", &format!("[github]{tables}"));
    let _daemon = rig.serve();
    rig.say("/inbox");
    rig.hears("Nothing new");
    let step = format!(
        "demo: sh echo a > a && git add -A && {COMMIT} -m a\ndemo: notify the file is there\ndemo: usage 120 30\ndemo: say **Changed:** a"
    );
    let run = [
        "run",
        "--wait",
        "--name",
        "s",
        "--repo",
        "owner/site",
        "--verify",
        "true",
        &step,
    ];
    rig.env.cmd(&run).ok();
    let notice = rig.hears("Outcome 1 of s");
    assert_eq!(notice.buttons(), ["Diff", "Logs", "Publish", "Rerun", "Done"]);
    rig.say("/inbox");
    let card = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("s done,"));
    assert_eq!(card.buttons(), ["Diff", "Logs", "Publish", "Rerun", "Done"]);
    for part in [
        "1 file, +1 -0, 1 commit",
        "✓ true (exit code 0",
        "120 tokens in, 30 tokens out",
    ] {
        assert!(card.text.contains(part), "{part}: {}", card.text);
    }

    let tap = |label: &str| {
        let tap = rig.fake.tap(&card, ME, label);
        rig.fake.wait_for_tap(WAIT_LIMIT, &tap)
    };
    for (label, word, told) in [
        ("Diff", "Here it is.", "1 file, +1 -0"),
        ("Logs", "Here it is.", "the file is there"),
        ("Publish", "", "Opened pull request #1"),
        ("Publish", "", "Updated pull request #1"),
        ("Rerun", "", "Runs again as"),
        ("Rerun", "", "Runs again as"),
    ] {
        let before = rig.fake.sent().len();
        let (words, took) = tap(label);
        assert!(took < Duration::from_secs(3), "{label}: {took:?}");
        assert!(word.is_empty() || words == word, "{label}: {words}");
        rig.hears_after(before, told);
    }
    assert_eq!(forge.state().pulls.len(), 1);
    assert_eq!(
        rig.sessions().len(),
        2,
        "however often it is tapped, it runs again once"
    );
    assert_eq!(
        rig.fake.standing(&card).buttons().len(),
        5,
        "they stay until it is put away"
    );
    assert_eq!(tap("Done").0, "Seen.");
    eventually("the card says so", || {
        let standing = rig.fake.standing(&card);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ seen, P")).then_some(())
    });
    let left = rig.env.json(&["inbox"]);
    let left = left.as_array().expect("a list");
    assert!(left.iter().all(|entry| entry["entry"] != "1"), "{left:#?}");
    rig.in_order();
}

#[test]
fn what_waits_and_what_failed_stands_in_the_inbox_and_a_refusal_is_told() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let repo = rig.env.git_repo("repo").display().to_string();
    rig.env
        .cmd(&["run", "--name", "asks", "--repo", &repo, "demo: ask May I?"])
        .ok();
    rig.env.wait_status("asks", "needs_input");
    rig.env
        .cmd(&[
            "run",
            "--name",
            "ends",
            "--repo",
            &repo,
            "demo: sh echo x > x\ndemo: exit 3",
        ])
        .ok();
    rig.env.wait_status("ends", "failed");
    eventually("the failure is in the inbox", || {
        let entries = rig.env.json(&["inbox"]);
        (entries.as_array().map(Vec::len) == Some(2)).then_some(())
    });
    let before = rig.fake.sent().len();
    rig.say("/inbox");
    let failed = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("ends ✖ failed"));
    assert!(
        failed.text.contains("exit code 3") && failed.text.contains("telecoder resume"),
        "{}",
        failed.text
    );
    let waits = rig.hears_after(before, "asks waits for you");
    assert!(waits.text.contains("May I?"), "{}", waits.text);
    let before = rig.fake.sent().len();
    let tap = rig.fake.tap(&failed, ME, "Publish");
    rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    rig.hears_after(before, "token_file");
    let before = rig.fake.sent().len();
    rig.say("/inbox everything");
    rig.hears_after(before, "/inbox takes nothing");
    rig.in_order();
}
