//! The runner: real processes in a real terminal, through the built binary.

mod launch;
mod pty;

mod notify;
mod shim;
mod shim_end;
