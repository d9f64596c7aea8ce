//! What the store can fail with.

use std::path::PathBuf;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data folder could not be made.
    #[error("cannot make the data folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The database is of a version that cannot be brought up to this one.
    #[error("the database cannot be brought up to this version")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored document cannot be read.
    #[error("a stored {what} cannot be read")]
    Document {
        /// What it should be.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What is known of the sensors cannot be read.
    #[error("what is known of the sensors cannot be read")]
    Sensors(#[source] std::io::Error),
    /// A block of events cannot be packed or unpacked.
    #[error("a block of events cannot be packed or unpacked")]
    Block(#[source] std::io::Error),
    /// What was asked for is not there.
    #[error("there is no {what} `{id}`")]
    Missing {
        /// What it should be.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// What was to be made is there already.
    #[error("the {what} `{id}` exists already")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its id.
        id: String,
    },
}

/// A result of the store.
pub type Result<T> = std::result::Result<T, Error>;

/// Reads a stored JSON document.
pub(crate) fn document<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Document { what, source })
}

/// Writes a JSON document.
pub(crate) fn to_document<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::Document { what, source })
}
