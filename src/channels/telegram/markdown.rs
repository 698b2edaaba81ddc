//! Markdown to text with entities. Formatting may get lost here, words may not: what has no counterpart in the channel (HTML,
//! images, odd links) is shown as it was written, and so is whatever the parser drops without an event (link
//! definitions).

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use url::Url;

use super::rich::Rich;
use super::table::{self, TableAt};
use crate::domain::message::{Entity, EntityStyle};

/// Renders `source`. Line ends become LF.
pub fn render(source: &str) -> Rich {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut renderer = Renderer::new(&source);
    for (event, range) in Parser::new_ext(&source, options).into_offset_iter() {
        renderer.event(event, range);
    }
    renderer.finish()
}

struct Renderer<'a> {
    source: &'a str,
    out: Rich,
    /// Line breaks to come before the next text.
    breaks: usize,
    /// Right behind a list marker or at the start of a quote: the first block there begins without a break.
    at_start: bool,
    /// Up to here the source has been seen to; what lies between it and the next block was dropped by the parser.
    seen: usize,
    open: Vec<Open>,
    list_depth: usize,
    quote_depth: usize,
    code: Option<(String, Option<String>)>,
    /// Shown as written; its inner events mean nothing.
    verbatim: Option<TagEnd>,
    /// A table that is being read.
    table: Option<table::Reader>,
}

struct Open {
    offset: usize,
    style: EntityStyle,
    tag: TagEnd,
    /// What is written behind it: the address of a link that cannot be one here.
    suffix: String,
}

