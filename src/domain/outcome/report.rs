//! An outcome in words: its headline, and the few lines that a chat and a list show.

use super::{Check, Detail, DiffStat, Measured, Usage, Verdict};

const HEADLINE_CHARS_MAX: usize = 140;

/// One line: how it ended and what it was about.
pub fn headline(verdict: Verdict, detail: &Detail) -> String {
    let about = first_line(detail.claims.changed.as_deref())
        .filter(|_| verdict == Verdict::Done)
        .or_else(|| detail.reason.clone().filter(|_| verdict != Verdict::Done))
        .or_else(|| first_line(Some(&detail.prompt)))
        .unwrap_or_else(|| "no prompt".into());
    let failed = detail.checks.iter().find(|check| !check.passed());
    let about = match (verdict, failed) {
        (Verdict::Failed, Some(check)) => check_line(check),
        _ => about,
    };
    clip(&about)
}

/// What was measured and checked, a line each; empty when there is nothing to say.
pub fn summary(detail: &Detail) -> Vec<String> {
    let mut lines: Vec<String> = detail.flags.iter().map(|flag| format!("⚠ {}", flag.text)).collect();
    if let Some(measured) = &detail.measured {
        lines.push(changes_line(measured));
    }
    lines.extend(detail.checks.iter().map(check_line));
    if detail.checks.is_empty()
        && let Some(not) = &detail.not_checked
    {
        lines.push(format!("not checked: {}", not.why));
    }
    lines.extend(detail.usage.as_ref().and_then(usage_line));
    lines
}

/// `1200 tokens in, 340 tokens out, 0.02 USD`; none when nothing was counted.
pub fn usage_line(usage: &Usage) -> Option<String> {
    let tokens = [("in", usage.input_tokens), ("out", usage.output_tokens)];
    let tokens = tokens
        .iter()
        .filter_map(|(way, count)| Some(format!("{} tokens {way}", (*count)?)));
    let cost = usage.cost_usd.map(|cost| match cost {
        small if small < 0.1 => format!("{small:.4} USD"),
        cost => format!("{cost:.2} USD"),
    });
    let parts: Vec<String> = tokens.chain(cost).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn changes_line(measured: &Measured) -> String {
    if !measured.changed_anything() {
        return "nothing changed".into();
    }
    let mut parts = vec![stat(&measured.turn)];
    if measured.commits > 0 {
        parts.push(plural(measured.commits, "commit"));
    }
    if measured.uncommitted > 0 {
        parts.push(format!("{} not committed", plural(measured.uncommitted, "file")));
    }
    if measured.untracked > 0 {
        parts.push(format!("{} not in git", plural(measured.untracked, "new file")));
    }
    if !measured.left_out.is_empty() {
        parts.push(format!(
            "{} left out",
            plural(measured.left_out.len() as u32, "large file")
        ));
    }
    parts.join(", ")
}

/// `3 files, +10 -2`
pub fn stat(stat: &DiffStat) -> String {
    format!("{}, +{} -{}", plural(stat.files, "file"), stat.added, stat.removed)
}

pub fn check_line(check: &Check) -> String {
    let took = format!("{:.1} s", check.duration_ms as f64 / 1000.0);
    match (check.timed_out, check.code) {
        (true, _) => format!("✗ {} (ended by the time limit after {took})", check.command),
        (false, Some(0)) => format!("✓ {} (exit code 0, {took})", check.command),
        (false, Some(code)) => format!("✗ {} (exit code {code}, {took})", check.command),
        (false, None) => format!("✗ {} (ended by a signal, {took})", check.command),
    }
}

fn plural(count: u32, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

fn first_line(text: Option<&str>) -> Option<String> {
    let line = text?.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.trim_start_matches(['-', '*', ' ']).to_owned())
}

fn clip(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut kept: String = line.chars().take(HEADLINE_CHARS_MAX).collect();
    if kept.len() < line.len() {
        kept.push('…');
    }
    kept
}
