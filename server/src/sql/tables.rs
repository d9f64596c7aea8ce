//! The tables that SQL sees, and how each is filled. Times are text in ISO 8601 (UTC), so that they compare as they read and
//! SQLite's date functions take them.

use std::path::Path;

use anyhow::Result;
use hopwatch_graph::{Estate, NodeFlags, NodeId};
use hopwatch_model::edge::Origin;
use hopwatch_model::{Account, Event, Host, Outcome, Timestamp};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::Question;
use crate::estate_file;
use crate::store::{AlertFilter, EventHistory as _, PageRequest, Store, StoredAlert, StoredEvent};

/// Rows handed to SQLite at once.
const BATCH: u32 = 4096;

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub meaning: &'static str,
    /// Its columns with their meanings.
    pub columns: &'static [(&'static str, &'static str)],
}

impl Table {
    pub(super) fn definition(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("CREATE TABLE {} ({})", self.name, columns.join(", "))
    }

    fn insertion(&self) -> String {
        let values: Vec<String> = (0..self.columns.len()).map(|index| format!("value ->> {index}")).collect();
        format!("INSERT INTO {} SELECT {} FROM json_each(?)", self.name, values.join(", "))
    }
}

/// Every table.
pub const TABLES: &[Table] = &[
    Table {
        name: "events",
        meaning: "an event of the history",
        columns: &[
            ("id", "its id: the content digest in hexadecimal"),
            ("time", "when it happened"),
            ("what", "the kind of activity: `tgs_exchange`, `logon` …"),
            ("actor", "who acted"),
            ("actor_domain", "the actor's domain or realm"),
            ("actor_sid", "the actor's SID"),
            ("source_host", "the client's name"),
            ("source_address", "the client's address"),
            ("target_host", "the server's name"),
            ("target_address", "the server's address"),
            ("outcome", "`success`, `failure` or `unseen`"),
            ("code", "the protocol's code of a failure"),
            ("event_id", "the Windows event id"),
            ("reporter", "the host whose log it is"),
            ("origin", "file, channel, sensor or listener"),
            ("record", "the place in it"),
            ("activity", "all fields of the activity, as JSON: `activity ->> 'sname'`"),
        ],
    },
    Table {
        name: "alerts",
        meaning: "a judgement about activity",
        columns: &[
            ("id", "its id"),
            ("detection", "the detection's slug"),
            ("severity", "`high`, `medium`, `low`, `informational`"),
            ("first_time", "the time of the earliest evidence"),
            ("last_time", "the time of the latest evidence"),
            ("state", "`open`, `in_progress`, `closed`"),
            ("actor", "who acted"),
            ("source_host", "from where"),
            ("target_host", "to which host"),
            ("target", "to what else"),
            ("score", "0 to 100"),
            ("events", "how many events belong to it"),
            ("explanation", "the story in a sentence"),
        ],
    },
    Table {
        name: "findings",
        meaning: "a judgement about posture",
        columns: &[
            ("detection", "the finding's slug"),
            ("severity", "`high`, `medium`, `low`, `informational`"),
            ("title", "what is weak"),
            ("exposed", "the objectids, as JSON"),
            ("remediation", "what to do"),
        ],
    },
    Table {
        name: "sources",
        meaning: "a file or a listener that was read",
        columns: &[
            ("name", "its name"),
            ("kind", "its kind"),
            ("read", "records read"),
            ("events", "events made"),
            ("first_time", "the time of its earliest event"),
            ("last_time", "the time of its latest event"),
            ("dropped", "what was lost by reason, as JSON"),
            ("error", "why it stopped, where it did"),
        ],
    },
    Table {
        name: "nodes",
        meaning: "an object of the graph",
        columns: &[
            ("id", "its objectid"),
            ("kind", "`User`, `Computer`, `Group` …"),
            ("name", "its name"),
            ("tier_zero", "1 where it belongs to Tier Zero"),
            ("first_seen", "when it was first reported"),
            ("last_seen", "when it was last reported"),
            ("exists_now", "1 where it is not removed"),
            ("properties", "all properties, as JSON: `properties ->> 'samaccountname'`"),
        ],
    },
    Table {
        name: "edges",
        meaning: "an edge of the graph",
        columns: &[
            ("source", "the objectid from which it leads"),
            ("kind", "`MemberOf`, `AdminTo`, `HasSession` …"),
            ("target", "the objectid to which it leads"),
            ("origin", "`raw` as a source reported it, `derived` as it was computed"),
            ("traversable", "1 where it carries an attacker on"),
            ("first_seen", "when it was first reported"),
            ("last_seen", "when it was last reported"),
            ("count", "how often it was reported"),
            ("confidence", "how sure, in percent"),
            ("holds_now", "1 where it holds"),
        ],
    },
];

/// Fills a table from the data folder.
pub(super) async fn fill(
    table: &Table,
    data_dir: &Path,
    store: &Store,
    question: &Question,
    scratch: &mut SqliteConnection,
) -> Result<()> {
    match table.name {
        "events" => events(table, store, question, scratch).await,
        "alerts" => alerts(table, store, scratch).await,
        "findings" => {
            let rows = store.findings().await?.into_iter().map(|finding| {
                let exposed = json!(finding.exposed).to_string();
                json!([finding.detection, finding.severity, finding.title, exposed, finding.remediation])
            });
            put(table, scratch, rows.collect()).await
        }
        "sources" => {
            let rows = store.sources().await?.into_iter().map(|source| {
                let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
                let (first, last) = (time(source.first_event_at), time(source.last_event_at));
                let dropped = json!(source.dropped).to_string();
                json!([source.name, source.kind, source.read, source.events, first, last, dropped, source.error])
            });
            put(table, scratch, rows.collect()).await
        }
        "nodes" => nodes(table, &estate_file::load(data_dir)?, scratch).await,
        _ => edges(table, &estate_file::load(data_dir)?, scratch).await,
    }
}

