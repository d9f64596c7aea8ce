//! What a running server holds: configuration, store, the live graph, and the channels between them.
//!
//! The pipeline writes (estate, snapshot, status, alerts), requests read. A request takes the snapshot once and works on
//! it to its end, so that one answer never mixes two states of the graph.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arc_swap::ArcSwap;
use hopwatch_detections::engine::Policy;
use hopwatch_detections::incident::{self, Incidents};
use hopwatch_detections::sigma::RuleSet;
use hopwatch_graph::{Estate, Snapshot};
use hopwatch_model::Timestamp;
use hopwatch_model::alert::ScorePart;
use tokio::sync::broadcast;

use crate::auth::Throttle;
use crate::clock;
use crate::config::Config;
use crate::coverage::Coverage;
use crate::feed::Feed;
use crate::insight::Insight;
use crate::sensor::ledger::Ledger;
use crate::store::{self, EventHistory, Store, StoredAlert, Tags};

/// Changes that a slow subscriber may lag behind before it misses some; it is told that it did.
const CHANGES: usize = 1024;
/// Snapshots of the past that are kept: an analyst moves the slider back and forth over a few places.
const PAST: usize = 4;

/// A server's state, shared by everything that runs.
pub type State = Arc<AppState>;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Opened,
    /// More events belong to it.
    Updated,
    /// A user changed it.
    Triaged,
}

/// A change of an alert, as subscribers get it.
#[derive(Clone, Debug)]
pub struct AlertNotice {
    /// What happened.
    pub kind: ChangeKind,
    /// The alert as it stands now.
    pub alert: Arc<StoredAlert>,
}

/// How far a detection or a profile has learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// The detection's slug or the profile's name.
    pub detection: String,
    /// Whether it judges already.
    pub ready: bool,
    /// 0–100.
    pub progress_percent: f64,
    /// What it waits for, in words.
    pub detail: String,
}

/// How odd an account or host behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Oddity {
    /// The objectid in the graph.
    pub entity: String,
    /// 0–100.
    pub score: f64,
    /// Of what it is made.
    pub parts: Vec<ScorePart>,
}

/// A coverage gap: something that could not be read, and is a possible blind spot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The source or the area.
    pub subject: String,
    /// What could not be read, and why.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// What the pipeline says of itself, replaced as a whole after each batch.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The time of the newest event.
    pub watermark: Option<Timestamp>,
    /// The oddest entities first.
    pub oddest: Vec<Oddity>,
    /// Every detection and profile that learns.
    pub learning: Vec<Learning>,
    /// What could not be read, beside what the estate and the sources count.
    pub gaps: Vec<Gap>,
    /// What came in, for the doctor.
    pub coverage: Arc<Coverage>,
    /// Entries that each detection holds, by slug.
    pub entries: Vec<(&'static str, usize)>,
    /// How many events of each kind of activity were seen.
    pub kinds: BTreeMap<String, u64>,
    /// Events that the detections passed over since the start, because they had seen them before.
    pub repeated: u64,
}

/// The state of one running server.
pub struct AppState {
    /// The configuration.
    pub config: Config,
    /// Alerts, users, reports.
    pub store: Store,
    /// Every acknowledged event.
    pub events: Arc<dyn EventHistory>,
    /// The graph that the pipeline writes to; requests read it only for snapshots of the past.
    pub estate: Arc<RwLock<Estate>>,
    /// What users said to the detections beside the configuration.
    pub policy: ArcSwap<Policy>,
    /// The Sigma rules that are switched on, compiled.
    pub rules: ArcSwap<RuleSet>,
    /// What the pipeline says of itself.
    pub status: ArcSwap<Status>,
    /// What came of each sensor.
    pub sensors: tokio::sync::Mutex<Ledger>,
    /// Counts failed logins.
    pub throttle: Throttle,
    /// The way to the pipeline, where one is at work beside the API.
    pub feed: OnceLock<Feed>,
    /// When the server started.
    pub started_at: Timestamp,
    live: ArcSwap<Snapshot>,
    insight: ArcSwap<Insight>,
    gaps: ArcSwap<Vec<Gap>>,
    tags: ArcSwap<BTreeMap<String, Tags>>,
    past: RwLock<Vec<(Timestamp, Arc<Snapshot>)>>,
    incidents: tokio::sync::Mutex<Incidents>,
    changes: broadcast::Sender<AlertNotice>,
}

