//! A message as a person reads it: whose it is, what was said, what was done, what is asked; cut into parts.

use crate::channels::telegram::markdown::render;
use crate::channels::telegram::rich::Rich;
use crate::channels::telegram::rich_html;
use crate::channels::telegram::split::split;
use crate::channels::telegram::{TEXT_UNITS_MAX, caption_fits};
use crate::domain::ids::SessionName;
use crate::domain::letter::Done;
use crate::domain::message::{EntityStyle, Message, MessageFile, MessageKind, PartBody};

/// Kept free in each part for its number and the possible-repeat mark.
const DRESS_UNITS: usize = 128;
/// What is shown of a text that goes out as a file.
const INLINE_UNITS_MAX: usize = 800;

/// What goes out at once: a message, and what its session said after it while the chat took no more.
pub(super) struct Said<'a> {
    pub message: &'a Message,
    pub behind: &'a [Message],
    pub name: Option<&'a SessionName>,
    /// How the dialog that it shows can be answered beside a tap.
    pub hint: Option<&'static str>,
}

/// At least one part, in the order in which they go out. `rich`: the channel may be asked for a rich message.
pub(super) fn parts(said: &Said<'_>, parts_max: usize, rich: bool) -> Vec<PartBody> {
    let may_be_rich = rich;
    let rich = text(said);
    let files = &said.message.files;
    let mut parts = if rich.text.is_empty() { vec![] } else { numbered(&rich) };
    if parts.len() > parts_max {
        parts = as_file(said, &rich);
    } else if may_be_rich && (parts.len() > 1 || !rich.tables.is_empty()) {
        parts = as_rich(&rich, parts);
    }
    parts.extend(files.iter().map(|file| PartBody::File { file: sendable(file) }));
    parts
}

/// Everything that is read, behind the name of the session.
fn text(said: &Said<'_>) -> Rich {
    let Said {
        message,
        behind,
        name,
        hint,
    } = said;
    let mut body = render(&message.text);
    if let Some(done) = &message.done {
        done_fields(&mut body, done);
    }
    choices(&mut body, message, *hint);
    long_captions(&mut body, &message.files);
    if body.text.is_empty() && message.files.is_empty() {
        body.push("(an empty message)");
    }
    for message in *behind {
        block(&mut body, "\n", render(&message.text));
    }
    let mut rich = Rich::default();
    if let Some(name) = name {
        rich.push_styled(name.as_str(), EntityStyle::Bold);
    }
    if !behind.is_empty() {
        rich.push_styled(&format!(" {} messages at once", behind.len() + 1), EntityStyle::Italic);
    }
    block(&mut rich, "\n", body);
    rich
}

/// Appends a block behind `gap`, if there is anything in it.
fn block(rich: &mut Rich, gap: &str, block: Rich) {
    if block.text.is_empty() {
        return;
    }
    if !rich.text.is_empty() {
        rich.push(gap);
    }
    rich.append(block);
}

fn done_fields(rich: &mut Rich, done: &Done) {
    let fields = [
        ("Changed", &done.changed),
        ("Verified", &done.verified),
        ("Uncertain", &done.uncertain),
        ("Next", &done.next),
    ];
    let mut told = Rich::default();
    for (label, value) in fields {
        let Some(value) = value.as_deref().filter(|value| !value.trim().is_empty()) else {
            continue;
        };
        let mut field = Rich::default();
        field.push_styled(&format!("{label}:"), EntityStyle::Bold);
        let value = render(value);
        // A list or a fence begins on a line of its own.
        field.push(if value.text.contains('\n') { "\n" } else { " " });
        field.append(value);
        block(&mut told, "\n", field);
    }
    if told.text.is_empty() {
        told.push_styled("Done.", EntityStyle::Bold);
    }
    block(rich, "\n\n", told);
}

fn choices(rich: &mut Rich, message: &Message, hint: Option<&str>) {
    if message.kind != MessageKind::Ask && message.dialog.is_none() {
        return;
    }
    let mut list = Rich::default();
    for (i, choice) in message.choices.iter().enumerate() {
        let break_ = if i == 0 { "" } else { "\n" };
        list.push(&format!("{break_}{}. {choice}", i + 1));
    }
    block(rich, "\n\n", list);
    let how = match (message.dialog.is_some(), message.choices.is_empty()) {
        (true, _) => hint.unwrap_or_default(),
        (false, true) => "Reply to this message to answer.",
        (false, false) => "Tap, or reply with one of these, or its number.",
    };
    let mut told = Rich::default();
    told.push_styled(how, EntityStyle::Italic);
    block(rich, "\n\n", told);
}

/// A caption that the channel would cut goes with the text.
fn long_captions(rich: &mut Rich, files: &[MessageFile]) {
    for file in files {
        if let Some(caption) = file.caption.as_deref().filter(|caption| !caption_fits(caption)) {
            block(rich, "\n\n", Rich::plain(format!("{}:\n{caption}", file.name)));
        }
    }
}

fn sendable(file: &MessageFile) -> MessageFile {
    MessageFile {
        caption: file.caption.clone().filter(|caption| caption_fits(caption)),
        ..file.clone()
    }
}

/// One rich message in the place of several texts, or of a table that is made for a narrow screen; as it is where it does not fit.
fn as_rich(rich: &Rich, instead: Vec<PartBody>) -> Vec<PartBody> {
    match rich_html::html(rich) {
        Some(html) => vec![PartBody::Rich { html, instead }],
        None => instead,
    }
}

/// A text of too many parts: its beginning to read, and the whole of it in a file.
fn as_file(said: &Said<'_>, rich: &Rich) -> Vec<PartBody> {
    let message = said.message;
    let whole = whole(said);
    let bytes = whole.len();
    let mut first = split(rich, INLINE_UNITS_MAX).into_iter().next().unwrap_or_default();
    block(
        &mut first,
        "\n\n",
        Rich::plain(format!("… the whole of it ({bytes} bytes) is in the file.")),
    );
    vec![
        PartBody::Text {
            text: first.text,
            entities: first.entities,
            buttons: vec![],
        },
        PartBody::Document {
            name: format!("message-{}.md", message.id),
            content: whole,
        },
    ]
}

/// The texts as they were written, and what else a message says.
fn whole(said: &Said<'_>) -> String {
    let texts = std::iter::once(said.message).chain(said.behind);
    let texts: Vec<&str> = texts.map(|message| message.text.as_str()).collect();
    let mut more = Rich::default();
    if let Some(done) = &said.message.done {
        done_fields(&mut more, done);
    }
    choices(&mut more, said.message, said.hint);
    long_captions(&mut more, &said.message.files);
    match more.text.is_empty() {
        true => texts.join("\n"),
        false => format!("{}\n\n{}", texts.join("\n"), more.text),
    }
}

/// The pieces of a long text say which of how many they are. The number stands first, where it also keeps the channel from trimming
/// the indentation of what follows.
fn numbered(rich: &Rich) -> Vec<PartBody> {
    let pieces = split(rich, TEXT_UNITS_MAX - DRESS_UNITS);
    let count = pieces.len();
    let number = |i: usize| {
        if count == 1 {
            Rich::default()
        } else {
            Rich::plain(format!("({}/{count})\n", i + 1))
        }
    };
    pieces
        .into_iter()
        .enumerate()
        .map(|(i, piece)| {
            let mut part = number(i);
            part.append(piece);
            PartBody::Text {
                text: part.text,
                entities: part.entities,
                buttons: vec![],
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
