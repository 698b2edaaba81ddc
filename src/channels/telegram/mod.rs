//! Telegram: the Bot API through teloxide.