impl AppState {
    /// The state of a server that starts on this store, with this graph.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn new(config: Config, store: Store, estate: Estate) -> store::Result<State> {
        crate::metrics::install();
        let tags = store.tags().await?;
        let snapshot = Arc::new(estate.snapshot(None));
        let policy = store.policy().await?;
        let rules = crate::sigma::enabled(&store).await?;
        let incidents = Incidents::restore(store.growing_incidents().await?);
        let sensors = Ledger::open(store.data_dir()).map_err(store::Error::Sensors)?;
        let state = Self {
            config,
            events: Arc::new(store.events()),
            store,
            gaps: ArcSwap::from_pointee(estate_gaps(&estate)),
            estate: Arc::new(RwLock::new(estate)),
            policy: ArcSwap::from_pointee(policy),
            rules: ArcSwap::from_pointee(rules),
            incidents: tokio::sync::Mutex::new(incidents),
            status: ArcSwap::default(),
            sensors: tokio::sync::Mutex::new(sensors),
            throttle: Throttle::default(),
            feed: OnceLock::new(),
            started_at: clock::now(),
            insight: ArcSwap::from_pointee(Insight::new(Arc::clone(&snapshot))),
            live: ArcSwap::new(snapshot),
            tags: ArcSwap::from_pointee(tags),
            past: RwLock::default(),
            changes: broadcast::channel(CHANGES).0,
        };
        state.push_tags();
        Ok(Arc::new(state))
    }

    /// The graph as it stands now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.live.load_full()
    }

    /// What was computed over the present graph.
    #[must_use]
    pub fn insight(&self) -> Arc<Insight> {
        self.insight.load_full()
    }

    /// Takes a new snapshot of the estate: the pipeline calls it after it has changed the estate. Blocks as long as a
    /// writer holds the estate.
    pub fn refresh(&self) {
        let snapshot = Arc::new(self.estate.read().unwrap_or_else(PoisonError::into_inner).snapshot(None));
        self.show(snapshot);
    }

    /// Shows a snapshot that was just taken of the estate.
    pub fn show(&self, snapshot: Arc<Snapshot>) {
        let estate = self.estate.read().unwrap_or_else(PoisonError::into_inner);
        self.gaps.store(Arc::new(estate_gaps(&estate)));
        drop(estate);
        self.past.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.insight.store(Arc::new(Insight::new(Arc::clone(&snapshot))));
        self.live.store(snapshot);
    }

    /// Everything that could not be read: what the pipeline names, what the estate was told, and what it dropped.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = self.status.load().gaps.clone();
        gaps.extend(self.gaps.load().iter().cloned());
        gaps
    }

    /// The graph as it stood at a time, or stands now. Takes a snapshot where none is kept: call it where blocking is
    /// allowed.
    #[must_use]
    pub fn snapshot_at(&self, as_of: Option<Timestamp>) -> Arc<Snapshot> {
        let Some(time) = as_of else { return self.snapshot() };
        let kept = self.past.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, snapshot)) = kept.iter().find(|(at, _)| *at == time) {
            return Arc::clone(snapshot);
        }
        drop(kept);
        let taken = self.estate.read().unwrap_or_else(PoisonError::into_inner).snapshot(Some(time));
        let taken = Arc::new(taken);
        let mut kept = self.past.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= PAST {
            kept.remove(0);
        }
        kept.push((time, Arc::clone(&taken)));
        taken
    }

    /// The tags of an entity by its objectid.
    #[must_use]
    pub fn tags_of(&self, entity: &str) -> Tags {
        self.tags.load().get(entity).copied().unwrap_or_default()
    }

    /// Reads the tags of the store again and gives them to the estate, from which the next snapshot takes them.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn reload_tags(&self) -> store::Result<()> {
        self.tags.store(Arc::new(self.store.tags().await?));
        self.push_tags();
        Ok(())
    }

    /// Stores what the engine judged and tells subscribers. `opened` tells a new alert from more of a known one.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn take_alert(&self, kind: ChangeKind, alert: &hopwatch_model::Alert) -> store::Result<Arc<StoredAlert>> {
        let stored = Arc::new(self.store.put_alert(alert, clock::now()).await?);
        self.group(&stored).await?;
        self.announce(kind, &stored);
        Ok(stored)
    }

    /// Puts an alert into its incident. One after another: two alerts that meet must see each other.
    async fn group(&self, stored: &StoredAlert) -> store::Result<()> {
        let phase = hopwatch_detections::phase_of(&stored.alert.detection);
        let links = incident::links(&stored.alert, &self.snapshot());
        let mut incidents = self.incidents.lock().await;
        let Some(change) = incidents.take(&stored.id, &stored.alert, phase, links) else { return Ok(()) };
        self.store.put_incident(&change.incident, &change.absorbed, clock::now()).await
    }

    /// Reads again what users said to the detections; in force with the next batch of events.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn reload_policy(&self) -> store::Result<()> {
        self.policy.store(Arc::new(self.store.policy().await?));
        Ok(())
    }

    /// Compiles the Sigma rules of the store again; in force with the next batch of events.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn reload_rules(&self) -> store::Result<()> {
        self.rules.store(Arc::new(crate::sigma::enabled(&self.store).await?));
        Ok(())
    }

    /// Tells subscribers of a change.
    pub fn announce(&self, kind: ChangeKind, alert: &Arc<StoredAlert>) {
        // Without a subscriber there is nobody to tell: that is no failure.
        let _receivers = self.changes.send(AlertNotice { kind, alert: Arc::clone(alert) }).unwrap_or(0);
    }

    /// Changes of alerts from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<AlertNotice> {
        self.changes.subscribe()
    }

    fn push_tags(&self) {
        let tags = self.tags.load();
        let with = |wanted: fn(&Tags) -> bool| -> std::collections::BTreeSet<String> {
            tags.iter().filter(|(_, tags)| wanted(tags)).map(|(entity, _)| entity.clone()).collect()
        };
        let tags = hopwatch_graph::Tags {
            owned: with(|tags| tags.owned),
            sensitive: with(|tags| tags.sensitive),
            ..hopwatch_graph::Tags::default()
        };
        self.estate.write().unwrap_or_else(PoisonError::into_inner).set_tags(tags);
    }
}

/// What sources told the estate that they could not read, and what the estate had to drop.
fn estate_gaps(estate: &Estate) -> Vec<Gap> {
    let told = estate.gaps().map(|gap| Gap { subject: "directory".into(), reason: gap.to_owned(), count: 1 });
    let counters = estate.counters();
    let dropped = [
        ("nodes beyond the table", counters.dropped_nodes_full),
        ("edges beyond the table", counters.dropped_edges_full),
        ("objects without an id", counters.dropped_empty_id),
        ("hosts and accounts that only traffic named, beyond the table", counters.dropped_stubs_full),
        ("coverage gaps beyond the list", counters.dropped_gaps_full),
        ("events whose host or account could not be told", counters.unresolved),
    ];
    let dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
    told.chain(dropped.map(|(reason, count)| Gap { subject: "graph".into(), reason: reason.into(), count })).collect()
}
