//! `[[sources]]`: what the server watches beside what is imported.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Error, Wef};

/// What kind of source it is, with what it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SourceForm {
    /// A folder into which files are dropped; each is read once.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A network interface of this host that sees the mirrored traffic.
    Capture {
        /// The interface.
        interface: String,
    },
    /// A directory that is read by LDAP.
    Ldap {
        /// `ldap://dc1.lab.example` or `ldaps://…`.
        url: String,
        /// The account, `name@realm`.
        user: String,
        /// A file with its password.
        password_file: PathBuf,
        /// When it is read, as a cron line in UTC.
        cron: String,
    },
    /// Syslog over UDP and TCP.
    Syslog {
        /// Address and port.
        listen: std::net::SocketAddr,
    },
    /// A collector to which Windows hosts forward their events.
    Wef(Box<Wef>),
    /// RADIUS accounting.
    Radius {
        /// Address and port.
        listen: std::net::SocketAddr,
        /// A file with the shared secret.
        secret_file: PathBuf,
    },
}

/// A source that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name on the health page.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub form: SourceForm,
}

impl Source {
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.form {
            SourceForm::Wef(wef) => wef.check(&self.name),
            SourceForm::Folder { .. }
            | SourceForm::Capture { .. }
            | SourceForm::Ldap { .. }
            | SourceForm::Syslog { .. }
            | SourceForm::Radius { .. } => Ok(()),
        }
    }
}
