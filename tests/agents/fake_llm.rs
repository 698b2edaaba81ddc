//! The fake provider by hand: `cargo run --example fake-llm -- [PORT [LOG_DIR]]`. Its first line says where it listens.

#[expect(dead_code, reason = "a person looks at the log and does not ask the server")]
#[path = "llm/mod.rs"]
mod llm;

use std::path::PathBuf;

#[expect(clippy::print_stdout, reason = "whoever starts it waits for this line")]
fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let log_dir = args.next().map(PathBuf::from);
    let server = llm::FakeLlm::start_on(port, log_dir.as_deref())?;
    println!("LISTENING {}", server.url());
    server.serve_for_ever();
    Ok(())
}
