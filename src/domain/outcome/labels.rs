//! Which lines name a section of a message: headings, bold words, plain labels, rows of a table.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Changed,
    Verified,
    Uncertain,
    Next,
}

pub(super) enum LabelForm {
    Heading(usize),
    Alone,
    Inline { listed: bool },
}

/// A line that names a section: one of the four, or another.
pub(super) struct Label<'a> {
    pub field: Option<Field>,
    pub form: LabelForm,
    pub rest: &'a str,
    pub whole: &'a str,
}

impl<'a> Label<'a> {
    pub fn of(whole: &'a str) -> Option<Self> {
        if let Some(row) = table_row(whole) {
            return Some(row);
        }
        let hashes = whole.bytes().take_while(|b| *b == b'#').count();
        if (1..=6).contains(&hashes) && whole[hashes..].starts_with(' ') {
            return Some(Self::heading(whole, hashes));
        }
        let (listed, text) = unlisted(whole);
        let (name, rest, bold) = split_label(text)?;
        let field = field_of(name);
        let form = match (rest, bold, listed) {
            // `**Changed**` alone; with a colon it is a label whose text follows.
            (None, _, false) => LabelForm::Alone,
            (None, _, true) => return None,
            (Some(_), ..) => LabelForm::Inline { listed },
        };
        // A plain word before a colon ends nothing: it may be anything.
        if field.is_none() && !bold {
            return None;
        }
        Some(Self {
            field,
            form,
            rest: rest.unwrap_or_default(),
            whole,
        })
    }

    fn heading(whole: &'a str, level: usize) -> Self {
        let title = whole[level..].trim().trim_end_matches('#').trim();
        // `## Verified: all tests pass`
        let (name, rest) = match split_label(title) {
            Some((name, rest, _)) if field_of(name).is_some() => (name, rest.unwrap_or_default()),
            _ => (title, ""),
        };
        Self {
            field: field_of(name),
            form: LabelForm::Heading(level),
            rest,
            whole,
        }
    }
}

/// `| Changed | text |`: only rows of ours; other tables are content.
fn table_row(line: &str) -> Option<Label<'_>> {
    let inner = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let (name, rest) = inner.split_once('|')?;
    let field = field_of(name.trim().trim_matches('*').trim())?;
    Some(Label {
        field: Some(field),
        form: LabelForm::Inline { listed: true },
        rest: rest.trim(),
        whole: line,
    })
}

/// Without the mark of a list.
fn unlisted(text: &str) -> (bool, &str) {
    for mark in ["- ", "* ", "+ ", "• "] {
        if let Some(rest) = text.strip_prefix(mark) {
            return (true, rest.trim_start());
        }
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text[digits..].strip_prefix(['.', ')']) {
        Some(rest) if digits > 0 && rest.starts_with(' ') => (true, rest.trim_start()),
        _ => (false, text),
    }
}

/// Name, text behind it (none when the line ends without a colon), and whether the name is bold.
fn split_label(text: &str) -> Option<(&str, Option<&str>, bool)> {
    let text = text
        .trim_start_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric())
        .trim_start();
    for mark in ["**", "__"] {
        let Some(inner) = text.strip_prefix(mark) else { continue };
        let (name, behind) = inner.split_once(mark)?;
        let behind = behind.trim_start();
        if let Some(name) = name.trim_end().strip_suffix(':') {
            return Some((name, Some(behind), true));
        }
        if behind.is_empty() {
            return Some((name, None, true));
        }
        let rest = behind
            .strip_prefix([':', '—', '–'])
            .or_else(|| behind.strip_prefix("- "))?;
        return Some((name, Some(rest.trim_start()), true));
    }
    let plain = text.trim_matches(['*', '_']);
    if field_of(plain).is_some() && plain.starts_with(char::is_uppercase) {
        return Some((plain, None, false));
    }
    let (name, rest) = text.split_once(':')?;
    let name = name.trim_matches(['*', '_', '`']);
    (name.len() <= LABEL_CHARS_MAX).then(|| (name, Some(rest.trim_start_matches(['*', '_']).trim_start()), false))
}

const LABEL_CHARS_MAX: usize = 40;

fn field_of(name: &str) -> Option<Field> {
    let name = name.trim().trim_end_matches(':').trim_matches(['*', '_', '`']);
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric() && !c.is_alphabetic());
    let name = name.to_lowercase().replace('’', "'");
    let field = match name.as_str() {
        "changed" | "changes" | "what changed" | "what i changed" | "what was changed" | "changes made"
        | "summary of changes" | "what's changed" => Field::Changed,
        "verified"
        | "verification"
        | "what i verified"
        | "what was verified"
        | "how i verified it"
        | "how it was verified"
        | "how i verified"
        | "validation"
        | "validated"
        | "verified by" => Field::Verified,
        "uncertain"
        | "uncertainty"
        | "uncertainties"
        | "what is uncertain"
        | "not verified"
        | "unverified"
        | "what was not verified"
        | "what i did not verify"
        | "open questions"
        | "risks"
        | "caveats"
        | "caveat"
        | "concerns"
        | "limitations"
        | "not tested"
        | "unsure" => Field::Uncertain,
        "next"
        | "next step"
        | "next steps"
        | "what's next"
        | "what next"
        | "follow-up"
        | "follow-ups"
        | "follow up"
        | "follow ups"
        | "recommended next steps"
        | "suggested next steps"
        | "remaining work" => Field::Next,
        _ => return None,
    };
    Some(field)
}
