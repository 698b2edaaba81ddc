//! Tables, for a screen as narrow as a phone's: one that fits stands in columns, a wider one becomes a card for each row. Where the
//! server has rich messages, the table itself goes out (`rich_html`).

use pulldown_cmark::{Event, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

use super::rich::Rich;
use crate::domain::message::EntityStyle;

/// Columns of fixed width that a phone shows without breaking lines.
const PHONE_COLUMNS: usize = 36;
const GAP: &str = " │ ";

/// A table's words, row by row; the first row is its head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Where a table stands in a text: in UTF-16 code units, as an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAt {
    pub offset: usize,
    pub length: usize,
    pub table: Table,
}

/// A table that is being read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    rows: Vec<Vec<String>>,
    /// Address and title of open links, and what stood in the cell before each.
    links: Vec<(String, String, usize)>,
    in_image: bool,
}

impl Reader {
    /// Takes what stands in the table; `written` is its source.
    pub fn take(&mut self, event: Event<'_>, written: &str) {
        match event {
            Event::End(TagEnd::Image) => self.in_image = false,
            _ if self.in_image => {}
            Event::Start(Tag::TableHead | Tag::TableRow) => self.rows.push(vec![]),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            Event::Start(Tag::Image { .. }) => {
                self.push(written);
                self.in_image = true;
            }
            Event::Start(Tag::Link { dest_url, title, .. }) => {
                let before = self.cell().map_or(0, |cell| cell.len());
                self.links.push((dest_url.into_string(), title.into_string(), before));
            }
            Event::End(TagEnd::Link) => self.end_link(),
            Event::Text(text) | Event::Code(text) => self.push(&text),
            Event::Html(text) | Event::InlineHtml(text) => match is_break(&text) {
                true => self.push(" / "),
                false => self.push(&text),
            },
            Event::SoftBreak | Event::HardBreak => self.push(" "),
            _ => {}
        }
    }

    /// The table, if no word of its source is missing from what would be shown: a parser leaves out cells without a head.
    pub fn finish(self, source: &str) -> Option<(Table, Rich)> {
        let mut rows = self.rows.into_iter().map(|row| {
            let cells = row.into_iter().map(|cell| cell.trim().to_owned());
            cells.collect::<Vec<_>>()
        });
        let table = Table {
            head: rows.next()?,
            rows: rows.collect(),
        };
        let shown = table.on_a_phone();
        let is_whole = words(source).all(|word| shown.text.contains(word));
        is_whole.then_some((table, shown))
    }

    fn cell(&mut self) -> Option<&mut String> {
        self.rows.last_mut().and_then(|row| row.last_mut())
    }

    fn push(&mut self, text: &str) {
        if let Some(cell) = self.cell() {
            cell.push_str(text);
        }
    }

    fn end_link(&mut self) {
        let Some((address, title, before)) = self.links.pop() else {
            return;
        };
        let shown = self.cell().and_then(|cell| cell.get(before..)).unwrap_or_default();
        let suffix = match (shown == address, title.is_empty()) {
            (true, true) => String::new(),
            (_, true) => format!(" ({address})"),
            (_, false) => format!(" ({address} \"{title}\")"),
        };
        self.push(&suffix);
    }
}

fn is_break(html: &str) -> bool {
    matches!(html.trim().to_ascii_lowercase().as_str(), "<br>" | "<br/>" | "<br />")
}

/// The words of a table's source. A line break in a cell is written as a mark of its own.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let parts = source.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("br"))
}

impl Table {
    /// As text with formatting.
    pub fn on_a_phone(&self) -> Rich {
        let widths = self.widths();
        let total = widths.iter().sum::<usize>() + GAP.width() * widths.len().saturating_sub(1);
        match total <= PHONE_COLUMNS {
            true => self.in_columns(&widths),
            false => self.as_cards(),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.head.len()];
        for row in std::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        widths
    }

    fn in_columns(&self, widths: &[usize]) -> Rich {
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())))
                .collect();
            cells.join(GAP).trim_end().to_owned()
        };
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        let mut lines = vec![line(&self.head), rule.join("─┼─")];
        lines.extend(self.rows.iter().map(line));
        let mut rich = Rich::default();
        rich.push_styled(&lines.join("\n"), EntityStyle::Pre { language: None });
        rich
    }

    /// Each row by itself: the name of each column before what stands in it, the first of them bold.
    fn as_cards(&self) -> Rich {
        let mut rich = Rich::default();
        if self.rows.is_empty() {
            rich.push_styled(&self.head.join(" | "), EntityStyle::Bold);
        }
        for (i, row) in self.rows.iter().enumerate() {
            rich.push(if i == 0 { "" } else { "\n\n" });
            let mut is_first = true;
            for (name, value) in self.head.iter().zip(row).filter(|(_, value)| !value.is_empty()) {
                rich.push(if is_first { "" } else { "\n" });
                if !name.is_empty() {
                    rich.push(&format!("{name}: "));
                }
                match is_first {
                    true => rich.push_styled(value, EntityStyle::Bold),
                    false => rich.push(value),
                }
                is_first = false;
            }
        }
        rich
    }
}
