//! What keeps our secrets ours: private files, no core dumps, no memory for debuggers of the same user.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Everything that we create is for our user only.
pub fn private_files() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}

/// The token and every message pass through our memory: neither a core file nor a debugger gets it.
pub fn no_memory_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Neither can fail for a process on itself; if a kernel says no, the daemon is as useful as before.
    let _ = rustix::process::setrlimit(Resource::Core, none);
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
