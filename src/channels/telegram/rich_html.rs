//! The HTML of rich messages: real tables, and up to eight times the length of a plain message. Everything of the text is escaped;
//! only tags of ours are in it. A line break is a `<br>`, because the server reads others as blanks.

use super::rich::{Rich, byte_at};
use super::table::Table;
use crate::domain::message::{Entity, EntityStyle};

/// The server takes 32768 characters, 500 blocks and 20 columns; some room is kept.
const CHARS_MAX: usize = 32_000;
const BLOCKS_MAX: usize = 450;
const COLUMNS_MAX: usize = 20;

/// Stands before a text that may have arrived before.
pub(super) fn marked(html: &str, mark: &str) -> String {
    format!("<p>{}</p>{html}", escape(mark))
}

/// The text as HTML; none when it is more than a rich message takes.
pub fn html(rich: &Rich) -> Option<String> {
    let blocks = blocks(rich);
    let rows: usize = rich.tables.iter().map(|at| at.table.rows.len() + 2).sum();
    let columns = rich.tables.iter().map(|at| at.table.head.len()).max().unwrap_or(0);
    let fits = rich.text.chars().count() <= CHARS_MAX && blocks.len() + rows <= BLOCKS_MAX && columns <= COLUMNS_MAX;
    fits.then(|| blocks.iter().map(|block| block.html(rich)).collect())
}

/// What stands by itself.
enum Block<'a> {
    Text { from: usize, to: usize },
    Styled { entity: &'a Entity },
    Table(&'a Table),
}

/// Everything of the text, in order: tables, fences and quotes, and what lies between them.
fn blocks(rich: &Rich) -> Vec<Block<'_>> {
    let mut own: Vec<(usize, usize, Block<'_>)> = rich
        .tables
        .iter()
        .map(|at| (at.offset, at.offset + at.length, Block::Table(&at.table)))
        .collect();
    let styled = rich.entities.iter().filter(|entity| is_block(&entity.style));
    own.extend(styled.map(|entity| (entity.offset, entity.offset + entity.length, Block::Styled { entity })));
    // A table hides the fence that stands in its place, and a quote what is in it.
    own.sort_by_key(|(from, to, block)| (*from, std::cmp::Reverse(*to), !matches!(block, Block::Table(_))));
    let mut blocks = vec![];
    let mut at = 0;
    for (from, to, block) in own {
        if from < at {
            continue;
        }
        blocks.push(Block::Text { from: at, to: from });
        blocks.push(block);
        at = to;
    }
    blocks.push(Block::Text {
        from: at,
        to: rich.units(),
    });
    blocks
}

const fn is_block(style: &EntityStyle) -> bool {
    matches!(style, EntityStyle::Pre { .. } | EntityStyle::Blockquote)
}

impl Block<'_> {
    fn html(&self, rich: &Rich) -> String {
        match self {
            Block::Text { from, to } => {
                let (from, to) = trimmed(rich, *from, *to);
                match from < to {
                    true => format!("<p>{}</p>", inline(rich, from, to)),
                    false => String::new(),
                }
            }
            Block::Styled { entity } => {
                let (from, to) = (entity.offset, entity.offset + entity.length);
                let text = &rich.text[byte_at(&rich.text, from)..byte_at(&rich.text, to)];
                match &entity.style {
                    EntityStyle::Pre {
                        language: Some(language),
                    } => {
                        let class = attribute(language);
                        format!("<pre><code class=\"language-{class}\">{}</code></pre>", escape(text))
                    }
                    EntityStyle::Pre { language: None } => format!("<pre>{}</pre>", escape(text)),
                    _ => format!("<blockquote>{}</blockquote>", inline(rich, from, to)),
                }
            }
            Block::Table(table) => table_html(table),
        }
    }
}

/// Without line breaks at its borders: a block begins on a line of its own.
fn trimmed(rich: &Rich, from: usize, to: usize) -> (usize, usize) {
    let text = &rich.text[byte_at(&rich.text, from)..byte_at(&rich.text, to)];
    let left = text.len() - text.trim_start_matches('\n').len();
    let right = text.len() - text.trim_end_matches('\n').len();
    // A line break is one unit.
    (from + left, to.saturating_sub(right).max(from + left))
}

