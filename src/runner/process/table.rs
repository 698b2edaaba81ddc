//! /proc as a table: one row a process.

use std::collections::HashSet;
use std::fs::File;

use crate::domain::letter::ProcessRef;

/// A line has 52 fields: a name of at most 64 bytes, and numbers of at most 20 digits.
const STAT_BYTES_MAX: usize = 2048;

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub pid: u32,
    pub parent: u32,
    pub start: u64,
    /// Clock ticks that it and the children that it has waited for have computed.
    pub ticks: u64,
    state: u8,
}

impl Row {
    pub fn read(pid: u32) -> Option<Self> {
        // One read is enough, and it is whole: the kernel makes the line for each `read` anew. A letter's sender reads all of its
        // ancestors' lines, before each letter.
        let mut line = [0; STAT_BYTES_MAX];
        let file = File::open(format!("/proc/{pid}/stat")).ok()?;
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut line)).ok()?;
        Self::parse(pid, &line[..length])
    }

    /// The name in field 2 may hold blanks and parentheses, so the fields are counted from its last `)`.
    fn parse(pid: u32, stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        // Fields 3 (state) and 4 (parent) are taken; `utime stime cutime cstime` are fields 14 to 17, `starttime` is field 22.
        let mut ticks: u64 = fields.nth(9)?.parse().ok()?;
        for field in fields.by_ref().take(3) {
            // A child's times are signed in this table.
            ticks = ticks.saturating_add(field.parse().unwrap_or(0));
        }
        let start = fields.nth(4)?.parse().ok()?;
        Some(Self {
            pid,
            parent,
            start,
            ticks,
            state,
        })
    }

    /// Not a zombie and not being taken away.
    pub fn lives(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// By a signal; a tracer's stop is none.
    fn is_stopped(&self) -> bool {
        self.state == b'T'
    }

    /// It has a processor, waits for one, or waits for a disk: it is at work, also where a machine in need gives it no time.
    fn is_at_work(&self) -> bool {
        matches!(self.state, b'R' | b'D')
    }

    pub fn process(&self) -> ProcessRef {
        ProcessRef {
            pid: self.pid,
            start: self.start,
        }
    }
}

/// The processes of one moment, zombies included: a zombie may still be somebody's parent in the table.
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// Reads all of /proc; a process that ends meanwhile is left out.
    pub fn read() -> Self {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Self(Vec::new());
        };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        Self(pids.filter_map(Row::read).collect())
    }

    /// The living processes for which `wanted` holds.
    pub fn select(&self, wanted: impl Fn(u32) -> bool) -> Vec<ProcessRef> {
        let rows = self.0.iter().filter(|row| row.lives() && wanted(row.pid));
        rows.map(Row::process).collect()
    }

    /// The processes that a signal has stopped and for which `wanted` holds.
    pub fn stopped(&self, wanted: impl Fn(u32) -> bool) -> Vec<ProcessRef> {
        let rows = self.0.iter().filter(|row| row.is_stopped() && wanted(row.pid));
        rows.map(Row::process).collect()
    }

    /// The living descendants of `roots`, without the roots.
    pub fn descendants(&self, roots: &[u32]) -> Vec<ProcessRef> {
        let family = self.family(roots);
        self.select(|pid| family.contains(&pid) && !roots.contains(&pid))
    }

    /// Clock ticks that a process and its descendants have computed (what an ended one has computed is its parent's), and whether
    /// one of them is at work right now.
    pub fn work(&self, root: u32) -> (u64, bool) {
        let family = self.family(&[root]);
        let rows = || self.0.iter().filter(|row| family.contains(&row.pid));
        (rows().map(|row| row.ticks).sum(), rows().any(Row::is_at_work))
    }

    /// `roots` with all their descendants, zombies among them.
    fn family(&self, roots: &[u32]) -> HashSet<u32> {
        let mut family: HashSet<u32> = roots.iter().copied().collect();
        loop {
            let before = family.len();
            let children = self.0.iter().filter(|row| family.contains(&row.parent));
            let children: Vec<u32> = children.map(|row| row.pid).collect();
            family.extend(children);
            if family.len() == before {
                return family;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = b"7 (a) S 1 (x) S 42 7 7 0 -1 4194560 1 0 0 0 5 6 7 8 20 0 1 0 98765 1 1";
        let row = Row::parse(7, stat).expect("a well-formed line");
        assert_eq!((row.parent, row.start, row.ticks, row.lives()), (42, 98765, 26, true));
        assert_eq!(Row::parse(7, b"7 (a"), None);
    }

    #[test]
    fn descendants_are_found_over_generations() {
        let row = |pid, parent, state| Row {
            pid,
            parent,
            start: 1,
            ticks: 10,
            state,
        };
        let table = Table(vec![
            row(5, 4, b'S'),
            row(4, 3, b'Z'),
            row(3, 2, b'S'),
            row(2, 1, b'S'),
            row(9, 1, b'S'),
        ]);
        let pids: Vec<u32> = table.descendants(&[2]).iter().map(|p| p.pid).collect();
        assert_eq!(pids, [5, 3]);
        assert_eq!(
            table.work(2),
            (40, false),
            "the zombie's time counts until its parent has taken it over"
        );
    }

    #[test]
    fn who_waits_for_a_processor_or_a_disk_is_at_work() {
        let row = |pid, state| Row {
            pid,
            parent: 1,
            start: 1,
            ticks: 0,
            state,
        };
        for (state, at_work) in [(b'R', true), (b'D', true), (b'S', false), (b'T', false), (b'Z', false)] {
            let table = Table(vec![
                row(2, b'S'),
                Row {
                    parent: 2,
                    ..row(3, state)
                },
                row(4, b'R'),
            ]);
            assert_eq!(table.work(2).1, at_work, "{}", char::from(state));
        }
    }
}
