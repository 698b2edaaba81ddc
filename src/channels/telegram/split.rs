//! Cuts a text into pieces that the channel takes. The pieces, joined, are the text again; formatting that a cut runs through
//! goes on in the next piece (a fence is opened again).
//!
//! A cut is made, in this order of preference: where a fence begins or ends, or at an empty line; at the end of a line; at the end
//! of a line inside a fence; at a space; between two characters. Never inside a character, and inside a cluster of them (a flag, a
//! family, an accent) only if the cluster is longer than [`CLUSTER_CHARS_MAX`].

use unicode_width::UnicodeWidthChar;

use super::rich::Rich;
use crate::domain::message::{Entity, EntityStyle};

/// How far back a cut moves in order not to part characters that belong together.
const CLUSTER_CHARS_MAX: usize = 32;

/// Cuts `rich` into pieces of at most `limit` UTF-16 code units (at least 2). A short text is one piece, an empty one too.
pub fn split(rich: &Rich, limit: usize) -> Vec<Rich> {
    let limit = limit.max(2);
    let chars: Vec<Char> = positions(&rich.text);
    let fences = fences(&rich.entities);
    let mut pieces = vec![];
    let mut start = 0;
    while units_between(&chars, start, chars.len() - 1) > limit {
        let end = cut(&chars, start, limit, &fences);
        pieces.push(piece(rich, &chars, start, end));
        start = end;
    }
    pieces.push(piece(rich, &chars, start, chars.len() - 1));
    pieces
}

/// A character and where it stands. The last entry is the end of the text.
struct Char {
    c: char,
    byte: usize,
    unit: usize,
}

fn positions(text: &str) -> Vec<Char> {
    let mut unit = 0;
    let mut chars = Vec::with_capacity(text.len() + 1);
    for (byte, c) in text.char_indices() {
        chars.push(Char { c, byte, unit });
        unit += c.len_utf16();
    }
    chars.push(Char {
        c: '\0',
        byte: text.len(),
        unit,
    });
    chars
}

fn units_between(chars: &[Char], start: usize, end: usize) -> usize {
    chars[end].unit - chars[start].unit
}

