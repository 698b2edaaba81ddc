//! How fast we may speak: token buckets for the whole bot and for each chat. Waiting is for the caller; here it is only said until
//! when. What the server itself demands (`retry_after`) is stored with the part, and kept here for the chat's other parts.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// A chat's bucket is forgotten when there are more than so many and it is full again.
const CHATS_MAX: usize = 4096;

/// One bucket: `burst` at once, then one each `interval`.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub burst: u32,
    pub interval: Duration,
}

/// The limits of a bot.
#[derive(Debug, Clone, Copy)]
pub struct PaceLimits {
    pub bot: Rate,
    pub private_chat: Rate,
    pub group: Rate,
}

impl PaceLimits {
    /// What Telegram publishes (30/s for a bot, 1/s in a chat with short bursts, 20/min in a group), with room to spare.
    pub const fn telegram() -> Self {
        Self {
            bot: Rate {
                burst: 5,
                interval: Duration::from_millis(40),
            },
            private_chat: Rate {
                burst: 3,
                interval: Duration::from_millis(1000),
            },
            // Burst and refill together stay at 20 in any minute.
            group: Rate {
                burst: 2,
                interval: Duration::from_millis(3334),
            },
        }
    }

    #[cfg(feature = "failpoints")]
    fn faster(mut self, scale: u32) -> Self {
        for rate in [&mut self.bot, &mut self.private_chat, &mut self.group] {
            rate.interval /= scale.max(1);
        }
        self
    }
}

/// The limits in force: Telegram's own. With the cargo feature `failpoints`, `TELECODER_TEST_PACE=N` lets the clock of the limits run
/// N times as fast, as the fake server's does.
pub(super) fn in_force() -> PaceLimits {
    #[cfg(feature = "failpoints")]
    return PaceLimits::telegram().faster(scale());
    #[cfg(not(feature = "failpoints"))]
    PaceLimits::telegram()
}

/// How much faster than the world the clock of the limits runs.
pub(super) fn scale() -> u32 {
    #[cfg(feature = "failpoints")]
    if let Some(scale) = std::env::var("TELECODER_TEST_PACE")
        .ok()
        .and_then(|scale| scale.parse().ok())
    {
        return scale;
    }
    1
}

#[derive(Debug)]
pub(super) struct Pacer {
    limits: PaceLimits,
    bot: Bucket,
    chats: HashMap<i64, Bucket>,
    /// Chats that the server told to pause.
    pauses: HashMap<i64, Instant>,
}

/// A bucket as the time at which it will be full: one number that needs no refilling.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Pacer {
    pub fn new(limits: PaceLimits, now: Instant) -> Self {
        Self {
            limits,
            bot: Bucket { full_at: now },
            chats: HashMap::new(),
            pauses: HashMap::new(),
        }
    }

    /// Takes a token for one request to a chat, or says when there will be one.
    pub fn try_take(&mut self, chat_id: i64, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.pause_of(chat_id, now) {
            return Err(until);
        }
        let rate = self.rate(chat_id);
        let chat = self.chats.get(&chat_id).copied().unwrap_or(Bucket { full_at: now });
        let ready = chat.ready_at(rate, now).max(self.bot.ready_at(self.limits.bot, now));
        if ready > now {
            return Err(ready);
        }
        self.bot.take(self.limits.bot, now);
        self.forget_full(now);
        self.chats
            .entry(chat_id)
            .or_insert(Bucket { full_at: now })
            .take(rate, now);
        Ok(())
    }

    /// Takes a token for a request that counts for the bot only (a reaction), or says when there will be one.
    pub fn try_take_bot(&mut self, chat_id: i64, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.pause_of(chat_id, now) {
            return Err(until);
        }
        let ready = self.bot.ready_at(self.limits.bot, now);
        if ready > now {
            return Err(ready);
        }
        self.bot.take(self.limits.bot, now);
        Ok(())
    }

    /// The server asked for a pause in this chat.
    pub fn pause(&mut self, chat_id: i64, until: Instant) {
        let pause = self.pauses.entry(chat_id).or_insert(until);
        *pause = (*pause).max(until);
    }

    /// A second chat that is told to pause while another one does means that the whole bot is meant: then all wait.
    fn pause_of(&mut self, chat_id: i64, now: Instant) -> Option<Instant> {
        self.pauses.retain(|_, until| *until > now);
        match self.pauses.len() {
            0 => None,
            1 => self.pauses.get(&chat_id).copied(),
            _ => self.pauses.values().max().copied(),
        }
    }

    /// Groups have negative ids.
    fn rate(&self, chat_id: i64) -> Rate {
        if chat_id < 0 {
            self.limits.group
        } else {
            self.limits.private_chat
        }
    }

    fn forget_full(&mut self, now: Instant) {
        if self.chats.len() >= CHATS_MAX {
            self.chats.retain(|_, bucket| bucket.full_at > now);
        }
    }
}

impl Bucket {
    fn ready_at(self, rate: Rate, now: Instant) -> Instant {
        let spare = rate.interval * rate.burst.saturating_sub(1);
        self.full_at.checked_sub(spare).unwrap_or(now).max(now)
    }

    fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as fast as it may for `span`, and returns the times in milliseconds.
    fn times(pacer: &mut Pacer, chats: &[i64], start: Instant, span: Duration) -> Vec<u128> {
        let mut now = start;
        let mut times = vec![];
        while now < start + span {
            let mut next = None;
            for chat in chats {
                match pacer.try_take(*chat, now) {
                    Ok(()) => times.push((now - start).as_millis()),
                    Err(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                }
            }
            if let Some(next) = next {
                assert!(next > now, "a refusal names a later time");
                now = next;
            }
        }
        times
    }

    fn busiest(times: &[u128], window: u128) -> usize {
        (0..times.len())
            .map(|i| times[i..].iter().take_while(|t| **t < times[i] + window).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_private_chat_has_a_short_burst_and_then_one_a_second() {
        let start = Instant::now();
        let mut pacer = Pacer::new(PaceLimits::telegram(), start);
        let times = times(&mut pacer, &[1], start, Duration::from_secs(5));
        assert_eq!(times, [0, 0, 0, 1000, 2000, 3000, 4000]);
    }

    #[test]
    fn a_group_stays_within_twenty_a_minute() {
        let start = Instant::now();
        let mut pacer = Pacer::new(PaceLimits::telegram(), start);
        let times = times(&mut pacer, &[-1], start, Duration::from_secs(300));
        assert!(busiest(&times, 60_000) <= 20);
        assert!(times.len() >= 85);
    }

    #[test]
    fn the_bot_stays_within_thirty_a_second() {
        let start = Instant::now();
        let mut pacer = Pacer::new(PaceLimits::telegram(), start);
        let chats: Vec<i64> = (1..200).collect();
        let times = times(&mut pacer, &chats, start, Duration::from_secs(5));
        assert!(busiest(&times, 1000) <= 30, "{}", busiest(&times, 1000));
        assert!(times.len() >= 120);
    }

    #[test]
    fn a_pause_holds_its_chat_and_two_pauses_hold_all() {
        let start = Instant::now();
        let mut pacer = Pacer::new(PaceLimits::telegram(), start);
        let until = start + Duration::from_secs(7);
        pacer.pause(1, until);
        assert_eq!(pacer.try_take(1, start), Err(until));
        assert_eq!(pacer.try_take(2, start), Ok(()));
        pacer.pause(3, until + Duration::from_secs(1));
        assert_eq!(pacer.try_take(2, start), Err(until + Duration::from_secs(1)));
        assert_eq!(pacer.try_take(2, until + Duration::from_secs(2)), Ok(()));
    }
}
