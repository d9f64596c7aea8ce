//! Exclusions: what is not alerted, why, and until when.

use async_graphql::{ID, InputObject, Object};
use hopwatch_detections::exclusion;

use crate::graphql::error::{ApiError, ApiResult};
use crate::graphql::time::DateTime;
use crate::store::StoredExclusion;

/// The most exclusions added at once.
const MOST: usize = 500;

/// An exclusion to add. Of each list that is given one entry must match; at least one list is given.
#[derive(Clone, Debug, InputObject)]
pub struct ExclusionInput {
    /// Detections it holds for, by slug; without them for all.
    pub detections: Option<Vec<String>>,
    /// The actor: `name`, `DOMAIN\name` or a SID; `*` at the end stands for any ending.
    pub accounts: Option<Vec<String>>,
    /// The source host: its name, with `*` as for accounts, or its address.
    pub hosts: Option<Vec<String>>,
    /// The source's subnet, `10.0.0.0/8`.
    pub subnets: Option<Vec<String>>,
    /// Why.
    pub reason: String,
    /// Until when; without it for ever.
    pub until: Option<DateTime>,
}

/// The exclusions that an input means, each of which makes sense.
pub(crate) fn checked(input: Vec<ExclusionInput>) -> ApiResult<Vec<exclusion::Exclusion>> {
    if input.len() > MOST {
        return Err(ApiError::Limit(format!("add at most {MOST} exclusions at once")));
    }
    let one = |input: ExclusionInput| {
        let exclusion = exclusion::Exclusion {
            detections: input.detections.unwrap_or_default(),
            accounts: input.accounts.unwrap_or_default(),
            hosts: input.hosts.unwrap_or_default(),
            subnets: input.subnets.unwrap_or_default(),
            reason: input.reason,
            until: input.until.map(|until| until.0),
        };
        exclusion.check().map_err(|error| ApiError::BadInput(error.to_string()))?;
        Ok(exclusion)
    };
    input.into_iter().map(one).collect()
}

/// What is not alerted.
pub enum Exclusion {
    /// By the configuration file.
    Configured(exclusion::Exclusion),
    /// By a user.
    Kept(StoredExclusion),
}

impl Exclusion {
    fn of(&self) -> &exclusion::Exclusion {
        match self {
            Self::Configured(exclusion) => exclusion,
            Self::Kept(stored) => &stored.exclusion,
        }
    }

    fn kept(&self) -> Option<&StoredExclusion> {
        match self {
            Self::Configured(_) => None,
            Self::Kept(stored) => Some(stored),
        }
    }
}

/// What is not alerted.
#[Object]
impl Exclusion {
    /// Its id; null for one of the configuration file, which only the file can take back.
    async fn id(&self) -> Option<ID> {
        self.kept().map(|stored| ID(stored.id.clone()))
    }

    /// Detections it holds for; empty = all.
    async fn detections(&self) -> &[String] {
        &self.of().detections
    }

    /// Actors.
    async fn accounts(&self) -> &[String] {
        &self.of().accounts
    }

    /// Source hosts.
    async fn hosts(&self) -> &[String] {
        &self.of().hosts
    }

    /// Source subnets.
    async fn subnets(&self) -> &[String] {
        &self.of().subnets
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.of().reason
    }

    /// Until when; null = for ever.
    async fn until(&self) -> Option<DateTime> {
        self.of().until.map(DateTime)
    }

    /// Who made it; null for one of the configuration file.
    async fn created_by(&self) -> Option<&str> {
        self.kept().map(|stored| stored.created_by.as_str())
    }

    /// When it was made.
    async fn created_at(&self) -> Option<DateTime> {
        self.kept().map(|stored| DateTime(stored.created_at))
    }

    /// Who took it back.
    async fn removed_by(&self) -> Option<&str> {
        self.kept().and_then(|stored| stored.removed.as_ref()).map(|(user, _)| user.as_str())
    }

    /// When it was taken back.
    async fn removed_at(&self) -> Option<DateTime> {
        self.kept().and_then(|stored| stored.removed.as_ref()).map(|(_, time)| DateTime(*time))
    }
}
