//! The question why a detection did not fire, put to the engine with the stored events of the entity.

use hopwatch_detections::why_not::{AROUND, BEFORE, Subject};
use hopwatch_model::{Event, Timestamp};

use crate::store::{EventFilter, EventHistory, PageRequest, Result, keys};

/// The most events that are shown again, the latest.
const EVENTS: u32 = 5_000;

/// A question.
#[derive(Clone, Debug)]
pub struct Question {
    /// The detection's slug.
    pub detection: String,
    /// The keys of the entity, see [`keys`].
    pub keys: Vec<String>,
    /// Around when.
    pub time: Timestamp,
}

impl Question {
    /// About an entity whose keys are known.
    #[must_use]
    pub fn of_keys(detection: String, keys: Vec<String>, time: Timestamp) -> Self {
        Self { detection, keys, time }
    }

    /// About whoever bears a name, an address or a SID.
    #[must_use]
    pub fn of_name(detection: String, name: &str, time: Timestamp) -> Self {
        let account = hopwatch_model::Account::named(name).key();
        let keys = vec![keys::account(&account), keys::host(name), keys::address(name), keys::sid(name)];
        Self { detection, keys, time }
    }

    /// The entity.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::new(self.keys.iter().filter_map(|key| key.split_once(':').map(|(_, name)| name)))
    }

    /// Its stored events around the time, in order of time.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn events(&self, history: &dyn EventHistory) -> Result<Vec<Event>> {
        let filter = EventFilter {
            keys: Some(self.keys.clone()),
            since: Some(self.time - BEFORE),
            until: Some(self.time + AROUND),
            ..EventFilter::default()
        };
        let page = history.query(&filter, &PageRequest::first(EVENTS)).await?;
        Ok(page.rows.into_iter().rev().map(|stored| stored.event).collect())
    }
}
