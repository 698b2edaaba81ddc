//! The rules that look at one file alone.

use crate::Finding;
use crate::source::{Source, line_of, matching_brace};

const FILE_LINES_MAX: usize = 500;
const TEST_FILE_LINES_MAX: usize = 1000;
const FUNCTION_LINES_MAX: usize = 100;

/// Agents that have (or will have) an adapter, and the bundled one.
const AGENTS: &[&str] = &["claude", "codex", "gemini", "opencode", "demo"];
/// Files outside of an agent's own ones that must name agents: what lists them, and the door to the bundled program.
const MAY_NAME_AGENTS: &[&str] = &["agents/registry.rs"];
const MAY_NAME_THE_DEMO: &[&str] = &["cli/demo_agent.rs", "cli/mod.rs", "cli/programs.rs", "main.rs"];
/// Commands that start the daemon or hand the terminal over to tmux.
const MAY_START_PROCESSES: &[&str] = &[
    "tmux/",
    "runner/",
    "workspace/",
    "agents/",
    "cli/start_daemon.rs",
    "cli/attach.rs",
];
/// The command line, and the programs that run in a window.
const MAY_PRINT: &[&str] = &[
    "cli/",
    "main.rs",
    "runner/shim",
    "runner/log_writer",
    "runner/check",
    "agents/demo",
];

pub fn check(source: &Source) -> Vec<Finding> {
    let mut findings = [begins_with_docs(source), lengths(source)].concat();
    if !source.is_test {
        let rules = [sql, processes, prints, agent_names, pure_domain, bare_allow];
        findings.extend(rules.iter().flat_map(|rule| rule(source)));
    }
    findings
}

fn sql(source: &Source) -> Vec<Finding> {
    const REASON: &str = "SQL stays in src/store: one place to see what is written in which transaction";
    if source.room() == "store" {
        return Vec::new();
    }
    let word = r"(?is)^\s*(select\s.*\sfrom\s|insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(unique\s+)?(table|index)\s|pragma\s|begin\s+immediate)";
    let statement = crate::pattern(word);
    let texts = source.texts.iter().filter(|(_, text)| statement.is_match(text));
    let mut findings: Vec<Finding> = texts
        .map(|(line, _)| finding(source, *line, "an SQL statement".into(), REASON))
        .collect();
    findings.extend(code_matches(source, r"\brusqlite\b", REASON));
    findings
}

fn processes(source: &Source) -> Vec<Finding> {
    if begins_with_any(&source.path, MAY_START_PROCESSES) {
        return Vec::new();
    }
    code_matches(
        source,
        r"\bCommand::new\b|\btokio::process\b|\bprocess::Command\b|\bCommandExt\b",
        "processes start only in the hands that own them (tmux, runner, workspace, agents) and where the daemon or tmux is started",
    )
}

fn prints(source: &Source) -> Vec<Finding> {
    if begins_with_any(&source.path, MAY_PRINT) {
        return Vec::new();
    }
    code_matches(
        source,
        r"\b(?:println|print|eprintln|eprint|dbg)!|\bio::stdout\b|(?:^|[^.\w])stdout\(\)",
        "only the command line and the programs in a window print; everything else logs or returns",
    )
}

fn agent_names(source: &Source) -> Vec<Finding> {
    const REASON: &str = "what is known of an agent stands in its own file under src/agents, and in the registry";
    let mut findings = Vec::new();
    for agent in AGENTS {
        let own = source.path.starts_with(&format!("agents/{agent}"));
        let door = *agent == "demo" && MAY_NAME_THE_DEMO.contains(&source.path.as_str());
        if own || door || MAY_NAME_AGENTS.contains(&source.path.as_str()) {
            continue;
        }
        let capital = format!("{}{}", agent[..1].to_uppercase(), &agent[1..]);
        let upper = agent.to_uppercase();
        let name = format!("(?:^|[^A-Za-z])(?:{agent}|{capital}|{upper})(?:[^a-z]|$)");
        let pattern = crate::pattern(&name);
        let texts = source.texts.iter().filter(|(_, text)| pattern.is_match(text));
        findings.extend(texts.map(|(line, _)| finding(source, *line, format!("a text that names `{agent}`"), REASON)));
        let declaration = format!("mod {agent};");
        let named = code_matches(source, &name, REASON).into_iter();
        let lines: Vec<&str> = source.code.lines().collect();
        findings.extend(named.filter(|found| !lines[found.line - 1].contains(&declaration)));
    }
    findings
}

fn pure_domain(source: &Source) -> Vec<Finding> {
    if source.room() != "domain" {
        return Vec::new();
    }
    code_matches(
        source,
        r"\bstd::(?:fs|process|net|env|thread|time)\b|\bSystemTime\b|\bInstant\b|\b(?:Timestamp|Zoned)::now\b|\btokio\b|\basync\b",
        "the domain is pure: no input or output, no clock, no async; time and chance come in as arguments",
    )
}

fn bare_allow(source: &Source) -> Vec<Finding> {
    code_matches(
        source,
        r"#!?\[allow\(",
        "a lint is silenced with #[expect(lint, reason = …)], which also ends when it is not needed",
    )
}

fn begins_with_docs(source: &Source) -> Vec<Finding> {
    let first = source
        .text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if first.starts_with("//!") {
        return Vec::new();
    }
    vec![finding(
        source,
        1,
        "the file does not begin with `//!`".into(),
        "every file says first what it is for",
    )]
}

fn lengths(source: &Source) -> Vec<Finding> {
    const REASON: &str = "one noun a folder, one verb a file; a function fits into one view";
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    let max = if source.is_test {
        TEST_FILE_LINES_MAX
    } else {
        FILE_LINES_MAX
    };
    if lines > max {
        findings.push(finding(source, 0, format!("{lines} lines, at most {max}"), REASON));
    }
    let function = crate::pattern(r"\bfn\s+(\w+)");
    for found in function.captures_iter(&source.code) {
        let at = found.get(0).unwrap().start();
        let Some(length) = function_lines(&source.code, at) else {
            continue;
        };
        if length > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {length} lines, at most {FUNCTION_LINES_MAX}", &found[1]);
            findings.push(finding(source, line_of(&source.code, at), what, REASON));
        }
    }
    findings
}

/// None for a declaration without a body. A `;` inside of an array type (`[u8; 4]`) does not end it.
fn function_lines(code: &str, at: usize) -> Option<usize> {
    let mut brackets = 0;
    for (i, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets -= 1,
            b';' if brackets == 0 => return None,
            b'{' if brackets == 0 => {
                let end = matching_brace(code, i);
                return Some(line_of(code, end) - line_of(code, at) + 1);
            }
            _ => {}
        }
    }
    None
}

fn code_matches(source: &Source, pattern: &str, reason: &'static str) -> Vec<Finding> {
    let pattern = crate::pattern(pattern);
    let found = pattern.find_iter(&source.code);
    found
        .map(|found| {
            let text = found.as_str();
            let at = found.start() + (text.len() - text.trim_start().len());
            finding(source, line_of(&source.code, at), format!("`{}`", text.trim()), reason)
        })
        .collect()
}

fn begins_with_any(path: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

fn finding(source: &Source, line: usize, what: String, reason: &'static str) -> Finding {
    Finding {
        file: source.path.clone(),
        line,
        what,
        reason,
    }
}
