//! Why a file or stream could not be loaded. Bad records inside a good file are no error: they are counted.

/// A file's or stream's failure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path cannot be opened or listed.
    #[error("cannot open")]
    Open(#[source] std::io::Error),
    /// Bytes could not be read: a broken archive or stream, or a failing disk.
    #[error("cannot read after {offset} bytes")]
    Read {
        /// How far it went.
        offset: u64,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("empty file")]
    Empty,
    /// No source knows the content.
    #[error("no known kind of file")]
    Unknown,
    /// It is of a known kind and holds nothing that can be used.
    #[error("a {kind} without one usable record: {reason}")]
    Useless {
        /// The kind.
        kind: &'static str,
        /// The most frequent reason.
        reason: &'static str,
    },
    /// It ends too early.
    #[error("truncated {kind}")]
    Truncated {
        /// The kind.
        kind: &'static str,
    },
    /// Its structure is broken.
    #[error("malformed {kind}: {reason}")]
    Malformed {
        /// The kind.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// An archive that unpacks to far more than it holds, or nests too deep.
    #[error("hostile archive: {reason}")]
    Hostile {
        /// Which bound it exceeds.
        reason: String,
    },
    /// It is no directory file that can be read.
    #[error("the directory file cannot be read")]
    Directory(#[source] crate::directory::bloodhound::Error),
}

impl Error {
    /// A short name for machines: `open`, `read`, `empty`, `unknown`, `useless`, `truncated`, `malformed`, `hostile`,
    /// `directory`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Read { .. } => "read",
            Self::Empty => "empty",
            Self::Unknown => "unknown",
            Self::Useless { .. } => "useless",
            Self::Truncated { .. } => "truncated",
            Self::Malformed { .. } => "malformed",
            Self::Hostile { .. } => "hostile",
            Self::Directory(_) => "directory",
        }
    }
}

/// The result of a source.
pub type Result<T> = std::result::Result<T, Error>;
