//! Which agents there are: the built-in ones and those of `[agents.NAME]`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::claude::ClaudeCode;
use super::codex::CodexAgent;
use super::custom::CustomAgent;
use super::demo::DemoAgent;
use super::gemini::GeminiAgent;
use super::opencode::OpenCodeAgent;
use super::{Adapter, Setup};
use crate::config::AgentConfig;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::text::nearest;

const CUSTOM: &str = "custom";
/// The bundled agent: never chosen unless it is named.
const BUNDLED: &str = "demo";

type Build = fn(&Setup<'_>) -> Result<Arc<dyn Adapter>>;

/// What an agent can be, and at the same time the names that are there without configuration. `auto` tries those before
/// `custom`, in this order. A new adapter is one file and one entry here.
const BUILT_IN: &[(&str, Build)] = &[
    ("claude", |setup| Ok(Arc::new(ClaudeCode::new(setup)?))),
    ("codex", |setup| Ok(Arc::new(CodexAgent::new(setup)?))),
    ("opencode", |setup| Ok(Arc::new(OpenCodeAgent::new(setup)?))),
    ("gemini", |setup| Ok(Arc::new(GeminiAgent::new(setup)?))),
    (BUNDLED, |setup| Ok(Arc::new(DemoAgent::new(setup)))),
];

fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

#[derive(Clone)]
pub struct Registry {
    agents: BTreeMap<String, Arc<dyn Adapter>>,
    /// Names that `auto` tries, in order.
    preferred: Vec<String>,
}

impl Registry {
    /// Errors: `Config`, naming the key, for an agent that is set up wrongly.
    ///
    /// `screens` is where a person may put screen rules of their own.
    pub fn new(configured: &BTreeMap<String, AgentConfig>, screens: Option<&Path>) -> Result<Self> {
        let mut agents = BTreeMap::new();
        let setup = |name, config| Setup { name, config, screens };
        for (name, build) in BUILT_IN {
            if !configured.contains_key(*name) {
                agents.insert((*name).to_owned(), build(&setup(name, None))?);
            }
        }
        for (name, config) in configured {
            check_kind(name, &config.kind)?;
            agents.insert(name.clone(), build(&setup(name, Some(config)), &config.kind)?);
        }
        let real = |kind: &str| kind != BUNDLED;
        let built_in = BUILT_IN
            .iter()
            .filter(|(name, _)| real(name))
            .map(|(name, _)| (*name).to_owned());
        let others = configured
            .iter()
            .filter(|(name, config)| real(&config.kind) && !is_built_in(name))
            .map(|(name, _)| name.clone());
        let preferred = built_in.chain(others).collect();
        Ok(Self { agents, preferred })
    }

    /// The agent of this name. `NotFound` names the nearest and lists all.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Adapter>> {
        if let Some(adapter) = self.agents.get(name) {
            return Ok(adapter.clone());
        }
        let names = self.names();
        let all = names.join(", ");
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(nearest) => format!("Did you mean `{nearest}`? Agents here: {all}, or auto."),
            None => format!("Agents here: {all}, or auto."),
        };
        Err(Fault::new(Kind::NotFound, format!("no agent is named `{name}`")).hint(hint))
    }

    /// What `auto` means here: the first installed real agent in the order of the registry; never the bundled one.
    pub fn auto(&self) -> Result<Arc<dyn Adapter>> {
        let mut candidates = self.preferred.iter().filter_map(|name| self.agents.get(name));
        if let Some(adapter) = candidates.find(|adapter| adapter.locate().is_ok()) {
            return Ok(adapter.clone());
        }
        let message = match self.preferred.as_slice() {
            [] => "no agent is installed".to_owned(),
            names => format!("no agent is installed (looked for {})", names.join(", ")),
        };
        Err(Fault::new(Kind::ProgramMissing, message).hint(
            "Name any program in [agents.NAME] with kind = \"custom\" (docs/agents.md), or try the bundled scripted agent: \
             --agent demo",
        ))
    }

    /// All names, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        self.agents.keys().cloned().collect()
    }
}

impl Default for Registry {
    /// Without any configuration.
    fn default() -> Self {
        Self::new(&BTreeMap::new(), None).expect("the built-in agents need no configuration")
    }
}