impl<'a> Renderer<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            out: Rich::default(),
            breaks: 0,
            at_start: false,
            seen: 0,
            open: vec![],
            list_depth: 0,
            quote_depth: 0,
            code: None,
            verbatim: None,
            table: None,
        }
    }

    fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        if let Some(tag) = self.verbatim {
            if matches!(&event, Event::End(end) if *end == tag) {
                self.verbatim = None;
            }
            return;
        }
        if let Some(table) = &mut self.table {
            match event {
                Event::End(TagEnd::Table) => self.end_table(&range),
                event => table.take(event, &self.source[range]),
            }
            return;
        }
        if is_inline(&event) {
            // The text of a tight list item has no paragraph around it.
            if self.at_start {
                self.recover(range.start);
            }
            self.seen = self.seen.max(range.end);
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.inline_code(&text),
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.block(2, &range);
                self.text("———");
                self.breaks = 2;
                self.seen = range.end;
            }
            // Extensions that are not switched on.
            _ => self.text(&self.source[range]),
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => {
                self.block(2, &range);
                self.seen = range.end;
            }
            Tag::Heading { level, .. } => {
                self.block(2, &range);
                self.seen = range.end;
                self.open(EntityStyle::Bold, TagEnd::Heading(level), String::new());
            }
            Tag::BlockQuote(kind) => self.start_quote(TagEnd::BlockQuote(kind), &range),
            Tag::CodeBlock(kind) => self.start_code(kind, &range),
            Tag::List(_) => {
                self.block(if self.list_depth == 0 { 2 } else { 1 }, &range);
                self.list_depth += 1;
            }
            Tag::Item => self.start_item(&range),
            Tag::Table(_) => {
                self.block(2, &range);
                self.table = Some(table::Reader::default());
            }
            Tag::Emphasis => self.open(EntityStyle::Italic, TagEnd::Emphasis, String::new()),
            Tag::Strong => self.open(EntityStyle::Bold, TagEnd::Strong, String::new()),
            Tag::Strikethrough => self.open(EntityStyle::Strikethrough, TagEnd::Strikethrough, String::new()),
            Tag::Link { dest_url, title, .. } => self.start_link(&dest_url, &title, &range),
            Tag::Image { .. } => {
                self.text(&self.source[range]);
                self.verbatim = Some(TagEnd::Image);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.breaks = 2,
            TagEnd::Heading(_) => {
                self.close(tag);
                self.breaks = 2;
            }
            TagEnd::BlockQuote(_) => {
                self.recover(range.end);
                self.quote_depth -= 1;
                self.close(tag);
                self.breaks = 2;
            }
            TagEnd::CodeBlock => self.end_code(&range),
            TagEnd::List(_) => {
                self.recover(range.end);
                self.list_depth -= 1;
                self.breaks = self.breaks.max(if self.list_depth == 0 { 2 } else { 1 });
            }
            TagEnd::Item => {
                self.recover(range.end);
                self.at_start = false;
                self.breaks = self.breaks.max(1);
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link => self.close(tag),
            _ => {}
        }
    }

    fn finish(mut self) -> Rich {
        self.recover(self.source.len());
        let end = self.out.text.trim_end().len();
        self.out.text.truncate(end);
        let units = self.out.units();
        let entities = std::mem::take(&mut self.out.entities);
        self.out.entities = tidy(entities, units);
        self.out
    }

    /// Begins a block: `breaks` line breaks before it, and what the parser dropped before it is shown first.
    fn block(&mut self, breaks: usize, range: &Range<usize>) {
        self.recover(range.start);
        if !self.at_start {
            self.breaks = self.breaks.max(breaks);
        }
    }

    /// Shows what lies between the last block and `upto`, if there are words in it.
    fn recover(&mut self, upto: usize) {
        let dropped = self.source.get(self.seen..upto).unwrap_or("");
        if dropped.chars().any(char::is_alphanumeric) {
            let dropped = dropped.trim().to_owned();
            if !self.at_start {
                self.breaks = self.breaks.max(2);
            }
            self.text(&dropped);
            self.breaks = 2;
        }
        self.seen = self.seen.max(upto);
    }

    fn text(&mut self, text: &str) {
        if let Some((code, _)) = &mut self.code {
            code.push_str(text);
            return;
        }
        if text.is_empty() {
            return;
        }
        self.flush();
        self.at_start = false;
        self.out.push(text);
    }

    fn flush(&mut self) {
        let breaks = std::mem::take(&mut self.breaks);
        let at_line_start = self.out.text.is_empty() || self.out.text.ends_with('\n');
        let missing = match (self.out.text.is_empty(), at_line_start) {
            (true, _) => 0,
            (false, true) => breaks.saturating_sub(1),
            (false, false) => breaks,
        };
        for _ in 0..missing {
            self.out.push("\n");
        }
    }

    fn open(&mut self, style: EntityStyle, tag: TagEnd, suffix: String) {
        self.flush();
        let offset = self.out.units();
        self.open.push(Open {
            offset,
            style,
            tag,
            suffix,
        });
    }

    fn close(&mut self, tag: TagEnd) {
        let Some(at) = self.open.iter().rposition(|open| open.tag == tag) else {
            return;
        };
        let open = self.open.remove(at);
        let length = self.out.units() - open.offset;
        if length > 0 {
            self.out.entities.push(Entity {
                offset: open.offset,
                length,
                style: open.style,
            });
        }
        self.text(&open.suffix);
    }

    fn start_quote(&mut self, tag: TagEnd, range: &Range<usize>) {
        self.block(2, range);
        self.quote_depth += 1;
        // The channel has no quotes in quotes.
        if self.quote_depth == 1 {
            self.open(EntityStyle::Blockquote, tag, String::new());
        } else {
            self.flush();
        }
        self.at_start = true;
    }

    /// `• ` for a bullet; a number stays the one that was written.
    fn start_item(&mut self, range: &Range<usize>) {
        self.recover(range.start);
        self.breaks = self.breaks.max(usize::from(!self.at_start));
        let item = &self.source[range.clone()];
        let number = item.split(|c: char| c.is_whitespace()).next().unwrap_or("");
        let numbered = number.starts_with(|c: char| c.is_ascii_digit());
        let indent = "  ".repeat(self.list_depth.saturating_sub(1));
        let marker = if numbered { number } else { "•" };
        self.text(&format!("{indent}{marker} "));
        self.seen = range.start + if numbered { number.len() } else { 1.min(item.len()) };
        self.at_start = true;
    }

    fn inline_code(&mut self, text: &str) {
        let in_link = self
            .open
            .iter()
            .any(|open| matches!(open.style, EntityStyle::TextLink { .. }));
        if in_link {
            // Code cannot be part of a link there, and the address matters more.
            self.text(text);
            return;
        }
        self.flush();
        self.at_start = false;
        self.out.push_styled(text, EntityStyle::Code);
    }

    fn start_code(&mut self, kind: CodeBlockKind<'a>, range: &Range<usize>) {
        self.block(2, range);
        self.seen = range.end;
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.trim().to_owned(),
            CodeBlockKind::Indented => String::new(),
        };
        self.code = Some(match language(&info) {
            Some(language) => (String::new(), Some(language)),
            None if info.is_empty() => (String::new(), None),
            // A note of the writer's, or an unclosed fence with words behind it.
            None => (format!("{info}\n"), None),
        });
    }

    fn end_code(&mut self, range: &Range<usize>) {
        let Some((code, language)) = self.code.take() else {
            return;
        };
        let shown = code.trim_end_matches('\n');
        if shown.trim().is_empty() {
            let written = self.source[range.clone()].trim_end().to_owned();
            self.text(&written);
        } else {
            self.flush();
            self.at_start = false;
            self.out.push_styled(shown, EntityStyle::Pre { language });
        }
        self.breaks = 2;
    }

    /// In the shape that a phone can show; as it was written where that would lose a word.
    fn end_table(&mut self, range: &Range<usize>) {
        let read = self.table.take().unwrap_or_default();
        let Some((table, shown)) = read.finish(&self.source[range.clone()]) else {
            return self.show(range, EntityStyle::Pre { language: None });
        };
        self.flush();
        self.at_start = false;
        let (offset, length) = (self.out.units(), shown.units());
        self.out.append(shown);
        self.out.tables.push(TableAt { offset, length, table });
        self.breaks = 2;
        self.seen = range.end;
    }

    /// Shows the source of a range as it is.
    fn show(&mut self, range: &Range<usize>, style: EntityStyle) {
        self.flush();
        self.at_start = false;
        self.out.push_styled(self.source[range.clone()].trim_end(), style);
        self.breaks = 2;
        self.seen = range.end;
    }

    fn start_link(&mut self, address: &str, title: &str, range: &Range<usize>) {
        let written = &self.source[range.clone()];
        let bare = written.starts_with('<') || written.trim_matches(['[', ']']) == address;
        if is_web(address) && title.is_empty() {
            let style = EntityStyle::TextLink { url: address.into() };
            let no_words = written.starts_with("[](");
            self.open(style, TagEnd::Link, String::new());
            if no_words {
                self.text(address);
            }
            return;
        }
        let suffix = match (bare, title.is_empty()) {
            (true, _) => String::new(),
            (false, true) => format!(" ({address})"),
            (false, false) => format!(" ({address} \"{title}\")"),
        };
        // The style is dropped by `tidy`: it only holds the place of the suffix.
        self.open(EntityStyle::TextLink { url: String::new() }, TagEnd::Link, suffix);
    }
}

