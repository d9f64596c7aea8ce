-- How far each host has sent each subscription of Windows event forwarding, and when it was last heard.

CREATE TABLE wef_machines (
    subscription TEXT NOT NULL, -- the id of the subscription
    machine TEXT NOT NULL, -- the first name of the host's certificate, in lower case
    bookmarks TEXT NOT NULL DEFAULT '[]', -- [{channel, record_id, current}]
    heard_at INTEGER NOT NULL, -- the last heartbeat or events
    events_at INTEGER, -- the last events
    events INTEGER NOT NULL DEFAULT 0, -- records received
    PRIMARY KEY (subscription, machine)
) STRICT, WITHOUT ROWID;