fn build(setup: &Setup<'_>, kind: &str) -> Result<Arc<dyn Adapter>> {
    if kind == CUSTOM {
        return Ok(Arc::new(CustomAgent::new(setup)?));
    }
    match BUILT_IN.iter().find(|(built_in, _)| *built_in == kind) {
        Some((_, build)) => build(setup),
        None => Err(unknown_kind(setup.name, kind)),
    }
}

/// A built-in name stands for its own kind only, and `auto` is a word of ours.
fn check_kind(name: &str, kind: &str) -> Result<()> {
    if name == "auto" || (is_built_in(name) && name != kind) {
        return Err(
            Fault::new(Kind::Config, format!("agents.{name}: the name `{name}` is taken")).hint("Choose another name."),
        );
    }
    Ok(())
}

fn unknown_kind(name: &str, kind: &str) -> Fault {
    let kinds: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).chain([CUSTOM]).collect();
    let all = kinds.join(", ");
    let hint = match nearest(kind, kinds) {
        Some(nearest) => format!("Did you mean \"{nearest}\"? Kinds are {all}."),
        None => format!("Kinds are {all}."),
    };
    Fault::new(
        Kind::Config,
        format!("agents.{name}.kind: `{kind}` is not a kind of agent"),
    )
    .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::Evidence;

    fn registry(agents: &[(&str, &str, &str)]) -> Result<Registry> {
        let configured = agents.iter().map(|&(name, kind, command)| {
            let config = AgentConfig {
                kind: kind.into(),
                command: Some(command.into()),
                args: vec![],
                env_file: None,
                pass_env: vec![],
                ready: None,
                evidence: Evidence::None,
            };
            (name.to_owned(), config)
        });
        Registry::new(&configured.collect(), None)
    }

    /// Which real agents are installed differs from machine to machine.
    fn without_built_in(mut registry: Registry) -> Registry {
        registry.preferred.retain(|name| !is_built_in(name));
        registry
    }

    #[track_caller]
    fn fault<T>(result: Result<T>) -> Fault {
        result.err().expect("a fault")
    }

    #[test]
    fn auto_takes_the_first_installed_and_never_the_bundled_one() {
        let missing = fault(without_built_in(Registry::default()).auto());
        assert_eq!(missing.kind, Kind::ProgramMissing);
        assert!(missing.hint.unwrap().contains("--agent demo"));
        let agents = [
            ("zoo", "custom", "sh"),
            ("mine", "custom", "/bin/sh"),
            ("absent", "custom", "no-such-program-here"),
            ("another", "demo", ""),
        ];
        let registry = |agents| without_built_in(registry(agents).unwrap());
        assert_eq!(registry(&agents).auto().unwrap().name(), "mine");
        let missing = fault(registry(&agents[2..]).auto());
        assert_eq!(missing.message, "no agent is installed (looked for absent)");
    }

    #[test]
    fn an_unknown_name_brings_the_nearest_and_all() {
        let registry = registry(&[("mine", "custom", "sh")]).unwrap();
        let names = registry.names();
        assert!(names.contains(&"demo".into()) && names.contains(&"mine".into()));
        assert_eq!(registry.get("mine").unwrap().name(), "mine");
        let fault = fault(registry.get("demmo"));
        assert_eq!(fault.kind, Kind::NotFound);
        let all = names.join(", ");
        assert_eq!(
            fault.hint.unwrap(),
            format!("Did you mean `demo`? Agents here: {all}, or auto.")
        );
    }

    #[test]
    fn wrong_kinds_are_config_errors() {
        let kind = fault(registry(&[("mine", "costum", "sh")]));
        assert_eq!(kind.kind, Kind::Config);
        assert_eq!(kind.message, "agents.mine.kind: `costum` is not a kind of agent");
        assert!(kind.hint.unwrap().starts_with("Did you mean \"custom\"?"));
        assert_eq!(fault(registry(&[("demo", "custom", "sh")])).kind, Kind::Config);
        assert_eq!(fault(registry(&[("auto", "custom", "sh")])).kind, Kind::Config);
    }
}
