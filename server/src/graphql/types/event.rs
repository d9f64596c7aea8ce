//! Events of the history.

use async_graphql::{Context, ID, InputObject, Object, Result};
use hopwatch_model::{Activity, Outcome};

use super::account::Account;
use super::entity::Entity;
use super::evidence::{Evidence, source_kind};
use super::host::Host;
use super::sign_in::SignIn;
use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::page::{Total, connection};
use crate::graphql::request::state;
use crate::graphql::time::DateTime;
use crate::store::{self, PageRequest, StoredEvent};
use crate::summary::sentence;

/// What a source reported.
#[derive(Clone)]
pub struct Event(pub StoredEvent);

connection!(Event, EventEdge, EventConnection);

/// Which events. Everything that is set must match.
#[derive(Clone, Debug, Default, InputObject)]
pub struct EventFilter {
    /// Kinds of activity (`tgs_exchange`).
    pub what: Option<Vec<String>>,
    /// Account name, host name or address.
    pub text: Option<String>,
    /// Objectid of an entity that takes part.
    pub entity: Option<ID>,
    /// Only at or after.
    pub since: Option<DateTime>,
    /// Only before.
    pub until: Option<DateTime>,
}

impl EventFilter {
    /// The filter of the history.
    pub(crate) fn resolve(self, ctx: &Context<'_>) -> ApiResult<store::EventFilter> {
        let snapshot = state(ctx)?.snapshot();
        let keys = self.entity.map(|id| Entity::require(&snapshot, &id).map(|entity| entity.keys())).transpose()?;
        Ok(store::EventFilter {
            what: self.what.unwrap_or_default(),
            text: self.text,
            keys,
            since: self.since.map(|time| time.0),
            until: self.until.map(|time| time.0),
        })
    }
}

/// A page of events, newest first.
pub(crate) async fn page(
    ctx: &Context<'_>,
    filter: store::EventFilter,
    request: &PageRequest,
) -> ApiResult<EventConnection> {
    let page = state(ctx)?.events.query(&filter, request).await?;
    Ok(EventConnection::new(page.map(Event), Total::Events(filter), |event| {
        (event.0.event.time.as_micros(), event.0.row.to_string())
    }))
}

/// What a source reported.
#[Object]
impl Event {
    /// Its id: the digest of its content.
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// When it happened, by the source's clock.
    async fn time(&self) -> DateTime {
        DateTime(self.0.event.time)
    }

    /// The kind of activity.
    async fn what(&self) -> &'static str {
        self.0.event.activity.name()
    }

    /// Who acted.
    async fn actor(&self) -> Option<Account> {
        self.0.event.actor.clone().map(Account)
    }

    /// The host from which it was done.
    async fn source(&self) -> Option<Host> {
        self.0.event.source.clone().map(Host)
    }

    /// The host to which it was done.
    async fn target(&self) -> Option<Host> {
        self.0.event.target.clone().map(Host)
    }

    /// `success`, `unseen`, or `failure` with the protocol's own code.
    async fn outcome(&self) -> String {
        match self.0.event.outcome {
            Outcome::Success => "success".into(),
            Outcome::Unseen => "unseen".into(),
            Outcome::Failure(code) => format!("failure 0x{code:x}"),
        }
    }

    /// What a sign-in from outside says of its place and its means; null for any other kind of event.
    async fn sign_in(&self) -> Option<SignIn> {
        match &self.0.event.activity {
            Activity::SignIn(sign_in) => Some(SignIn::from(&**sign_in)),
            _ => None,
        }
    }

    /// The event in a sentence, actor first.
    async fn summary(&self) -> String {
        sentence(&self.0.event)
    }

    /// The whole normalised event as JSON.
    async fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(&self.0.event).map_err(|error| ApiError::Internal(error.to_string()))?)
    }

    /// The record from which it was made.
    async fn evidence(&self) -> Evidence {
        let provenance = &self.0.event.provenance;
        Evidence {
            time: DateTime(self.0.event.time),
            source: provenance.source.to_string(),
            record: provenance.record.to_string(),
            source_kind: source_kind(provenance.kind).to_owned(),
            event_id: provenance.event_id,
            note: sentence(&self.0.event),
        }
    }
}
