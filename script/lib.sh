# Sourced by the scripts beside it; does nothing by itself. POSIX sh.

# One line for each argument.
say() {
    printf '%s\n' "$@" >&2
}

# Says why, and a way out where there is one, and ends.
die() {
    say "$@"
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# The `rust-version` of Cargo.toml.
rust_wanted() {
    sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml
}

# at_least WANTED FOUND: whether version FOUND (a.b.c) is WANTED (a.b) or newer.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)" = "$1" ]
}

# Whether the cargo and rustc that would run now are new enough.
rust_is_ready() {
    has cargo && has rustc || return 1
    found=$(rustc --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1)
    [ -n "$found" ] && at_least "$(rust_wanted)" "$found"
}

# Finds Rust where rustup puts it, and prefers a toolchain of our version where the default one is older.
use_rust() {
    cargo_bin=${CARGO_HOME:-$HOME/.cargo}/bin
    case ":$PATH:" in
        *":$cargo_bin:"*) ;;
        *) if [ -x "$cargo_bin/cargo" ] && ! rust_is_ready; then PATH=$cargo_bin:$PATH; fi ;;
    esac
    if ! rust_is_ready && has rustup && rustup run "$(rust_wanted)" rustc --version >/dev/null 2>&1; then
        RUSTUP_TOOLCHAIN=$(rust_wanted)
        export RUSTUP_TOOLCHAIN
    fi
    export PATH
}
