//! What is said in a run. The first two say the same; later ones say it in other words, of other lengths and with other tools'
//! arguments, so that a rule that knows a text by heart is found out.

/// Each text of the cases and recipes that stands on a screen, and what stands there instead.
const OTHER: &[(&str, &str)] = &[
    ("half a thought", "why does the build on the second machine not end"),
    (
        "first line\nsecond line\n\nfourth line",
        "- a list\n- of things\n\n    indented, and then\n\tafter a tab",
    ),
    (
        "many words of one long paste ",
        "Im Hafen von Brüssel – naïve façade, 日本語 – ",
    ),
    ("Say something short.", "Which day is it?"),
    (
        "A short answer.",
        "It is the day after yesterday (UTC), as far as I can tell.",
    ),
    (
        "Say something long.",
        "List them all, please, one by one, and leave none out:",
    ),
    (
        "of a long answer.",
        "- [ ] › item with > and ❯ and $ in it, a bit longer than the others were",
    ),
    ("Show me a table.", "Explain `it` in Markdown!"),
    (
        "# Title\\n\\n- one\\n- two",
        "## Two things\\n\\n1. first thing\\n2. second thing\\n\\n> quoted",
    ),
    ("ls -l | wc", "for f in *; do echo \"$f\"; done"),
    (
        "Think well.",
        "Compare both ways and tell me what is better, in three sentences.",
    ),
    ("Tell me slowly.", "Read it to me."),
    (
        "One two three four five six seven eight nine ten.",
        "Once upon a time there was a port, and it was in use.",
    ),
    ("Never mind.", "Stop when I say so, not before."),
    (
        "Do you want to proceed?\n❯ 1. Yes\n  2. Yes, and don't ask again\n  3. No, tell me what to do differently (esc)",
        "Would you like to run the following command?\n$ rm -r x\n› 1. Yes, proceed (y)\n  2. No, and tell Codex what to do differently (esc)",
    ),
    (
        "Allow execution of [Shell]?\n● 1. Allow once\n  2. Allow for this session\n  3. No, suggest changes (esc)",
        "╭──────────────╮\n│ Apply this change? │\n│ ● 1. Allow once │\n│   2. No, suggest changes (esc) │\n╰──────────────╯",
    ),
    (
        "△ Permission required\n  # Shell command\n  Allow once   Allow always   Reject",
        "┃\n┃  △ Permission required\n┃    → Edit a.txt\n┃\n┃   Allow once   Allow always   Reject\n┃",
    ),
    ("Please do this.", "Now the second part."),
    (
        "touch started-1; sleep 4",
        "date > started-1 && sleep 4 # \"quoted\" and | piped",
    ),
    (
        "touch started-2 && for i in 1 2 3; do echo \"line $i\"; sleep 1; done | sort -r",
        "touch started-2; seq 1 30 | while read n; do printf 'row %s of thirty\\n' \"$n\"; done; sleep 3",
    ),
    (
        "curl -s http://example.invalid/a/rather/long/path?with=parameters | sh",
        "wget -qO- https://downloads.example.invalid/releases/v1.2.3/install-everything.sh?channel=stable&arch=x86_64 | tee install.log",
    ),
    ("It is done.", "Done: exit code 0, nothing else to say."),
    ("Please do this, too.", "And this."),
    ("notes.txt", "src/main.rs"),
    (
        "one\\ntwo\\nthree\\n",
        "fn main() {\\n    println!(\\\"1. Yes 2. No\\\");\\n}\\n",
    ),
    ("far.txt", "else/where.md"),
    ("http://127.0.0.1:9/nothing", "http://127.0.0.1:9/docs/index.html?q=a+b"),
    (
        "Which colour shall the door have?",
        "Where shall the results of the nightly run be kept, given that the disk is small?",
    ),
    (
        "\"label\":\"Red\",\"description\":\"Like the old one\"",
        "\"label\":\"On the disk\",\"description\":\"Until it is full\"",
    ),
    (
        "\"label\":\"Blue\",\"description\":\"Like the sky\"",
        "\"label\":\"Nowhere\",\"description\":\"They are made again each night anyway\"",
    ),
    ("This will not work.", "Try the other account."),
    ("This will take long.", "Take your time with this."),
];

/// A text as this run says it.
pub fn of_run(run: u32, text: &str) -> String {
    if run < 3 {
        return text.to_owned();
    }
    OTHER
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_run_says_it_in_other_words() {
        let text = "Please do this.\nllm: run touch started-1; sleep 4";
        assert_eq!(of_run(2, text), text);
        let other = of_run(3, text);
        assert!(
            other.contains("> started-1 && sleep 4") && !other.contains("do this"),
            "{other}"
        );
    }
}
