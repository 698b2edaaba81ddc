//! Every tap is answered soon, whatever happens: until then the button turns its wheel, and nobody knows whether it was felt. The
//! deed may take longer than the answer may; then the answer says so, and the message tells the rest.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::channels::telegram::{ActEnd, Client};

/// The words of the deed have to be there by then.
const WORDS_LIMIT: Duration = Duration::from_millis(2000);
/// And the answer has to be out by then.
const ANSWER_LIMIT: Duration = Duration::from_millis(2900);
/// Pause before an answer is tried again.
const AGAIN_PAUSE: Duration = Duration::from_millis(100);
/// An answer holds at most so many characters.
const WORDS_CHARS_MAX: usize = 200;
const LATE: &str = "Working on it; the message will say.";

#[derive(Default)]
pub struct Answers {
    open: Mutex<HashMap<String, oneshot::Sender<String>>>,
}

impl Answers {
    /// From here on the tap will be answered.
    pub fn begin(&self, client: &Client, tracker: &TaskTracker, tap: &str) {
        let (words, spoken) = oneshot::channel();
        self.lock().insert(tap.to_owned(), words);
        let (client, tap) = (client.clone(), tap.to_owned());
        let began = Instant::now();
        tracker.spawn(async move {
            let words = match tokio::time::timeout(WORDS_LIMIT, spoken).await {
                Ok(Ok(words)) => words,
                Ok(Err(_)) | Err(_) => LATE.to_owned(),
            };
            let answering = async {
                while let ActEnd::Again(_) = client.answer_tap(&tap, &words).await {
                    tokio::time::sleep(AGAIN_PAUSE).await;
                }
            };
            let _ = tokio::time::timeout_at(began + ANSWER_LIMIT, answering).await;
        });
    }

    /// What the person is shown. The first words count.
    pub fn say(&self, tap: &str, words: &str) {
        if let Some(open) = self.lock().remove(tap) {
            let words: String = words.chars().take(WORDS_CHARS_MAX).collect();
            let _ = open.send(words);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<String>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
