//! What a query or a checkpoint can fail with.

use thiserror::Error;

/// Why a query or a checkpoint was refused or stopped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// An id or object id that the snapshot does not hold.
    #[error("unknown node {id}")]
    UnknownNode {
        /// The id as asked for.
        id: String,
    },
    /// A name that is no node or edge kind.
    #[error("unknown kind {name}")]
    UnknownKind {
        /// The name as asked for.
        name: String,
    },
    /// A set that a query needs was empty.
    #[error("{what} is empty")]
    EmptySet {
        /// Which set.
        what: &'static str,
    },
    /// A parameter lies outside what the query takes.
    #[error("{what} must be at most {limit}, got {got}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was asked for.
        got: u64,
    },
    /// The query touched more than its limit allows.
    #[error("the query touched more than {limit} {what}")]
    LimitReached {
        /// What was counted: `nodes`, `edges`, `paths`.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The caller's deadline passed, or it cancelled the query.
    #[error("the query was stopped by its deadline or by its caller")]
    Stopped,
    /// A checkpoint is of no version that we read.
    #[error("checkpoint version {found} is not {expected}")]
    CheckpointVersion {
        /// The version of the file.
        found: u32,
        /// The version that is read.
        expected: u32,
    },
    /// A checkpoint is damaged.
    #[error("checkpoint is corrupt: {reason}")]
    CheckpointCorrupt {
        /// What was wrong.
        reason: String,
    },
}
