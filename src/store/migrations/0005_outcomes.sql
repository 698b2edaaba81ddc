-- Which end of a turn has its outcome. NULL: none yet. What ended before this release gets none.
ALTER TABLE turns ADD COLUMN outcome_of TEXT;
UPDATE turns SET outcome_of = state;
CREATE INDEX turns_without_outcome ON turns (session, seq)
    WHERE ended_at IS NOT NULL AND typed_at IS NOT NULL AND outcome_of IS NOT state;

-- What a session was asked to work on, and how: JSON, see domain/work.rs.
CREATE TABLE works (
    session TEXT PRIMARY KEY REFERENCES sessions (id),
    data    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What came of turns, of checks that were asked for, and of sessions that ended by themselves. `stage` is `checking` while
-- checks run, else `whole`. `ending` is the end of the session for an entry of the last kind.
CREATE TABLE outcomes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session    TEXT NOT NULL REFERENCES sessions (id),
    turn       TEXT UNIQUE REFERENCES turns (id),
    ending     INTEGER,
    stage      TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    headline   TEXT NOT NULL,
    detail     TEXT NOT NULL,
    round      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    acked_at   INTEGER,
    UNIQUE (session, ending)
) STRICT;
CREATE INDEX outcomes_session ON outcomes (session, id);
CREATE INDEX outcomes_unseen ON outcomes (id) WHERE acked_at IS NULL;
CREATE INDEX outcomes_checking ON outcomes (id) WHERE stage = 'checking';

-- The pull request (or the pushed branch) of a session: one, always.
CREATE TABLE publications (
    session    TEXT PRIMARY KEY REFERENCES sessions (id),
    data       TEXT NOT NULL,
    open       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX publications_open ON publications (updated_at) WHERE open = 1;

-- What came in about a pull request; (session, key) makes a repeated one no news.
CREATE TABLE news (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session    TEXT NOT NULL REFERENCES sessions (id),
    key        TEXT NOT NULL,
    number     INTEGER NOT NULL,
    author     TEXT NOT NULL,
    what       TEXT NOT NULL,
    text       TEXT NOT NULL,
    url        TEXT,
    created_at INTEGER NOT NULL,
    acked_at   INTEGER,
    UNIQUE (session, key)
) STRICT;
CREATE INDEX news_unseen ON news (id) WHERE acked_at IS NULL;

-- Files of repositories that name commands, and that a person has read and allowed: by the digest of their content.
CREATE TABLE trusted (
    repo       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (repo, digest)
) STRICT, WITHOUT ROWID;

-- Ends of before are known and seen.
INSERT INTO outcomes (session, ending, stage, verdict, headline, detail, round, created_at, acked_at)
    SELECT id, ended_at, 'whole', 'failed', reason_text, '{}', 0, ended_at, ended_at FROM sessions
    WHERE state IN ('failed', 'lost') AND ended_at IS NOT NULL;
