//! A provider of models for tests: one loopback server that speaks Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and
//! Gemini, so that the real agents work without a network and without an account.
//!
//! It is strict: a request that the real provider would refuse gets the provider's refusal and is kept as a violation, which a test
//! treats as a failure. It is scripted by the prompt itself (`script`), and it remembers which prompts reached the model.

mod anthropic;
mod chat;
mod failure;
mod gemini;
mod responses;
mod schema;
mod script;
mod serve;
mod talk;
#[cfg(test)]
mod tests;
mod world;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use world::World;

pub use world::Exchange;

/// The running server; it ends when this is dropped.
pub struct FakeLlm {
    address: SocketAddr,
    world: Arc<World>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl FakeLlm {
    /// A server on a free port, which keeps what it saw in memory only.
    pub fn start() -> Self {
        Self::start_on(0, None).expect("a loopback port")
    }

    /// A server on this port (0: any that is free), which also writes what it saw into `log_dir`.
    pub fn start_on(port: u16, log_dir: Option<&Path>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(log_dir)?);
        let stop = CancellationToken::new();
        let thread = serve::spawn(listener, Arc::clone(&world), stop.clone());
        Ok(Self {
            address,
            world,
            stop,
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request for an answer so far, in the order of their arrival.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.world.exchanges()
    }

    /// What was refused because no provider would have taken it.
    pub fn violations(&self) -> Vec<String> {
        self.world.violations()
    }

    /// Lets every answer go that waits, or will wait, for this name (`llm: wait NAME`).
    pub fn release(&self, name: &str) {
        self.world.release(name);
    }

    /// Serves until the process is ended.
    pub fn serve_for_ever(mut self) {
        if let Some(thread) = self.thread.take() {
            // A server that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for FakeLlm {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // The same: nothing is added by a second panic in a destructor.
            let _ = thread.join();
        }
    }
}
