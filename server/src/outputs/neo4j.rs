//! A mirror of the graph in Neo4j with BloodHound's labels and relationship types, so that published Cypher works on it.
//!
//! Nodes are `:Base:<Kind>` with the key `objectid`; edges have their kind as type. The database is the mirror's own: a
//! run sets every property anew and deletes what it wrote before and the graph no longer holds, told by the stamp
//! [`STAMP`]. What others wrote without the stamp stays. A run may be repeated or taken up after a failure at any time.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hopwatch_graph::{Hop, NodeFlags, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};
use neo4rs::{BoltType, ConfigBuilder, Graph, Query, query};

use crate::clock;
use crate::config::Neo4j;

/// The property by which the mirror knows what it wrote: the time of the run in microseconds.
pub const STAMP: &str = "hopwatch_generation";
/// Attempts of a batch: a leader election or a restart of the server is over within their waits.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Rows deleted in a transaction.
const DELETE_ROWS: i64 = 10_000;

/// What a run wrote and deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// Nodes written, by kind.
    pub nodes: BTreeMap<&'static str, u64>,
    /// Edges written, by kind.
    pub edges: BTreeMap<&'static str, u64>,
    /// Edges that were gone.
    pub edges_deleted: u64,
    /// Nodes that were gone.
    pub nodes_deleted: u64,
    /// Batches that had to be tried again.
    pub retries: u64,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file with the password cannot be read.
    #[error("cannot read the file with the password")]
    Password(#[source] std::io::Error),
    /// The server cannot be reached or refuses.
    #[error("neo4j failed while {doing}")]
    Server {
        /// What was under way.
        doing: String,
        /// Why.
        #[source]
        source: Box<neo4rs::Error>,
    },
}

/// Mirrors a snapshot.
///
/// # Errors
/// Where the server cannot be reached, or a batch fails at every attempt. What was written stays; the next run completes
/// it.
pub async fn mirror(config: &Neo4j, snapshot: &Snapshot) -> Result<Mirrored, Error> {
    let generation = clock::now().as_micros();
    let mut run = Run { graph: connect(config)?, generation, batch: config.batch, done: Mirrored::default() };
    run.prepare().await?;
    run.nodes(snapshot).await?;
    run.edges(snapshot).await?;
    run.done.edges_deleted = run.delete("MATCH ()-[gone]->()", "DELETE").await?;
    run.done.nodes_deleted = run.delete("MATCH (gone:Base)", "DETACH DELETE").await?;
    Ok(run.done)
}

/// A connection to the server of a configuration; it is made when it is first used.
///
/// # Errors
/// Where the address is none, or the password cannot be read.
pub fn connect(config: &Neo4j) -> Result<Graph, Error> {
    let password = match &config.password_file {
        Some(path) => std::fs::read_to_string(path).map_err(Error::Password)?.trim().to_owned(),
        None => String::new(),
    };
    let builder = ConfigBuilder::default().uri(&config.uri).user(&config.user).password(password);
    let built = builder.db(config.database.as_str()).max_connections(2).build();
    built.and_then(Graph::connect).map_err(|source| fault("connecting", source))
}

struct Run {
    graph: Graph,
    generation: i64,
    batch: usize,
    done: Mirrored,
}

impl Run {
    /// Without the constraint a MERGE scans every node.
    async fn prepare(&mut self) -> Result<(), Error> {
        for text in [
            "CREATE CONSTRAINT hopwatch_base_objectid IF NOT EXISTS FOR (n:Base) REQUIRE n.objectid IS UNIQUE",
            "CREATE INDEX hopwatch_base_name IF NOT EXISTS FOR (n:Base) ON (n.name)",
        ] {
            self.attempt("preparing", || query(text)).await?;
        }
        self.attempt("waiting for indexes", || query("CALL db.awaitIndexes(300)")).await
    }

    async fn nodes(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let mut by_kind: BTreeMap<NodeKind, Vec<NodeId>> = BTreeMap::new();
        for id in snapshot.nodes() {
            by_kind.entry(snapshot.kind(id)).or_default().push(id);
        }
        let labels: Vec<&str> =
            NodeKind::ALL.iter().filter(|kind| **kind != NodeKind::Base).map(|kind| kind.name()).collect();
        let former = labels.join(":");
        for (kind, ids) in by_kind {
            let label = if kind == NodeKind::Base { String::new() } else { format!(" SET n:{}", kind.name()) };
            let text = format!(
                "UNWIND $rows AS row MERGE (n:Base {{objectid: row.id}}) REMOVE n:{former}{label} SET n = row.properties"
            );
            for chunk in ids.chunks(self.batch) {
                let rows: Vec<BoltType> = chunk.iter().map(|id| self.node(snapshot, *id)).collect();
                self.write(&format!("writing nodes {}", kind.name()), &text, rows).await?;
                *self.done.nodes.entry(kind.name()).or_default() += count(chunk.len());
            }
        }
        Ok(())
    }

