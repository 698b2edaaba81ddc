-- Dialogs that agents show. At most one of a session is open. `dialog` is the whole of it as JSON; `answer` is stored before the
-- key is pressed.
CREATE TABLE dialogs (
    row       INTEGER PRIMARY KEY,
    session   TEXT NOT NULL REFERENCES sessions (id),
    launch    INTEGER NOT NULL,
    digest    TEXT NOT NULL,
    dialog    TEXT NOT NULL,
    state     TEXT NOT NULL,
    seen      INTEGER NOT NULL,
    answer    TEXT,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX dialogs_open ON dialogs (session) WHERE state = 'open';

-- The dialog that a message shows: its answer is bound to it.
ALTER TABLE messages ADD COLUMN dialog TEXT;
