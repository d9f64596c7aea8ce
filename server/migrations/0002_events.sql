-- The event history: rows to filter by, blocks of compressed JSON to read from, postings by key.

CREATE TABLE event_blocks (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL -- zstd of a JSON array of model::Event
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    digest INTEGER NOT NULL UNIQUE, -- content digest: a repeated delivery changes nothing
    what TEXT NOT NULL,
    block INTEGER NOT NULL REFERENCES event_blocks (id),
    slot INTEGER NOT NULL -- the place in the block
) STRICT;
CREATE INDEX events_by_time ON events (time, id);
CREATE INDEX events_by_what ON events (what, time, id);

CREATE TABLE event_keys (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE -- account:<name>, host:<short name>, address:<ip>, sid:<SID>
) STRICT;

CREATE TABLE event_postings (
    key_id INTEGER NOT NULL,
    time INTEGER NOT NULL,
    event_id INTEGER NOT NULL,
    PRIMARY KEY (key_id, time, event_id)
) STRICT, WITHOUT ROWID;

-- Successful logons of an account by hour of the week (UTC, Monday 00 = 0).
CREATE TABLE logon_hours (
    key_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (key_id, hour)
) STRICT, WITHOUT ROWID;