/// The preformatted ranges, in code units.
fn fences(entities: &[Entity]) -> Vec<(usize, usize)> {
    entities
        .iter()
        .filter(|entity| matches!(entity.style, EntityStyle::Pre { .. }))
        .map(|entity| (entity.offset, entity.offset + entity.length))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Border {
    Any,
    Space,
    LineInFence,
    Line,
    Block,
}

/// Where the piece that begins at `start` ends: the best border of the second half, and of equals the last.
fn cut(chars: &[Char], start: usize, limit: usize, fences: &[(usize, usize)]) -> usize {
    let fits = |end: &usize| units_between(chars, start, *end) <= limit;
    let last = (start + 1..chars.len()).take_while(fits).last().unwrap_or(start + 1);
    let half = chars[start].unit + limit / 2;
    let best = (start + 1..=last)
        .filter(|end| chars[*end].unit >= half)
        .max_by_key(|end| (border(chars, *end, fences), *end))
        .unwrap_or(last);
    match border(chars, best, fences) {
        Border::Any => whole_cluster(chars, start, last),
        _ => best,
    }
}

/// What a cut just before character `at` would part.
fn border(chars: &[Char], at: usize, fences: &[(usize, usize)]) -> Border {
    let unit = chars[at].unit;
    if fences.iter().any(|(start, end)| unit == *start || unit == *end) {
        return Border::Block;
    }
    let in_fence = fences.iter().any(|(start, end)| *start < unit && unit < *end);
    match (chars[at - 1].c, in_fence) {
        ('\n', true) => Border::LineInFence,
        ('\n', false) if at >= 2 && chars[at - 2].c == '\n' => Border::Block,
        ('\n', false) => Border::Line,
        (c, _) if c.is_whitespace() => Border::Space,
        _ => Border::Any,
    }
}

/// Moves a cut back out of a cluster.
fn whole_cluster(chars: &[Char], start: usize, last: usize) -> usize {
    (start + 1..=last)
        .rev()
        .take(CLUSTER_CHARS_MAX)
        .find(|at| !belongs_together(chars[at - 1].c, chars[*at].c))
        .unwrap_or(last)
}

const ZERO_WIDTH_JOINER: char = '\u{200d}';

fn belongs_together(before: char, after: char) -> bool {
    let joined = before == ZERO_WIDTH_JOINER || after == ZERO_WIDTH_JOINER;
    let extends = after != '\0' && after.width() == Some(0);
    let skin_tone = ('\u{1f3fb}'..='\u{1f3ff}').contains(&after);
    let flag = |c: char| ('\u{1f1e6}'..='\u{1f1ff}').contains(&c);
    joined || extends || skin_tone || (flag(before) && flag(after))
}

fn piece(rich: &Rich, chars: &[Char], start: usize, end: usize) -> Rich {
    let (from, to) = (chars[start].unit, chars[end].unit);
    let entities = rich
        .entities
        .iter()
        .filter_map(|entity| clip(entity, from, to))
        .collect();
    Rich {
        text: rich.text[chars[start].byte..chars[end].byte].to_owned(),
        entities,
        ..Rich::default()
    }
}

fn clip(entity: &Entity, from: usize, to: usize) -> Option<Entity> {
    let start = entity.offset.max(from);
    let end = (entity.offset + entity.length).min(to);
    (start < end).then(|| Entity {
        offset: start - from,
        length: end - start,
        style: entity.style.clone(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rich::units;
    use super::*;

    fn texts(rich: &Rich, limit: usize) -> Vec<String> {
        split(rich, limit).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn prefers_paragraphs_then_lines_then_words() {
        let rich = Rich::plain("aaa bbb\n\nccc ddd\neee");
        assert_eq!(texts(&rich, 12), ["aaa bbb\n\n", "ccc ddd\neee"]);
        assert_eq!(
            texts(&Rich::plain("one two\nthree four"), 12),
            ["one two\n", "three four"]
        );
        assert_eq!(texts(&Rich::plain("alpha beta gamma"), 12), ["alpha beta ", "gamma"]);
        assert_eq!(texts(&Rich::plain("abcdefgh"), 3), ["abc", "def", "gh"]);
        assert_eq!(texts(&Rich::plain(""), 10), [""]);
    }

    #[test]
    fn a_fence_is_opened_again_and_preferred_as_a_border() {
        let mut rich = Rich::plain("intro text\n");
        let pre = EntityStyle::Pre {
            language: Some("sh".into()),
        };
        rich.push_styled("line 1\nline 2\nline 3", pre.clone());
        let pieces = split(&rich, 16);
        assert_eq!(pieces[0].text, "intro text\n");
        assert!(pieces[0].entities.is_empty());
        assert!(pieces[1..].iter().all(|piece| piece.entities[0].style == pre));
        assert_eq!(pieces[1].text, "line 1\nline 2\n");
        assert_eq!(pieces[2].entities[0].length, 6);
    }

    #[test]
    fn clusters_stay_whole() {
        let family = "👩‍👩‍👧";
        let pieces = texts(&Rich::plain(family.repeat(3)), units(family) + 3);
        assert_eq!(pieces, [family, family, family]);
        assert_eq!(texts(&Rich::plain("abe\u{301}"), 3), ["ab", "e\u{301}"]);
    }

    fn any_rich() -> impl Strategy<Value = Rich> {
        let text = prop_oneof![
            "[a-z \n]{0,300}",
            proptest::collection::vec(
                prop_oneof![
                    Just("word".to_owned()),
                    Just("\n".to_owned()),
                    Just("\n\n".to_owned()),
                    Just(" ".to_owned()),
                    Just("👩‍👩‍👧".to_owned()),
                    Just("🇩🇪".to_owned()),
                    Just("e\u{301}".to_owned()),
                    any::<char>().prop_map(String::from),
                ],
                0..200
            )
            .prop_map(|words| words.concat()),
        ];
        (text, proptest::collection::vec((0usize..300, 1usize..200), 0..5)).prop_map(|(text, ranges)| {
            let total = units(&text);
            let entities = ranges
                .into_iter()
                .filter(|(offset, length)| offset + length <= total)
                .enumerate()
                .map(|(i, (offset, length))| Entity {
                    offset,
                    length,
                    style: if i % 2 == 0 {
                        EntityStyle::Pre { language: None }
                    } else {
                        EntityStyle::Bold
                    },
                })
                .collect();
            Rich {
                text,
                entities,
                ..Rich::default()
            }
        })
    }

    proptest! {
        #[test]
        fn pieces_fit_and_join_to_the_text(rich in any_rich(), limit in 2usize..120) {
            let pieces = split(&rich, limit);
            prop_assert!(pieces.iter().all(|piece| piece.units() <= limit));
            prop_assert!(pieces.len() == 1 || pieces.iter().all(|piece| !piece.text.is_empty()));
            let joined: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            prop_assert_eq!(&joined, &rich.text);
        }

        #[test]
        fn formatting_covers_the_same_units(rich in any_rich(), limit in 2usize..120) {
            let covered = |rich: &Rich| rich.entities.iter().map(|e| e.length).sum::<usize>();
            let pieces = split(&rich, limit);
            prop_assert!(pieces.iter().all(|p| p.entities.iter().all(|e| e.offset + e.length <= p.units())));
            prop_assert_eq!(pieces.iter().map(covered).sum::<usize>(), covered(&rich));
        }
    }
}