/// Text with its inline styles; each tag is closed in the order in which it was opened.
fn inline(rich: &Rich, from: usize, to: usize) -> String {
    let styles: Vec<(usize, usize, &EntityStyle)> = rich
        .entities
        .iter()
        .filter(|entity| entity.style != EntityStyle::Blockquote)
        .map(|entity| {
            let end = (entity.offset + entity.length).min(to);
            (entity.offset.max(from), end, &entity.style)
        })
        .filter(|(start, end, _)| start < end)
        .collect();
    let mut borders: Vec<usize> = styles.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
    borders.extend([from, to]);
    borders.sort_unstable();
    borders.dedup();
    let mut html = String::new();
    let mut open: Vec<usize> = vec![];
    for pair in borders.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let active: Vec<usize> = (0..styles.len())
            .filter(|i| styles[*i].0 <= start && end <= styles[*i].1)
            .collect();
        let same = open.iter().zip(&active).take_while(|(a, b)| a == b).count();
        html.extend(open.drain(same..).rev().map(|i| closing(styles[i].2)));
        for i in &active[same..] {
            html.push_str(&opening(styles[*i].2));
            open.push(*i);
        }
        let text = &rich.text[byte_at(&rich.text, start)..byte_at(&rich.text, end)];
        let in_fence = active.iter().any(|i| matches!(styles[*i].2, EntityStyle::Pre { .. }));
        html.push_str(&match in_fence {
            true => escape(text),
            false => lines(text),
        });
    }
    html.extend(open.into_iter().rev().map(|i| closing(styles[i].2)));
    html
}

fn opening(style: &EntityStyle) -> String {
    match style {
        EntityStyle::TextLink { url } => format!("<a href=\"{}\">", attribute(url)),
        style => format!("<{}>", tag(style)),
    }
}

fn closing(style: &EntityStyle) -> String {
    format!("</{}>", tag(style))
}

const fn tag(style: &EntityStyle) -> &'static str {
    match style {
        EntityStyle::Bold => "b",
        EntityStyle::Italic => "i",
        EntityStyle::Underline => "u",
        EntityStyle::Strikethrough => "s",
        EntityStyle::Code => "code",
        EntityStyle::Pre { .. } => "pre",
        EntityStyle::Blockquote => "blockquote",
        EntityStyle::TextLink { .. } => "a",
    }
}

fn table_html(table: &Table) -> String {
    let row = |cells: &[String], tag: &str| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)))
            .collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = table.rows.iter().map(|cells| row(cells, "td")).collect();
    format!("<table>{}{rows}</table>", row(&table.head, "th"))
}

/// Indentation and line breaks as they are: as HTML they would be one blank.
fn lines(text: &str) -> String {
    let line = |line: &str| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}", "\u{a0}".repeat(indent), escape(&line[indent..]))
    };
    // The first piece does not begin a line of its own where it follows another style.
    let mut pieces = text.split('\n');
    let first = pieces.next().map(escape).unwrap_or_default();
    pieces.fold(first, |html, piece| format!("{html}<br>{}", line(piece)))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::markdown::render;
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        assert_eq!(html(&render(source)).as_deref(), Some(expected), "of {source:?}");
    }

    #[test]
    fn styles_are_tags_and_text_is_escaped() {
        check(
            "a **b *c*** <d> & \"e\"",
            "<p>a <b>b <i>c</i></b> &lt;d&gt; &amp; \"e\"</p>",
        );
        check(
            "[x](https://a.io/?q=\"1\")",
            "<p><a href=\"https://a.io/?q=&quot;1&quot;\">x</a></p>",
        );
        check(
            "[x](https://a.io/?a&b)",
            "<p><a href=\"https://a.io/?a&amp;b\">x</a></p>",
        );
        check("one\ntwo\n\nthree", "<p>one<br>two<br><br>three</p>");
        check("- a\n  - b", "<p>• a<br>\u{a0}\u{a0}• b</p>");
    }

    #[test]
    fn blocks_stand_by_themselves() {
        check(
            "x\n\n```rust\na < b\n  c\n```\n\ny",
            "<p>x</p><pre><code class=\"language-rust\">a &lt; b\n  c</code></pre><p>y</p>",
        );
        check("> q\n> r", "<blockquote>q<br>r</blockquote>");
        check(
            "t\n\n| a | b |\n|---|---|\n| 1 | <2> |\n\nu",
            "<p>t</p><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>&lt;2&gt;</td></tr></table><p>u</p>",
        );
    }

    #[test]
    fn what_is_too_much_is_none() {
        assert!(html(&Rich::plain("x".repeat(CHARS_MAX + 1))).is_none());
        let wide = format!("|{}\n|{}\n", "a|".repeat(21), "-|".repeat(21));
        assert!(html(&render(&wide)).is_none());
    }
}
