-- Times are INTEGER microseconds since 1970, UTC. Words (states, kinds) are those of docs/contract.md; they are checked
-- when they are read, so that a later release can add one without rebuilding a table. `seal` is the SHA-256 of a row's
-- content (see seal.rs). `row` keeps the order of insertion.

CREATE TABLE sessions (
    row          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    agent        TEXT NOT NULL,
    policy       TEXT NOT NULL,
    state        TEXT NOT NULL,
    reason_code  TEXT NOT NULL,
    reason_text  TEXT NOT NULL,
    source       TEXT NOT NULL,
    status_since INTEGER NOT NULL,
    launch       INTEGER,
    native_id    TEXT,
    repo         TEXT,
    work_dir     BLOB NOT NULL,
    branch       TEXT,
    channel      TEXT,
    chat_id      INTEGER,
    thread_id    INTEGER,
    chat_seal    BLOB,
    parent       TEXT REFERENCES sessions (id),
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER,
    exit         TEXT,
    removed_at   INTEGER,
    key          TEXT UNIQUE,
    CHECK ((channel IS NULL) = (chat_id IS NULL)),
    CHECK ((channel IS NULL) = (chat_seal IS NULL))
) STRICT;
CREATE UNIQUE INDEX sessions_name ON sessions (name) WHERE removed_at IS NULL;
CREATE INDEX sessions_state ON sessions (state);

CREATE TABLE launches (
    session      TEXT NOT NULL REFERENCES sessions (id),
    no           INTEGER NOT NULL CHECK (no > 0),
    resumed      INTEGER NOT NULL,
    window       TEXT,
    pane         TEXT,
    server_pid   INTEGER,
    server_start INTEGER,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    PRIMARY KEY (session, no)
) STRICT, WITHOUT ROWID;
CREATE INDEX launches_open ON launches (created_at) WHERE ended_at IS NULL;

-- The inbox.
CREATE TABLE turns (
    row         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    session     TEXT NOT NULL REFERENCES sessions (id),
    seq         INTEGER NOT NULL CHECK (seq > 0),
    key         TEXT,
    state       TEXT NOT NULL,
    reason      TEXT,
    text        TEXT NOT NULL,
    stripped    INTEGER NOT NULL,
    origin      TEXT NOT NULL,
    launch      INTEGER,
    created_at  INTEGER NOT NULL,
    typed_at    INTEGER,
    accepted_at INTEGER,
    ended_at    INTEGER,
    final_text  TEXT,
    seal        BLOB NOT NULL,
    UNIQUE (session, seq),
    UNIQUE (session, key)
) STRICT;
CREATE INDEX turns_open ON turns (session, seq) WHERE state IN ('queued', 'held', 'typing', 'typed', 'accepted');

-- What makes a repeated letter one letter.
CREATE TABLE letters (
    session  TEXT NOT NULL REFERENCES sessions (id),
    id       TEXT NOT NULL,
    key      TEXT,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (session, id),
    UNIQUE (session, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX letters_age ON letters (taken_at);

CREATE TABLE asks (
    row        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    session    TEXT NOT NULL REFERENCES sessions (id),
    launch     INTEGER NOT NULL,
    question   TEXT NOT NULL,
    choices    TEXT NOT NULL,
    state      TEXT NOT NULL,
    answer     TEXT,
    opened_at  INTEGER NOT NULL,
    expires_at INTEGER,
    closed_at  INTEGER
) STRICT;
CREATE INDEX asks_open ON asks (session) WHERE state = 'open';

-- The outbox: messages, and the requests that a channel is asked to send for them.
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session    TEXT REFERENCES sessions (id),
    kind       TEXT NOT NULL,
    text       TEXT NOT NULL,
    done       TEXT,
    choices    TEXT NOT NULL,
    files      TEXT NOT NULL,
    channel    TEXT,
    chat_id    INTEGER,
    thread_id  INTEGER,
    reply_to   INTEGER,
    letter     TEXT,
    state      TEXT NOT NULL,
    reason     TEXT,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    read_at    INTEGER,
    seal       BLOB NOT NULL,
    UNIQUE (session, letter),
    CHECK ((channel IS NULL) = (chat_id IS NULL))
) STRICT;
CREATE INDEX messages_session ON messages (session, id);
CREATE INDEX messages_open ON messages (channel, chat_id, id) WHERE state IN ('queued', 'sending', 'unknown');
CREATE INDEX messages_unread ON messages (id) WHERE read_at IS NULL AND kind IN ('reply', 'ask', 'notice');

CREATE TABLE parts (
    message    INTEGER NOT NULL REFERENCES messages (id),
    idx        INTEGER NOT NULL CHECK (idx >= 0),
    body       TEXT NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    not_before INTEGER,
    marked     INTEGER NOT NULL,
    plain      INTEGER NOT NULL,
    sent_id    INTEGER,
    reason     TEXT,
    seal       BLOB NOT NULL,
    PRIMARY KEY (message, idx)
) STRICT, WITHOUT ROWID;

-- Which session a message in a chat belongs to, and which session a chat (thread_id 0: outside of topics) talks to.
CREATE TABLE routes (
    channel    TEXT NOT NULL,
    chat_id    INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    session    TEXT NOT NULL REFERENCES sessions (id),
    seal       BLOB NOT NULL,
    PRIMARY KEY (channel, chat_id, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE bindings (
    channel   TEXT NOT NULL,
    chat_id   INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    session   TEXT NOT NULL REFERENCES sessions (id),
    seal      BLOB NOT NULL,
    PRIMARY KEY (channel, chat_id, thread_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bindings_session ON bindings (session);

CREATE TABLE telegram_updates (
    update_id   INTEGER PRIMARY KEY,
    raw         TEXT,
    received_at INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK (raw IS NOT NULL OR finished_at IS NOT NULL)
) STRICT;
CREATE INDEX telegram_updates_pending ON telegram_updates (update_id) WHERE finished_at IS NULL;

CREATE TABLE telegram_offset (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    next_update  INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    type    TEXT NOT NULL,
    session TEXT,
    data    TEXT NOT NULL
) STRICT;
CREATE INDEX events_session ON events (session, seq) WHERE session IS NOT NULL;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    channel TEXT NOT NULL,
    who     TEXT NOT NULL,
    what    TEXT NOT NULL
) STRICT;
