-- Incidents, exclusions, suppression of alerts, and what events were stored for.

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    severity INTEGER NOT NULL, -- as in alerts
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    alerts INTEGER NOT NULL, -- how many belong to it
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL -- detections::incident::Incident as JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_by_time ON incidents (last_at, id);

CREATE TABLE incident_alerts (
    alert_id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_alerts_by_incident ON incident_alerts (incident_id);

CREATE TABLE exclusions (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL, -- detections::exclusion::Exclusion as JSON
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    removed_by TEXT,
    removed_at INTEGER
) STRICT, WITHOUT ROWID;

-- Until when new activity leaves a closed alert closed; and how often activity opened it again.
ALTER TABLE alerts ADD COLUMN suppressed_until INTEGER;
ALTER TABLE alerts ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0;
CREATE INDEX alerts_suppressed ON alerts (detection, suppressed_until) WHERE suppressed_until IS NOT NULL;
CREATE INDEX alerts_classified ON alerts (updated_at) WHERE classification IS NOT NULL;

-- 1: the event is history to learn from, also where a crash came before it was.
ALTER TABLE events ADD COLUMN learned INTEGER NOT NULL DEFAULT 0;
