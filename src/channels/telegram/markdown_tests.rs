//! Pictures of what becomes of Markdown, and that no word of it is ever lost.

use proptest::prelude::*;

use super::*;
use crate::channels::telegram::rich::byte_at;

/// The rendered text with each entity written around what it covers: `<b:...>`.
fn picture(source: &str) -> String {
    let rich = render(source);
    let mut marks: Vec<(usize, bool, String)> = vec![];
    for entity in &rich.entities {
        let name = match &entity.style {
            EntityStyle::Bold => "b".to_owned(),
            EntityStyle::Italic => "i".to_owned(),
            EntityStyle::Underline => "u".to_owned(),
            EntityStyle::Strikethrough => "s".to_owned(),
            EntityStyle::Code => "code".to_owned(),
            EntityStyle::Pre { language } => format!("pre {}", language.as_deref().unwrap_or("-")),
            EntityStyle::Blockquote => "quote".to_owned(),
            EntityStyle::TextLink { url } => format!("a {url}"),
        };
        marks.push((entity.offset, true, format!("<{name}:")));
        marks.push((entity.offset + entity.length, false, ">".into()));
    }
    // From the back, and at one place openings stand behind closings.
    marks.sort_by_key(|(at, opens, _)| (*at, *opens));
    let mut text = rich.text.clone();
    for (at, _, mark) in marks.iter().rev() {
        text.insert_str(byte_at(&rich.text, *at), mark);
    }
    text
}

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(picture(source), expected, "of {source:?}");
}

#[test]
fn inline_styles() {
    check("a **b** *c* ~~d~~ `e*f`", "a <b:b> <i:c> <s:d> <code:e*f>");
    check("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4");
    check("**bold `code` on**", "<b:bold ><code:code><b: on>");
    check("👍 **x**", "👍 <b:x>");
    check("unclosed **bold and `tick", "unclosed **bold and `tick");
}

#[test]
fn links() {
    check("[PR 1](https://x.io/1)", "<a https://x.io/1:PR 1>");
    check("[`f`](https://x.io/)", "<a https://x.io/:f>");
    check("see [the file](src/a.rs)", "see the file (src/a.rs)");
    check("[t](https://x.io/ \"why\")", "t (https://x.io/ \"why\")");
    check("<https://x.io/>", "<a https://x.io/:https://x.io/>");
    check("[](https://x.io/)", "<a https://x.io/:https://x.io/>");
    check("![alt](pic.png) end", "![alt](pic.png) end");
}

#[test]
fn blocks() {
    check("# T\ntext\n\nmore", "<b:T>\n\ntext\n\nmore");
    check("- a\n- b\n  - c\n", "• a\n• b\n  • c");
    check("3. x\n4. y\n\nz", "3. x\n4. y\n\nz");
    check("- a\n\n  b\n", "• a\n\nb");
    check("> q1\n> q2\n\nafter", "<quote:q1\nq2>\n\nafter");
    check("a\n\n---\n\nb", "a\n\n———\n\nb");
    check("line one\nline two", "line one\nline two");
}

#[test]
fn fences() {
    check(
        "x\n```rust\nfn a() {}\n\n  b\n```\ny",
        "x\n\n<pre rust:fn a() {}\n\n  b>\n\ny",
    );
    check("```\na\n```", "<pre -:a>");
    check("```a long note\nb\n```", "<pre -:a long note\nb>");
    check("```word", "```word");
    check("a\n```word\n\u{a0}", "a\n\n```word");
    check("`````\n```\ninner\n```\n`````", "<pre -:```\ninner\n```>");
}

#[test]
fn what_has_no_counterpart_is_shown_as_written() {
    check("<div>x</div>\n\ny", "<div>x</div>\n\ny");
    check("a <b>c</b>", "a <b>c</b>");
    check("[x]: https://x.io/def\n\ntext", "[x]: https://x.io/def\n\ntext");
    check("text\n\n[x]: https://x.io/def", "text\n\n[x]: https://x.io/def");
    check("- [ ] open\n- [x] done", "• [ ] open\n• [x] done");
}

#[test]
fn tables_are_made_for_a_phone() {
    check(
        "| a | bc |\n|---|---|\n| 123 | 2 |",
        "<pre -:a   │ bc\n────┼───\n123 │ 2>",
    );
    let wide = "| Session | What it does now | Since |\n|---|---|---|\n| fix-login | waits for **your** answer | [10:00](https://a.io/) |\n| b | | 11:00 |";
    check(
        wide,
        "Session: <b:fix-login>\nWhat it does now: waits for your answer\nSince: 10:00 (https://a.io/)\n\nSession: <b:b>\nSince: 11:00",
    );
    // The parser drops a cell without a head: then it is shown as it was written.
    check("| a |\n|---|\n| 1 | lost |", "<pre -:| a |\n|---|\n| 1 | lost |>");
    check("| a |\n|---|\n| 1<br>2 |", "<pre -:a\n─────\n1 / 2>");
}

#[test]
fn helpers_survive_the_renderer() {
    check(&fence("a\n```\nb"), "<pre -:a\n```\nb>");
    check(&code("a`b"), "<code:a`b>");
    check(&escape("*a* _b_ [c](d) `e` # <f>"), "*a* _b_ [c](d) `e` # <f>");
}

/// Markup and words, thrown together.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => (0u32..1000).prop_map(|n| format!("w{n}x")),
        3 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        3 => proptest::sample::select(vec![
            "**", "*", "_", "~~", "`", "```", "```\n", "~~~", "> ", "- ", "* ", "1. ", "7) ", "# ", "###### ", "[", "]", "(", ")",
            "](", "]: ", "![", "<", ">", "</", "|", "|---|---|", "---", "===", "    ", "\t", "\\", "\"", "'", "<!--", "-->", "<b>",
            "https://a.io/", "👍", "[^1]", "$", "&", ":", "+++", "\u{a0}", "<script>", "<?", "<![CDATA[",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_word_is_lost(source in soup()) {
        let rich = render(&source);
        let mut found = rich.text.clone();
        for entity in &rich.entities {
            match &entity.style {
                EntityStyle::TextLink { url } => found.push_str(url),
                EntityStyle::Pre { language: Some(language) } => found.push_str(language),
                _ => {}
            }
        }
        let words = source.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| w.starts_with('w') && w.ends_with('x'));
        for word in words {
            prop_assert!(found.contains(word), "{word} of {source:?} is not in {found:?}");
        }
    }

    #[test]
    fn entities_lie_within_the_text(source in soup()) {
        let rich = render(&source);
        let units = rich.units();
        for entity in &rich.entities {
            prop_assert!(entity.length > 0 && entity.offset + entity.length <= units);
        }
    }

    #[test]
    fn any_text_renders(source in any::<String>()) {
        render(&source);
    }
}
