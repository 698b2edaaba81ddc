//! The server's limits: 30 requests a second in all, 1 a second in a chat with short bursts, 20 a minute in a group. A client that
//! keeps to them never hears of them, so every overrun is a violation.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Requests that count in their chat.
const IN_CHAT: [&str; 8] = [
    "sendMessage",
    "sendDocument",
    "sendPhoto",
    "sendRichMessage",
    "sendMessageDraft",
    "editMessageText",
    "editMessageReplyMarkup",
    "deleteMessage",
];
const FREE: [&str; 3] = ["getUpdates", "answerCallbackQuery", "getFile"];

pub struct Rates {
    /// How much faster than the world the limits' clock runs.
    scale: u32,
    bot: Option<Bucket>,
    chats: HashMap<i64, Bucket>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    at: Instant,
}

impl Rates {
    pub fn new(scale: u32) -> Self {
        Self {
            scale,
            bot: None,
            chats: HashMap::new(),
        }
    }

    /// What is overrun by this request, if anything is.
    pub fn overrun(&mut self, method: &str, chat: Option<i64>) -> Option<String> {
        if FREE.contains(&method) {
            return None;
        }
        let (now, scale) = (Instant::now(), f64::from(self.scale));
        if !take(
            self.bot.get_or_insert(Bucket { level: 0.0, at: now }),
            now,
            scale,
            30.0,
            30.0,
        ) {
            return Some("more than 30 requests a second".into());
        }
        let chat = chat.filter(|_| IN_CHAT.contains(&method))?;
        let (burst, rate) = if chat < 0 { (20.0, 20.0 / 60.0) } else { (5.0, 1.0) };
        let bucket = self.chats.entry(chat).or_insert(Bucket { level: 0.0, at: now });
        (!take(bucket, now, scale, burst, rate)).then(|| format!("too many requests in chat {chat}"))
    }
}

/// A leaking bucket: `rate` a second leak out, `burst` fit in.
fn take(bucket: &mut Bucket, now: Instant, scale: f64, burst: f64, rate: f64) -> bool {
    let passed = now.saturating_duration_since(bucket.at) + Duration::ZERO;
    bucket.level = (bucket.level - passed.as_secs_f64() * scale * rate).max(0.0);
    bucket.at = now;
    // The bucket is measured before the request goes in.
    if bucket.level + 1.0 > burst + 0.5 {
        return false;
    }
    bucket.level += 1.0;
    true
}
