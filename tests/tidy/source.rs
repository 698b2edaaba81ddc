//! A source file as the rules see it: code without comments, texts and tests; the texts apart.

use std::collections::HashSet;
use std::path::Path;

pub struct Source {
    /// Relative to `src`, with `/`.
    pub path: String,
    pub text: String,
    /// The text with comments, the inside of string and character literals, and test code blanked. Same lines.
    pub code: String,
    /// String literals outside of tests, with the line on which they begin.
    pub texts: Vec<(usize, String)>,
    /// Whether the whole file is test code.
    pub is_test: bool,
}

impl Source {
    pub fn read_all(src: &Path) -> Vec<Source> {
        let mut files = Vec::new();
        let mut dirs = vec![src.to_path_buf()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(&dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
                    files.push((name, std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        files.sort();
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        mark_tests(sources)
    }

    pub fn new(path: &str, text: &str) -> Source {
        let Lexed { mut code, mut texts } = lex(text);
        for (begin, end) in test_blocks(&code) {
            let first = line_of(&code, begin);
            let last = line_of(&code, end);
            texts.retain(|(line, _)| *line < first || *line > last);
            code = blank(&code, begin, end);
        }
        Source {
            path: path.into(),
            text: text.into(),
            code,
            texts,
            is_test: path.ends_with("tests.rs"),
        }
    }

    /// The room: the first folder, or the name of a file directly in `src`.
    pub fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The modules from the crate's root to this file.
    pub fn module(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.path.trim_end_matches(".rs").split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts
    }
}

pub fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Files that only a `#[cfg(test)] mod NAME;` of another file brings in.
fn mark_tests(mut sources: Vec<Source>) -> Vec<Source> {
    let declared = crate::pattern(r"#\[cfg\(test\)\]\s*(?:pub(?:\([a-z]+\))?\s+)?mod\s+(\w+)\s*;");
    let mut tests = HashSet::new();
    for source in &sources {
        let module = source.module().join("/");
        for found in declared.captures_iter(&lex(&source.text).code) {
            tests.insert(format!("{module}/{}", &found[1]).trim_start_matches('/').to_owned());
        }
    }
    for source in &mut sources {
        let module = source.module().join("/");
        source.is_test |= tests
            .iter()
            .any(|test| module == *test || module.starts_with(&format!("{test}/")));
    }
    sources
}

/// `#[cfg(test)]` items with a body, as byte ranges.
fn test_blocks(code: &str) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| at + from) {
        let semicolon = code[at..].find(';').map_or(code.len(), |i| at + i);
        let brace = code[at..].find('{').map_or(code.len(), |i| at + i);
        let end = if brace < semicolon {
            matching_brace(code, brace)
        } else {
            semicolon
        };
        blocks.push((at, end.min(code.len())));
        from = end.min(code.len());
    }
    blocks
}

/// The offset behind the brace that closes the one at `open`.
pub fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (i, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return i + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn blank(code: &str, begin: usize, end: usize) -> String {
    let blanked: String = code[begin..end]
        .chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect();
    format!("{}{blanked}{}", &code[..begin], &code[end..])
}

struct Lexed {
    code: String,
    texts: Vec<(usize, String)>,
}

/// Takes comments and the inside of literals out of the code.
fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        rest: text,
        line: 1,
        out: Lexed {
            code: String::new(),
            texts: Vec::new(),
        },
    };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.out
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    out: Lexed,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        let in_word = self
            .out
            .code
            .chars()
            .last()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        if rest.starts_with("//") {
            self.hide(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.hide(block_comment(rest));
        } else if let Some(hashes) = raw_string(rest).filter(|_| !in_word) {
            let open = rest.find('"').unwrap() + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let end = rest[open..].find(&close).map_or(rest.len(), |i| open + i);
            self.literal(open, end, (end + close.len()).min(rest.len()));
        } else if rest.starts_with('"') {
            let end = closing_quote(rest);
            self.literal(1, end, (end + 1).min(rest.len()));
        } else if let Some(length) = char_literal(rest) {
            self.hide(length);
        } else {
            let c = rest.chars().next().unwrap();
            self.line += usize::from(c == '\n');
            self.out.code.push(c);
            self.rest = &rest[c.len_utf8()..];
        }
    }

    fn literal(&mut self, begin: usize, end: usize, length: usize) {
        self.out.texts.push((self.line, self.rest[begin..end].to_owned()));
        self.hide(length);
    }

    fn hide(&mut self, length: usize) {
        for c in self.rest[..length].chars() {
            self.line += usize::from(c == '\n');
            self.out.code.push(if c == '\n' { '\n' } else { ' ' });
        }
        self.rest = &self.rest[length..];
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut i = 0;
    while i < rest.len() {
        if rest[i..].starts_with("/*") {
            depth += 1;
            i += 2;
        } else if rest[i..].starts_with("*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += rest[i..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// How many `#` a raw string here has, if one begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn closing_quote(rest: &str) -> usize {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal here; a lifetime (`'a`) is none.
fn char_literal(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let first = escape.chars().next()?.len_utf8();
        return escape[first..].find('\'').map(|i| 2 + first + i + 1);
    }
    let c = inside.chars().next()?;
    inside[c.len_utf8()..].starts_with('\'').then_some(c.len_utf8() + 2)
}
