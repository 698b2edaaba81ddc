//! Threads that work off a queue. SQLite blocks, so its connections live on threads of their own, not on the runtime's.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use crate::domain::fault::{Fault, Kind, Result};

/// Work that may wait in a queue before senders have to.
const QUEUE_MAX: usize = 1024;

/// A queue with the threads that work it off. Dropping it lets them finish what is queued, and waits for them.
pub(super) struct Threads<J> {
    queue: Option<mpsc::Sender<J>>,
    threads: Vec<JoinHandle<()>>,
}

/// The receiving end, shared by the threads of one queue: whoever is free takes the next job.
pub(super) struct Jobs<J>(Arc<Mutex<mpsc::Receiver<J>>>);

impl<J: Send + 'static> Threads<J> {
    /// Starts one thread for each of `works`.
    pub(super) fn start<W>(name: &str, works: impl IntoIterator<Item = W>) -> Result<Self>
    where
        W: FnOnce(Jobs<J>) + Send + 'static,
    {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for work in works {
            let jobs = Jobs(Arc::clone(&receiver));
            let thread = std::thread::Builder::new()
                .name(name.into())
                .spawn(move || work(jobs))
                .map_err(|e| Fault::io("starting a thread of the store", &e))?;
            threads.push(thread);
        }
        Ok(Self {
            queue: Some(queue),
            threads,
        })
    }

    /// Puts a job into the queue; waits while the queue is full.
    pub(super) async fn hand(&self, job: J) -> Result<()> {
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(job).await.map_err(|_| ended())
    }
}

impl<J> Drop for Threads<J> {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            // The last handle may be dropped by a job, on the very thread that would have to be waited for.
            if thread.thread().id() != std::thread::current().id() {
                // A thread that panicked has nothing left to finish.
                let _ = thread.join();
            }
        }
    }
}

impl<J> Jobs<J> {
    /// The next job; none when the queue was dropped and is empty.
    pub(super) fn next(&self) -> Option<J> {
        self.receiver().blocking_recv()
    }

    /// A job that waits already.
    pub(super) fn waiting(&self) -> Option<J> {
        self.receiver().try_recv().ok()
    }

    fn receiver(&self) -> std::sync::MutexGuard<'_, mpsc::Receiver<J>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer for work whose thread is gone.
pub(super) fn ended() -> Fault {
    Fault::new(Kind::Failure, "the store has ended")
}