fn is_inline(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
        ),
        Event::End(_) | Event::Rule => false,
        _ => true,
    }
}

/// The addresses that the channel makes links of.
fn is_web(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "tg"))
}

/// The language of a fence, when its info string is one word that can be one.
fn language(info: &str) -> Option<String> {
    let fits = (1..=32).contains(&info.len()) && info.chars().all(|c| c.is_ascii_alphanumeric() || "+-#._".contains(c));
    fits.then(|| info.to_owned())
}

/// In order of their place, outer before inner; without those that the channel would refuse: empty ones, and styles around code.
fn tidy(entities: Vec<Entity>, units: usize) -> Vec<Entity> {
    let is_code = |entity: &Entity| matches!(entity.style, EntityStyle::Code | EntityStyle::Pre { .. });
    let code: Vec<Range<usize>> = entities
        .iter()
        .filter(|e| is_code(e))
        .map(|e| e.offset..e.offset + e.length)
        .collect();
    let mut tidy: Vec<Entity> = vec![];
    for entity in entities {
        let range = entity.offset..(entity.offset + entity.length).min(units);
        let empty_link = matches!(&entity.style, EntityStyle::TextLink { url } if url.is_empty());
        if range.is_empty() || empty_link {
            continue;
        }
        let keeps_code = is_code(&entity) || entity.style == EntityStyle::Blockquote;
        let ranges = if keeps_code { vec![range] } else { without(range, &code) };
        tidy.extend(ranges.into_iter().map(|range| Entity {
            offset: range.start,
            length: range.len(),
            style: entity.style.clone(),
        }));
    }
    tidy.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    tidy.dedup();
    tidy
}

/// What is left of `range` without `holes` (in order).
fn without(range: Range<usize>, holes: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = vec![];
    let mut start = range.start;
    for hole in holes
        .iter()
        .filter(|hole| hole.start < range.end && hole.end > range.start)
    {
        if start < hole.start {
            left.push(start..hole.start);
        }
        start = start.max(hole.end);
    }
    if start < range.end {
        left.push(start..range.end);
    }
    left
}

/// `text` as a fenced block, whatever backticks it holds.
pub fn fence(text: &str) -> String {
    fenced(text, "")
}

/// [`fence`] for a language.
pub fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

/// `text` as inline code, whatever backticks it holds.
pub fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let tick = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{tick}{pad}{text}{pad}{tick}")
}

/// `text` with every character that Markdown could act on escaped.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
