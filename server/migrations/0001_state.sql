-- State of one server: who may use it, what was judged, what was done about it.
-- Times are microseconds since 1970 in UTC.

CREATE TABLE users (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
    password TEXT NOT NULL, -- PHC string, argon2id
    created_at INTEGER NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sessions (
    digest BLOB PRIMARY KEY, -- BLAKE3 of the token; the token itself is only in the cookie
    user_name TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    detection TEXT NOT NULL,
    severity INTEGER NOT NULL, -- 0 informational … 3 high
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'in_progress', 'closed')),
    classification TEXT CHECK (classification IN ('true_positive', 'benign_true_positive', 'false_positive')),
    assignee TEXT,
    comment TEXT,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL, -- model::Alert as JSON
    words TEXT NOT NULL -- actor, hosts, target and story in lower case, for the text filter
) STRICT;
CREATE INDEX alerts_by_time ON alerts (last_at, id);
CREATE INDEX alerts_by_first ON alerts (first_at, severity);

CREATE TABLE alert_entities (
    entity TEXT NOT NULL, -- the key of an account, host, address or SID, as in event_keys
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    PRIMARY KEY (entity, alert_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE entity_tags (
    entity TEXT PRIMARY KEY, -- objectid
    owned INTEGER NOT NULL DEFAULT 0,
    sensitive INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    read INTEGER NOT NULL DEFAULT 0,
    events INTEGER NOT NULL DEFAULT 0,
    first_event_at INTEGER,
    last_event_at INTEGER,
    dropped TEXT NOT NULL DEFAULT '{}', -- reason → count
    error TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE findings (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL -- model::Finding as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    files TEXT NOT NULL -- [{format, file, size_bytes}]
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_by_time ON reports (created_at, id);
