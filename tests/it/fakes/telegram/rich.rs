//! Rich messages as the server reads them: known tags, closed in order, within its limits. Line breaks and runs of blanks are one
//! blank outside of `pre`, as in HTML.

const CHARS_MAX: usize = 32_768;
const BLOCKS_MAX: usize = 500;
const DEPTH_MAX: usize = 16;
const COLUMNS_MAX: usize = 20;

const INLINE: [&str; 6] = ["b", "i", "u", "s", "code", "a"];
const BLOCKS: [&str; 7] = ["p", "pre", "blockquote", "table", "tr", "th", "td"];

/// What a person reads of it: a line for each block, a blank between cells.
pub fn read(html: &str) -> Result<String, String> {
    let mut reader = Reader::default();
    let mut rest = html;
    while !rest.is_empty() {
        rest = match rest.strip_prefix('<') {
            Some(tag) => {
                let (tag, after) = tag.split_once('>').ok_or("a tag without an end")?;
                reader.tag(tag)?;
                after
            }
            None => {
                let end = rest.find('<').unwrap_or(rest.len());
                reader.text(&rest[..end])?;
                &rest[end..]
            }
        };
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    open: Vec<String>,
    text: String,
    blocks: usize,
    cells: usize,
}

impl Reader {
    fn tag(&mut self, tag: &str) -> Result<(), String> {
        if let Some(name) = tag.strip_prefix('/') {
            let open = self.open.pop().unwrap_or_default();
            if open != name {
                return Err(format!("</{name}> closes <{open}>"));
            }
            if ["p", "pre", "blockquote", "tr"].contains(&name) {
                self.text.push('\n');
            }
            return Ok(());
        }
        let name = tag.split(' ').next().unwrap_or_default();
        if name == "br" {
            self.text.push('\n');
            return Ok(());
        }
        if !INLINE.contains(&name) && !BLOCKS.contains(&name) {
            return Err(format!("unsupported start tag <{name}>"));
        }
        if ["th", "td"].contains(&name) {
            self.cells += 1;
            if self.cells > 1 {
                self.text.push(' ');
            }
        } else if BLOCKS.contains(&name) {
            self.blocks += 1;
            self.cells = 0;
        }
        self.open.push(name.to_owned());
        match (
            self.open.len() > DEPTH_MAX,
            self.blocks > BLOCKS_MAX,
            self.cells > COLUMNS_MAX,
        ) {
            (false, false, false) => Ok(()),
            over => Err(format!("too deep, too many blocks, too many columns: {over:?}")),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let plain = unescaped(text)?;
        if self.open.is_empty() && !plain.trim().is_empty() {
            return Err("text outside of every block".into());
        }
        if self.open.iter().any(|tag| tag == "pre") {
            self.text.push_str(&plain);
            return Ok(());
        }
        let mut last = self.text.chars().last();
        for c in plain.chars() {
            let c = if c == '\n' || c == '\t' { ' ' } else { c };
            if c != ' ' || last != Some(' ') {
                self.text.push(c);
            }
            last = Some(c);
        }
        Ok(())
    }

    fn finish(self) -> Result<String, String> {
        if let Some(open) = self.open.last() {
            return Err(format!("<{open}> is not closed"));
        }
        match self.text.chars().count() > CHARS_MAX || self.text.trim().is_empty() {
            true => Err("message is empty or too long".into()),
            false => Ok(self.text.trim_end().to_owned()),
        }
    }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, after) = after.split_once(';').ok_or("an entity without an end")?;
        plain.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            other => return Err(format!("unknown entity {other}")),
        });
        rest = after;
    }
    plain.push_str(rest);
    Ok(plain)
}
