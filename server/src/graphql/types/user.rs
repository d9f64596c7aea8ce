//! Who is logged in.

use async_graphql::{Enum, SimpleObject};

use crate::auth::Identity;
use crate::graphql::time::DateTime;

/// What a user may do; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::Role")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Triages, tags, runs reports.
    Analyst,
    /// Everything.
    Admin,
}

/// Who asks.
#[derive(Clone, Debug, SimpleObject)]
pub struct Viewer {
    /// The name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

impl From<&Identity> for Viewer {
    fn from(identity: &Identity) -> Self {
        Self { name: identity.name.clone(), role: identity.role.into() }
    }
}

/// A session that was opened; its token is in the cookie only.
#[derive(Clone, Debug, SimpleObject)]
pub struct Session {
    /// Whose it is.
    pub viewer: Viewer,
    /// When it ends.
    pub expires_at: DateTime,
}
