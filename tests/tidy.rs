//! Holds the rules of docs/architecture.md against the text of `src`. Every finding names file, line and the rule's reason.
//!
//! The rules look at text, not at types: they catch what happens by accident, and a reviewer sees what is done on purpose.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/samples.rs"]
mod samples;
#[path = "tidy/source.rs"]
mod source;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use source::Source;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Relative to `src`.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    pub what: String,
    pub reason: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {} ({})", self.file, self.line, self.what, self.reason)
    }
}

/// A compiled pattern; each is compiled once, which in a debug build takes longer than everything else here.
fn pattern(text: &str) -> Regex {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let compiled = known
        .entry(text.to_owned())
        .or_insert_with(|| Regex::new(text).unwrap());
    compiled.clone()
}

#[test]
fn the_rules_hold() {
    // As cargo sets it for the run, not as it was when this was compiled: the binary can look at another checkout.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&root);
    let sources = Source::read_all(&root.join("src"));
    assert!(sources.len() > 20, "only {} files were found", sources.len());
    let architecture = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let table = layers::Table::parse(&architecture);
    let mut findings = table.missing_rooms(&sources);
    for source in &sources {
        findings.extend(table.check(source));
        findings.extend(rules::check(source));
    }
    let told: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), told.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&root);
    let manifest: toml::Table = std::fs::read_to_string(root.join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let tables = ["dependencies", "dev-dependencies"].map(|name| manifest[name].as_table().unwrap());
    let used: BTreeSet<&str> = tables
        .iter()
        .flat_map(|table| table.keys().map(String::as_str))
        .collect();
    let page = std::fs::read_to_string(root.join("docs/decisions/dependencies.md")).unwrap();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named: BTreeSet<&str> = rows.filter(|name| *name != "crate").collect();
    let unnamed: Vec<_> = used.difference(&named).collect();
    let unused: Vec<_> = named.difference(&used).collect();
    assert!(
        unnamed.is_empty() && unused.is_empty(),
        "docs/decisions/dependencies.md lacks {unnamed:?} and has {unused:?} too many"
    );
}

/// A case that `script/test-agents` does not name is never run by a real agent.
#[test]
fn the_real_agents_run_every_case_of_the_contract() {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let root = Path::new(&root);
    let contract = std::fs::read_to_string(root.join("tests/agents/contract/mod.rs")).unwrap();
    let (_, table) = contract
        .split_once("held_by!(@cases $agent, [")
        .expect("the table of cases");
    let rows = table.lines().map_while(|line| match line.trim() {
        ");" => None,
        row => Some(row.split_once(" => ").map(|(case, _)| case)),
    });
    let held: BTreeSet<&str> = rows.flatten().collect();
    let script = std::fs::read_to_string(root.join("script/test-agents")).unwrap();
    let (_, list) = script.split_once("\ncases='").expect("the list of cases");
    let (list, _) = list.split_once('\'').expect("its end");
    let run: BTreeSet<&str> = list.split_whitespace().collect();
    assert!(held.len() > 10, "{held:?}");
    assert_eq!(held, run, "cases of the contract, and what script/test-agents runs");
}
