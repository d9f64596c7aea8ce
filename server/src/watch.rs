//! The pipeline's core: each event goes to the graph, to the detections, and back as alerts. One-shot analysis, import
//! and the live server all run this, so that a replay of a recording equals having watched it.

use std::sync::Arc;
use std::time::Duration;

use hopwatch_detections::engine::{Error, Settings};
use hopwatch_detections::{AlertChange, Engine, Mode};
use hopwatch_graph::{Estate, Mode as Derivation, Snapshot};
use hopwatch_model::{Activity, DirectoryDelta, Event, Timestamp};

use crate::geo::Geo;

/// How much event time may pass until the detections see what the events changed in the graph.
const REFRESH: Duration = Duration::from_secs(900);

/// The detections at work beside an estate.
pub struct Watch {
    engine: Engine,
    snapshot: Arc<Snapshot>,
    refreshed_at: Timestamp,
    changed: Change,
    geo: Geo,
}

/// What changed in the estate since the last snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Nothing,
    /// Observed edges came or went.
    Observed,
    /// Something that derived edges rest on.
    Structure,
}

impl Watch {
    /// A watch with fresh detections over what the estate holds.
    ///
    /// # Errors
    /// Where the settings do not fit the catalogue.
    pub fn new(settings: &Settings, estate: &Estate) -> Result<Self, Error> {
        let engine = Engine::new(settings)?;
        let snapshot = Arc::new(estate.snapshot(None));
        Ok(Self { engine, snapshot, refreshed_at: Timestamp::MIN, changed: Change::Nothing, geo: Geo::default() })
    }

    /// Places the addresses of sign-ins by these databases from now on.
    pub fn place_by(&mut self, geo: Geo) {
        self.geo = geo;
    }

    /// The graph as the detections see it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The detections.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The detections, to take up a checkpoint.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Takes in what a directory source said; seen by the detections after [`Self::rebuild`].
    pub fn directory(&mut self, estate: &mut Estate, delta: &DirectoryDelta) {
        estate.apply(delta);
        self.changed = Change::Structure;
    }

    /// As [`Self::directory`], and takes over what the delta holds.
    pub fn absorb(&mut self, estate: &mut Estate, delta: DirectoryDelta) {
        estate.absorb(delta);
        self.changed = Change::Structure;
    }

    /// Derives anew and takes a snapshot, where anything changed.
    pub fn rebuild(&mut self, estate: &mut Estate) {
        self.rebuild_beside(estate, |_| ());
    }

    /// As [`Self::rebuild`], with other work on the derived estate done at the same time as the snapshot. Also gives the
    /// new snapshot, where one was taken.
    pub fn rebuild_beside<T: Send>(
        &mut self,
        estate: &mut Estate,
        beside: impl FnOnce(&Estate) -> T + Send,
    ) -> (Option<Arc<Snapshot>>, T) {
        if self.changed == Change::Structure {
            estate.derive(Derivation::Ours);
        }
        let estate = &*estate;
        if self.changed == Change::Nothing {
            return (None, beside(estate));
        }
        let (snapshot, done) = rayon::join(|| Arc::new(estate.snapshot(None)), || beside(estate));
        self.snapshot = Arc::clone(&snapshot);
        self.changed = Change::Nothing;
        (Some(snapshot), done)
    }

    /// Takes in an event; returns the alerts that it opened or changed.
    pub fn observe(&mut self, estate: &mut Estate, event: &Event, mode: Mode) -> Vec<AlertChange> {
        let event = &*self.geo.enrich(event);
        estate.observe(event);
        let change = match event.activity {
            Activity::DirectoryChange(_) | Activity::GroupChange(_) | Activity::AccountChange(_) => Change::Structure,
            _ => Change::Observed,
        };
        self.changed = self.changed.max(change);
        if event.time.since(self.refreshed_at) >= REFRESH {
            self.refreshed_at = event.time;
            self.rebuild(estate);
        }
        self.engine.observe(event, &self.snapshot, mode)
    }

    /// History ended and judging begins: the clock of the detections starts anew, since history may be of any time.
    pub fn begin_judging(&mut self, estate: &mut Estate) {
        self.rebuild(estate);
        self.refreshed_at = Timestamp::MIN;
        self.engine.restart_clock();
    }

    /// The recording ended.
    pub fn finish(&mut self, estate: &mut Estate, mode: Mode) -> Vec<AlertChange> {
        self.rebuild(estate);
        self.engine.finish(&self.snapshot, mode)
    }
}
