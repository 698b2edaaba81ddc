//! Where a rule's block stands on a screen: between its anchors, looked for from the bottom up.

use crate::domain::screen::Screen;

use super::file::Rule;

pub struct Block<'a> {
    /// The rows between the anchors.
    pub rows: &'a [String],
    /// The same rows without what is drawn faint.
    pub strong: &'a [String],
    /// The rows above the block, from the top of the screen.
    above: &'a [String],
    /// The rows below the block.
    below: &'a [String],
}

impl<'a> Block<'a> {
    /// None when an anchor is not there, or the block lacks what the rule asks for.
    pub fn find(rule: &Rule, screen: &'a Screen) -> Option<Self> {
        let rows = &screen.rows;
        let last = rows.iter().rposition(|row| !row.trim().is_empty())?;
        let end = match &rule.bottom {
            None => last + 1,
            Some(bottom) => {
                let mut below = 0;
                rows[..=last]
                    .iter()
                    .enumerate()
                    .rev()
                    .take_while(|(_, row)| {
                        below += usize::from(!row.trim().is_empty());
                        below <= rule.slack + 1
                    })
                    .find(|(_, row)| bottom.is_match(row))
                    .map(|(at, _)| at)?
            }
        };
        let highest = end.saturating_sub(rule.height);
        let last_of = |anchor: &regex::Regex| {
            (highest..end)
                .rev()
                .find(|at| anchor.is_match(&rows[*at]) && !rule.is_inner(rows, *at, end))
        };
        let start = match (&rule.top, &rule.from) {
            (Some(top), _) => last_of(top)? + 1,
            (None, Some(from)) => last_of(from)?,
            (None, None) => highest,
        };
        let block = Self {
            rows: &rows[start..end],
            strong: screen.strong.get(start..end)?,
            above: &rows[..start.saturating_sub(usize::from(rule.top.is_some()))],
            below: &rows[end..=last],
        };
        block.satisfies(rule).then_some(block)
    }

    fn satisfies(&self, rule: &Rule) -> bool {
        let has = |rows: &[String], pattern: &regex::Regex| rows.iter().any(|row| pattern.is_match(row));
        rule.has.iter().all(|pattern| has(self.rows, pattern))
            && !rule.hasnt.iter().any(|pattern| has(self.rows, pattern))
            && !rule.below_hasnt.iter().any(|pattern| has(self.below, pattern))
            && rule.below.iter().all(|pattern| has(self.below, pattern))
            && rule.begins.as_ref().is_none_or(|pattern| {
                let first = self.rows.iter().find(|row| !row.trim().is_empty());
                first.is_some_and(|row| pattern.is_match(row))
            })
    }

    /// Whether the last row above the block, but for hints that stand beside the box, says that the turn was cut short.
    pub fn is_interrupted(&self, rule: &Rule) -> bool {
        let beside = |row: &&String| rule.beside.as_ref().is_some_and(|beside| beside.is_match(row));
        let mut near = self
            .above
            .iter()
            .rev()
            .filter(|row| !row.trim().is_empty() && !beside(row));
        let last = near.next();
        rule.interrupted
            .as_ref()
            .zip(last)
            .is_some_and(|(sign, row)| sign.is_match(row))
    }

    /// Whether one of the rows right above the block, or one below it, says that the agent works.
    pub fn is_busy(&self, rule: &Rule) -> bool {
        let has =
            |pattern: &Option<regex::Regex>, row: &String| pattern.as_ref().is_some_and(|busy| busy.is_match(row));
        let near = self.above.iter().rev().filter(|row| !row.trim().is_empty());
        near.take(rule.busy_rows).any(|row| has(&rule.busy, row))
            || self.below.iter().any(|row| has(&rule.busy_below, row))
    }
}
