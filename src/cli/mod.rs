//! (to be written)

pub mod hook;
pub mod log_writer;
pub mod notify;
pub mod shim;
