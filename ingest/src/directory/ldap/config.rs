//! What to collect from, as whom, and how gently.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// How to collect.
#[derive(Clone, Debug)]
pub struct Config {
    /// `ldap://host[:port]` or `ldaps://host[:port]`, of controllers of one domain. The first that answers serves; the
    /// next takes over where it fails.
    pub urls: Vec<String>,
    /// Who asks.
    pub login: Login,
    /// Whether an `ldap://` connection is encrypted before the bind.
    pub upgrade: Upgrade,
    /// Whom the server's certificate must be from.
    pub trust: Trust,
    /// Entries per page; Windows gives at most 1000 (`MaxPageSize`).
    pub page_size: u16,
    /// The longest wait for a connection, and for each answer.
    pub timeout: Duration,
    /// The most entries per second, on average; `None` is as fast as the server answers.
    pub rate: Option<NonZeroU32>,
    /// How often a connection that is lost in the middle is made again, before the next server is asked.
    pub reconnects: u8,
}

/// Whether `ldap://` is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// As the address says.
    None,
    /// By StartTLS (RFC 4511 §4.14).
    StartTls,
}

/// Whom the server's certificate must be from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    System,
    /// The authorities of a PEM file.
    File(PathBuf),
    /// The very certificate of a PEM file, whatever name it bears: for servers that made their own.
    Exactly(PathBuf),
    /// Anybody: whoever sits between may read the password.
    Anybody,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody; Windows then shows the root DSE alone.
    Anonymous,
    /// An account, by simple bind.
    Simple {
        /// `user@domain`, `DOMAIN\user` or a distinguished name.
        user: String,
        /// Its password.
        password: Password,
    },
    /// The holder of a Kerberos ticket, by SASL GSSAPI (RFC 4752): of the credential cache that `KRB5CCNAME` names, or of
    /// the keytab that `KRB5_CLIENT_KTNAME` names. On a connection without TLS the messages are sealed.
    #[cfg(feature = "gssapi")]
    Kerberos,
}

/// A password, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// For the bind alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
