-- What a message is about, so that a channel can put buttons to it: JSON, see domain::message::About.
ALTER TABLE messages ADD COLUMN about TEXT;

-- What should stand at a message that is already there (a reaction, a new text): the last wish wins, and repeating it is harmless.
-- It is open while `wanted` and `done` differ. `shown` is what the channel shows now, where the channel's owner keeps it.
CREATE TABLE marks (
    channel    TEXT NOT NULL,
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    wanted     TEXT NOT NULL,
    done       TEXT,
    shown      TEXT,
    attempts   INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,
    wanted_at  INTEGER NOT NULL,
    PRIMARY KEY (channel, chat_id, message_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_open ON marks (channel, wanted_at) WHERE done IS NOT wanted;

-- A button under a message: what a tap on it does, once for all buttons of the message.
CREATE TABLE buttons (
    id         TEXT PRIMARY KEY,
    message    INTEGER NOT NULL REFERENCES messages (id),
    label      TEXT NOT NULL,
    action     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    used_by    TEXT,
    seal       BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX buttons_message ON buttons (message);

-- Who may talk to us beside those of the configuration. A negative id is a group that is allowed.
CREATE TABLE people (
    channel  TEXT NOT NULL,
    id       INTEGER NOT NULL,
    role     TEXT NOT NULL,
    name     TEXT,
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    seal     BLOB NOT NULL,
    PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;

-- One-time codes; only their SHA-256 is kept.
CREATE TABLE pairings (
    digest     TEXT PRIMARY KEY,
    channel    TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- What is known of a chat: whether it can be written to, how much it wants to hear, what it can do.
CREATE TABLE chats (
    channel     TEXT NOT NULL,
    chat_id     INTEGER NOT NULL,
    unreachable TEXT,
    level       TEXT,
    no_reactions INTEGER NOT NULL DEFAULT 0,
    last_prompt TEXT,
    PRIMARY KEY (channel, chat_id)
) STRICT, WITHOUT ROWID;

-- A session's topic. `thread_id` is null until it is made; `refused` says why it cannot be.
CREATE TABLE topics (
    session   TEXT PRIMARY KEY REFERENCES sessions (id),
    channel   TEXT NOT NULL,
    chat_id   INTEGER NOT NULL,
    thread_id INTEGER,
    refused   TEXT,
    title     TEXT,
    closed    INTEGER NOT NULL DEFAULT 0,
    wanted_at INTEGER NOT NULL,
    not_before INTEGER
) STRICT, WITHOUT ROWID;

-- The one message that shows how a turn goes. `state`: wanted, sending, standing, over.
CREATE TABLE progress (
    turn       TEXT PRIMARY KEY REFERENCES turns (id),
    channel    TEXT NOT NULL,
    chat_id    INTEGER NOT NULL,
    thread_id  INTEGER,
    state      TEXT NOT NULL,
    message_id INTEGER,
    steps      TEXT NOT NULL,
    not_before INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX progress_open ON progress (channel) WHERE state <> 'over';

-- How far a reader of the event log has come.
CREATE TABLE cursors (
    reader TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An edit of a message looks for the prompt that it became.
CREATE INDEX turns_key ON turns (key) WHERE key IS NOT NULL;

-- Whose message it was that became a prompt.
CREATE TABLE senders (
    channel    TEXT NOT NULL,
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    person     INTEGER NOT NULL,
    PRIMARY KEY (channel, chat_id, message_id)
) STRICT, WITHOUT ROWID;
