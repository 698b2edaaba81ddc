//! Texts that break things, both ways: the Big List of Naughty Strings, and generated ones. What goes in is exact after the one change
//! that is documented (what a terminal would act on is taken out); of what comes out no word is missing.

use std::collections::HashSet;
use std::time::Duration;

use naughty_strings::BLNS;

use super::*;

const GENERATED: usize = 5000;
/// How many texts one typed prompt, or one letter of the agent's, holds.
const BATCH: usize = 40;
const LIMIT: Duration = Duration::from_secs(300);

/// What a chat can send as plain text: not blank, and no command.
fn is_text(text: &&String) -> bool {
    !text.trim().is_empty() && !text.starts_with('/') && !sanitised(text).trim().is_empty()
}

/// The documented change: line ends become LF; other control characters than LF and TAB go.
fn sanitised(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

fn naughty() -> Vec<String> {
    BLNS.iter()
        .map(|text| (*text).to_owned())
        .filter(|text| is_text(&text))
        .collect()
}

/// Texts of every kind of character, always the same ones.
fn generated() -> Vec<String> {
    const PIECES: [&str; 40] = [
        "word",
        "Wörter",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "**",
        "_",
        "`",
        "```\n",
        "# ",
        "> ",
        "- ",
        "1. ",
        "|",
        "[x](https://a.io/)",
        "<b>",
        "&lt;",
        "\\",
        "\u{1b}[31m",
        "\u{7}",
        "\u{0}",
        "\r\n",
        "\u{85}",
        "\u{200d}",
        "👩‍👩‍👧",
        "🇩🇪",
        "e\u{301}",
        "\u{202e}rtl",
        "عربى",
        "漢字",
        "\u{feff}",
        "𝕏",
        "$(id)",
        "';--",
        "%s%n",
        "../..",
        "\u{2028}",
        "C-c",
    ];
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).expect("it is small")
    };
    (0..GENERATED)
        .map(|n| {
            let pieces: String = (0..next() % 40).map(|_| PIECES[next() % PIECES.len()]).collect();
            format!("g{n}x {pieces}")
        })
        .collect()
}

fn chunks(texts: &[String]) -> Vec<String> {
    texts.chunks(BATCH).map(|chunk| chunk.join("\n")).collect()
}

#[test]
fn what_goes_in_is_stored_exactly() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "receipts = []", "");
    let _daemon = rig.serve();
    rig.say("/new alpha");
    rig.hears("New session alpha");
    // Nothing is typed while it works: what is looked at is what was stored.
    rig.say("demo: hang");
    rig.env.wait_status("alpha", "working");
    let mut texts = naughty();
    texts.dedup();
    texts.extend(generated());
    for text in &texts {
        rig.fake.push_text(ME, ME, text);
    }
    let stored = eventually_within(LIMIT, "all are stored", || {
        let turns = rig.env.http().get("/v1/sessions/alpha/turns").json();
        let turns = turns.as_array().cloned().unwrap_or_default();
        (turns.len() > texts.len()).then_some(turns)
    });
    let mut stored: Vec<(i64, String)> = stored
        .iter()
        .map(|turn| {
            (
                turn["seq"].as_i64().expect("a number"),
                turn["text"].as_str().expect("a text").to_owned(),
            )
        })
        .collect();
    stored.sort_unstable();
    for ((_, stored), text) in stored.iter().skip(1).zip(&texts) {
        assert_eq!(*stored, sanitised(text));
    }
    rig.env.cmd(&["stop", "alpha"]).ok();
    assert_eq!(rig.fake.violations(), Vec::<String>::new());
}

#[test]
fn what_goes_in_is_typed_exactly() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let mut texts = naughty();
    texts.extend(generated());
    // A batch is one prompt: its lines are held together by what stands before and behind them.
    let batches = chunks(&texts);
    let prompts: Vec<String> = batches
        .iter()
        .map(|batch| format!("these:\n{batch}\nand no more"))
        .collect();
    for prompt in &prompts {
        rig.say(prompt);
    }
    eventually_within(LIMIT, "all are typed", || {
        (rig.prompts().len() == prompts.len()).then_some(())
    });
    for (typed, prompt) in rig.prompts().iter().zip(&prompts) {
        assert_eq!(*typed, sanitised(prompt));
    }
    assert_eq!(rig.fake.violations(), Vec::<String>::new());
}

#[test]
fn of_what_comes_out_no_word_is_missing() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let mut texts = naughty();
    texts.extend(generated());
    let batches = chunks(&texts);
    let dir = rig.env.root().join("letters");
    std::fs::create_dir(&dir).expect("a directory");
    for (n, batch) in batches.iter().enumerate() {
        std::fs::write(
            dir.join(format!("{n:03}")),
            format!("batch{n}begins\n\n{batch}\n\nbatch{n}ends"),
        )
        .expect("a file");
    }
    // One after the other: what waits goes out together, as a file, and would not be rendered.
    rig.say(&format!(
        "demo: sh for f in {}/???; do telecoder notify - < $f; until [ -e $f.told ]; do sleep 0.01; done; done",
        dir.display()
    ));
    for n in 0..batches.len() {
        let end = format!("batch{n}ends");
        rig.fake.wait_for_send(LIMIT, |sent| holds(sent, &end));
        std::fs::write(dir.join(format!("{n:03}.told")), "").expect("a file");
    }
    let said: String = rig
        .fake
        .sent()
        .iter()
        .map(|sent| {
            let file = sent
                .document
                .as_ref()
                .map(|(_, content)| String::from_utf8_lossy(content).into_owned());
            let entities = serde_json::to_string(&sent.entities).expect("JSON");
            let html = sent.html.clone().unwrap_or_default();
            format!("{}\n{entities}\n{html}\n{}\n", sent.text, file.unwrap_or_default())
        })
        .collect();
    let words: HashSet<&str> = said.split(|c: char| !c.is_alphanumeric()).collect();
    for text in &texts {
        let missing = missing(text, &words, &said);
        assert!(missing.is_empty(), "{missing:?} of {text:?} did not come out");
    }
    let files = rig.fake.sent().iter().filter(|sent| sent.document.is_some()).count();
    assert!(
        files * 2 < batches.len(),
        "most of it was rendered: {files} of {}",
        batches.len()
    );
    assert_eq!(rig.fake.violations(), Vec::<String>::new());
}

/// Whether a message has this word, in whatever shape it was sent.
fn holds(sent: &Sent, word: &str) -> bool {
    let document = sent
        .document
        .as_ref()
        .map(|(_, content)| String::from_utf8_lossy(content));
    sent.text.contains(word) || document.is_some_and(|document| document.contains(word))
}

/// Words of a text that were not said. What stands for a character (`&lt;`) is said as that character.
fn missing<'a>(text: &'a str, words: &HashSet<&str>, said: &str) -> Vec<&'a str> {
    let own = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let stands_for = |word: &str| text.contains(&format!("&{word};")) || text.contains(&format!("#{word};"));
    // Two words that formatting kept apart are one word of what is read.
    own.filter(|word| !words.contains(word) && !said.contains(word) && !stands_for(word))
        .collect()
}
