//! Where the real programs are: `target/agents/bin`, filled by `script/test-agents` with the pinned packages.

use std::ffi::OsString;
use std::path::PathBuf;

/// The directory of the pinned programs, in which this one must be. Missing is a failure, never a reason to skip.
pub fn bin_with(program: &str) -> PathBuf {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let bin = target.join("agents/bin");
    assert!(
        bin.join(program).exists(),
        "`{program}` is not in {}: run script/test-agents, which installs the pinned packages",
        bin.display()
    );
    bin
}

/// `PATH` with the pinned programs in front.
pub fn path_with(program: &str) -> OsString {
    let mut path = bin_with(program).into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// The same with what an agent's own sandbox is made of. The sandbox also needs `socat`, which `script/bootstrap npm` installs.
pub fn path_with_sandbox(program: &str) -> OsString {
    let sandbox = bin_with(program).with_file_name("sandbox");
    assert!(sandbox.join("bwrap").exists(), "no bwrap in {}", sandbox.display());
    let mut path = sandbox.into_os_string();
    path.push(":");
    path.push(path_with(program));
    path
}

/// Version of the pinned package of an agent, from the manifest.
pub fn pinned_version(agent: &str) -> String {
    let manifest: serde_json::Value =
        serde_json::from_str(include_str!("npm/package.json")).expect("the manifest is JSON");
    let package = match agent {
        "claude" => "@anthropic-ai/claude-code",
        "codex" => "@openai/codex",
        "gemini" => "@google/gemini-cli",
        "opencode" => "opencode-linux-x64",
        other => panic!("no package for `{other}`"),
    };
    manifest["dependencies"][package]
        .as_str()
        .expect("a version")
        .to_owned()
}