async fn put(table: &Table, scratch: &mut SqliteConnection, rows: Vec<Value>) -> Result<()> {
    let text = Value::Array(rows).to_string();
    sqlx::query(AssertSqlSafe(table.insertion())).bind(text).execute(scratch).await?;
    Ok(())
}

async fn events(table: &Table, store: &Store, question: &Question, scratch: &mut SqliteConnection) -> Result<()> {
    let history = store.events();
    let (mut time, mut row) = (question.since.unwrap_or(Timestamp::MIN), -1);
    loop {
        let mut batch = history.replay(time, row, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        (time, row) = (last.event.time, last.row);
        let read = batch.len();
        batch.retain(|stored| question.until.is_none_or(|until| stored.event.time < until));
        let ended = batch.len() < read;
        put(table, scratch, batch.iter().map(event).collect()).await?;
        if ended {
            return Ok(());
        }
    }
}

fn event(StoredEvent { id, event, .. }: &StoredEvent) -> Value {
    let Event { time, provenance, actor, source, target, outcome, activity } = event;
    let word = match outcome {
        Outcome::Success => "success",
        Outcome::Failure(_) => "failure",
        Outcome::Unseen => "unseen",
    };
    json!([
        id,
        time.to_string(),
        activity.name(),
        actor.as_ref().map(|actor| &actor.name),
        actor.as_ref().and_then(|actor| actor.domain.as_ref()),
        actor.as_ref().and_then(|actor| actor.sid.as_ref().map(ToString::to_string)),
        source.as_ref().and_then(|host| host.name.as_ref()),
        source.as_ref().and_then(|host| host.address),
        target.as_ref().and_then(|host| host.name.as_ref()),
        target.as_ref().and_then(|host| host.address),
        word,
        outcome.code(),
        provenance.event_id,
        provenance.reporter,
        provenance.source,
        provenance.record.to_string(),
        json!(activity).to_string(),
    ])
}

async fn alerts(table: &Table, store: &Store, scratch: &mut SqliteConnection) -> Result<()> {
    let filter = AlertFilter::default();
    let mut request = PageRequest::first(BATCH);
    loop {
        let page = store.alerts(&filter, &request).await?;
        put(table, scratch, page.rows.iter().map(alert).collect()).await?;
        match page.rows.last().filter(|_| page.next) {
            Some(last) => request.after = Some((last.alert.last_at.as_micros(), last.id.clone())),
            None => return Ok(()),
        }
    }
}

fn alert(stored: &StoredAlert) -> Value {
    let alert = &stored.alert;
    let account = |account: &Account| account.key();
    let host = |host: &Host| host.label();
    json!([
        stored.id,
        alert.detection,
        alert.severity,
        alert.first_at.to_string(),
        alert.last_at.to_string(),
        stored.state,
        alert.actor.as_ref().map(account),
        alert.source.as_ref().map(host),
        alert.target_host.as_ref().map(host),
        alert.target,
        alert.score,
        alert.events,
        alert.explanation,
    ])
}

async fn nodes(table: &Table, estate: &Estate, scratch: &mut SqliteConnection) -> Result<()> {
    let snapshot = estate.snapshot(None);
    let row = |(id, node): (NodeId, &hopwatch_graph::Node)| {
        json!([
            node.id,
            node.kind.name(),
            node.label(),
            u8::from(snapshot.flags(id).has(NodeFlags::TIER_ZERO)),
            node.first_seen.to_string(),
            node.last_seen.to_string(),
            u8::from(node.existed(None)),
            json!(node.properties).to_string(),
        ])
    };
    chunked(table, scratch, estate.nodes().map(row)).await
}

async fn edges(table: &Table, estate: &Estate, scratch: &mut SqliteConnection) -> Result<()> {
    let id = |node| estate.node(node).map(|node| node.id.as_str()).unwrap_or_default();
    let row = |(_, edge): (_, &hopwatch_graph::Edge)| {
        let origin = if edge.origin == Origin::Raw { "raw" } else { "derived" };
        json!([
            id(edge.key.source),
            edge.key.kind.name(),
            id(edge.key.target),
            origin,
            u8::from(edge.key.kind.traversable()),
            edge.first_seen.to_string(),
            edge.last_seen.to_string(),
            edge.count,
            edge.confidence,
            u8::from(edge.held(None)),
        ])
    };
    chunked(table, scratch, estate.edges().map(row)).await
}

async fn chunked(table: &Table, scratch: &mut SqliteConnection, rows: impl Iterator<Item = Value>) -> Result<()> {
    let batch = usize::try_from(BATCH)?;
    let mut waiting = Vec::with_capacity(batch);
    for row in rows {
        waiting.push(row);
        if waiting.len() >= batch {
            put(table, scratch, std::mem::take(&mut waiting)).await?;
        }
    }
    put(table, scratch, waiting).await
}
