-- Sigma rules that users brought.

CREATE TABLE sigma_rules (
    id TEXT PRIMARY KEY, -- the rule's own id, else a digest of its title
    title TEXT NOT NULL,
    yaml TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 0,
    added_by TEXT NOT NULL,
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
