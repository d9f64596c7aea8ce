//! Why a directory could not be collected.

use std::path::PathBuf;

use ldap3::LdapError;

/// A collection's failure. A password is never part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is none.
    #[error("{url:?} is no address of a directory: ldap://HOST[:PORT] or ldaps://HOST[:PORT] is expected")]
    Url {
        /// What was given.
        url: String,
    },
    /// No address was given.
    #[error("no server is named")]
    NoServer,
    /// StartTLS was asked for on a connection that is encrypted from the start.
    #[error("ldaps:// is encrypted from the start: StartTLS belongs to ldap://")]
    StartTlsOverTls,
    /// The file of trusted authorities cannot be read, or holds none.
    #[error("no certificate can be read from {path}", path = path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// The cause, where there is one.
        #[source]
        source: Option<rustls::pki_types::pem::Error>,
    },
    /// A certificate of the file is refused.
    #[error("a certificate of {path} is not usable", path = path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
    /// The encryption library cannot be set up.
    #[error("encryption cannot be set up")]
    Tls(#[source] rustls::Error),
    /// No connection, or no encryption of it.
    #[error("cannot connect to {url}")]
    Connect {
        /// The server.
        url: String,
        /// The cause.
        #[source]
        source: Box<LdapError>,
    },
    /// The server refused the bind.
    #[error("the server refused the bind: {reason}")]
    Bind {
        /// Its result code and text, and what helps.
        reason: String,
    },
    /// The server refused or broke off a search.
    #[error("the search below {base:?} failed: {reason}")]
    Search {
        /// The search base.
        base: String,
        /// The result code and text.
        reason: String,
    },
    /// The connection was lost in the middle.
    #[error("the connection was lost while searching below {base:?}, after {entries} entries")]
    Lost {
        /// The search base.
        base: String,
        /// How many entries of this search had come.
        entries: u64,
        /// The cause.
        #[source]
        source: Box<LdapError>,
    },
    /// The server does not say what it serves.
    #[error("the root DSE lacks {attribute}: this is no domain controller, or it refuses to say")]
    RootDse {
        /// The attribute.
        attribute: &'static str,
    },
    /// The domain's own object could not be read.
    #[error("the domain object {dn:?} cannot be read")]
    NoDomain {
        /// Its distinguished name.
        dn: String,
    },
    /// The directory is larger than the bound.
    #[error("the directory has more than {bound} objects")]
    TooLarge {
        /// The bound.
        bound: usize,
    },
}

impl Error {
    /// Whether another controller of the domain may do better: this one could not be reached, broke off, or is none.
    pub(super) fn elsewhere(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Lost { .. } | Self::Search { .. } | Self::RootDse { .. })
    }
}

/// The result of collecting.
pub type Result<T> = std::result::Result<T, Error>;
