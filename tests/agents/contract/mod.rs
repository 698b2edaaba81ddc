//! The contract: one set of cases, held by every agent through the real binary, in a home of its own.

mod conversation;
mod keyboard;
mod life;
mod permissions;
mod plans;
mod policies;
mod prompts;
mod questions;
mod speaker;
mod stage;
mod steering;
mod under_test;
mod voice;

/// How often a case repeats: what the contract demands, or fewer with `AGENT_ROUNDS` for a quick look. The bundled agent is quick
/// and repeats all of it.
fn rounds(demanded: usize) -> usize {
    match std::env::var("AGENT_ROUNDS") {
        Ok(text) => text.parse::<usize>().expect("a number").min(demanded),
        Err(_) => demanded,
    }
}

macro_rules! held_by {
    ($agent:ident $(, $attribute:meta)?) => {
        mod $agent {
            held_by!(@cases $agent, [$($attribute)?]:
                first_prompt => super::voice::first_prompt,
                prompts_of_all_kinds => super::prompts::of_all_kinds,
                approved => super::permissions::approved,
                denied => super::permissions::denied,
                stale_approvals => super::permissions::stale,
                policies => super::policies::words,
                own_settings => super::policies::own_settings,
                plans => super::plans::decided,
                questions => super::questions::answered,
                whose_word => super::speaker::whose_word,
                notify_and_nothing_else => super::voice::notify,
                interrupt => super::life::interrupt,
                limited => super::life::limited,
                commands => super::conversation::commands,
                forked => super::conversation::forked,
                vim => super::keyboard::vim,
                login_refused => super::life::login_refused,
                steered => super::steering::steered,
                two_sessions => super::voice::two_sessions,
                stopped_early => super::life::stopped_early,
                killed_agent => super::life::killed_agent,
                killed_tmux => super::life::killed_tmux,
                killed_everything => super::life::killed_everything
            );
        }
    };
    (@cases $agent:ident, $attributes:tt: $($case:ident => $function:path),*) => {
        $(held_by!(@case $agent, $attributes, $case, $function);)*
    };
    (@case $agent:ident, [$($attribute:meta)?], $case:ident, $function:path) => {
        #[test]
        $(#[$attribute])?
        fn $case() {
            $function(stringify!($agent));
        }
    };
}

held_by!(demo);
held_by!(claude, ignore = "needs the real program: script/test-agents");
held_by!(codex, ignore = "needs the real program: script/test-agents");
held_by!(opencode, ignore = "needs the real program: script/test-agents");
held_by!(gemini, ignore = "needs the real program: script/test-agents");