    async fn edges(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let mut by_kind: BTreeMap<EdgeKind, Vec<Hop>> = BTreeMap::new();
        for hop in snapshot.nodes().flat_map(|id| snapshot.outgoing(id)) {
            by_kind.entry(hop.kind).or_default().push(hop);
        }
        for (kind, hops) in by_kind {
            let text = format!(
                "UNWIND $rows AS row MATCH (s:Base {{objectid: row.source}}) MATCH (t:Base {{objectid: row.target}}) \
                 MERGE (s)-[r:{}]->(t) SET r = row.properties",
                kind.name()
            );
            for chunk in hops.chunks(self.batch) {
                let rows: Vec<BoltType> = chunk.iter().map(|hop| self.edge(snapshot, hop)).collect();
                self.write(&format!("writing edges {}", kind.name()), &text, rows).await?;
                *self.done.edges.entry(kind.name()).or_default() += count(chunk.len());
            }
        }
        Ok(())
    }

    fn node(&self, snapshot: &Snapshot, id: NodeId) -> BoltType {
        let node = snapshot.node(id);
        let mut properties: HashMap<String, BoltType> = HashMap::new();
        for (name, value) in node.into_iter().flat_map(|node| &node.properties) {
            properties.insert(name.clone(), bolt(value));
        }
        let object_id = node.map(|node| node.id.clone()).unwrap_or_default();
        let flags = snapshot.flags(id);
        let tags = [(NodeFlags::TIER_ZERO, "admin_tier_0"), (NodeFlags::OWNED, "owned")];
        let tags: Vec<&str> = tags.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, tag)| tag).collect();
        properties.insert("system_tags".into(), tags.join(" ").into());
        if let Some(node) = node {
            properties.insert("firstseen".into(), node.first_seen.to_string().into());
            properties.insert("lastseen".into(), node.last_seen.to_string().into());
        }
        properties.insert("objectid".into(), object_id.clone().into());
        properties.insert(STAMP.into(), self.generation.into());
        row([("id", object_id.into()), ("properties", properties.into())])
    }

    fn edge(&self, snapshot: &Snapshot, hop: &Hop) -> BoltType {
        let mut properties: HashMap<String, BoltType> = HashMap::new();
        if let Some(edge) = snapshot.edge(hop.edge) {
            for (name, value) in edge.properties.iter().flat_map(|properties| properties.iter()) {
                properties.insert(name.clone(), bolt(value));
            }
            properties.insert("firstseen".into(), edge.first_seen.to_string().into());
            properties.insert("lastseen".into(), edge.last_seen.to_string().into());
            properties.insert("count".into(), i64::from(edge.count).into());
            properties.insert("confidence".into(), i64::from(edge.confidence).into());
        }
        properties.insert("cost".into(), i64::from(hop.cost).into());
        properties.insert("traversable".into(), hop.kind.traversable().into());
        properties.insert(STAMP.into(), self.generation.into());
        let id = |id| snapshot.node(id).map(|node| node.id.clone()).unwrap_or_default();
        row([("source", id(hop.source).into()), ("target", id(hop.target).into()), ("properties", properties.into())])
    }

    async fn write(&mut self, doing: &str, text: &str, rows: Vec<BoltType>) -> Result<(), Error> {
        let rows: BoltType = rows.into();
        self.attempt(doing, || query(text).param("rows", rows.clone())).await
    }

    /// Deletes what earlier runs wrote and this one did not, in transactions of bounded size.
    async fn delete(&mut self, pattern: &str, verb: &str) -> Result<u64, Error> {
        let text = format!(
            "{pattern} WHERE gone.{STAMP} < $generation WITH gone LIMIT $limit {verb} gone RETURN count(*) AS deleted"
        );
        let mut deleted = 0;
        loop {
            let asked = query(&text).param("generation", self.generation).param("limit", DELETE_ROWS);
            let wrong = |source| fault("deleting what is gone", source);
            let mut rows = self.graph.execute(asked).await.map_err(wrong)?;
            let first = rows.next().await.map_err(wrong)?;
            let batch = first.and_then(|row| row.get::<i64>("deleted").ok()).unwrap_or(0);
            while rows.next().await.map_err(wrong)?.is_some() {}
            if batch <= 0 {
                return Ok(deleted);
            }
            deleted += u64::try_from(batch).unwrap_or(0);
        }
    }

    /// Runs a statement that may be repeated, some times over.
    async fn attempt(&mut self, doing: &str, statement: impl Fn() -> Query) -> Result<(), Error> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            match self.graph.run(statement()).await {
                Ok(_) => break,
                Err(error) if attempt < ATTEMPTS => {
                    tracing::warn!(%error, doing, "neo4j failed, trying again");
                    metrics::counter!("hopwatch_mirror_retries_total").increment(1);
                    self.done.retries += 1;
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => return Err(fault(doing, error)),
            }
        }
        Ok(())
    }
}

fn fault(doing: &str, source: neo4rs::Error) -> Error {
    Error::Server { doing: doing.to_owned(), source: Box::new(source) }
}

fn row<const N: usize>(fields: [(&str, BoltType); N]) -> BoltType {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<HashMap<String, BoltType>>().into()
}

fn bolt(value: &PropertyValue) -> BoltType {
    match value {
        PropertyValue::Bool(value) => (*value).into(),
        PropertyValue::Integer(value) => (*value).into(),
        PropertyValue::Float(value) => (*value).into(),
        PropertyValue::Text(value) => value.as_str().into(),
        PropertyValue::List(items) => items.as_slice().into(),
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
