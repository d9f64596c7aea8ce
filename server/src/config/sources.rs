//! `[[sources]]`: what the server watches beside what is imported.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;

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
    Ldap(Ldap),
    /// Syslog over UDP and TCP.
    Syslog {
        /// Address and port.
        listen: std::net::SocketAddr,
    },
    /// RADIUS accounting.
    Radius {
        /// Address and port.
        listen: std::net::SocketAddr,
        /// A file with the shared secret.
        secret_file: PathBuf,
    },
}

/// A directory that is read by the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ldap {
    /// `ldap://dc1.lab.example` or `ldaps://…`.
    pub url: String,
    /// Other controllers of the same domain, for when the first fails.
    #[serde(default)]
    pub others: Vec<String>,
    /// The account, `name@realm`.
    pub user: String,
    /// A file with its password.
    pub password_file: PathBuf,
    /// When it is read, as a cron line in UTC.
    pub cron: String,
    /// Whether an `ldap://` connection is encrypted before the password is sent.
    #[serde(default)]
    pub starttls: bool,
    /// The authorities to trust, as a PEM file; without it those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The very certificate to trust, as a PEM file.
    #[serde(default)]
    pub server_certificate: Option<PathBuf>,
    /// A folder with the files of group policies: SYSVOL, mounted or copied.
    #[serde(default)]
    pub sysvol: Option<PathBuf>,
    /// The most entries per second, on average.
    #[serde(default)]
    pub rate: Option<NonZeroU32>,
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
        let SourceForm::Ldap(directory) = &self.form else { return Ok(()) };
        let fault = |reason: String| Error::Value { key: "sources".into(), reason: format!("{}: {reason}", self.name) };
        crate::scheduler::parse(&directory.cron).map_err(|error| fault(error.to_string()))?;
        if directory.starttls && directory.url.to_ascii_lowercase().starts_with("ldaps:") {
            return Err(fault("ldaps is encrypted from the start: starttls belongs to ldap".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn parse(more: &str) -> Result<Config, Error> {
        let text = format!(
            "[[sources]]\nname = \"lab\"\nkind = \"ldap\"\nurl = \"ldaps://dc1\"\nuser = \"u@x\"\npassword_file = \"p\"\n{more}\n"
        );
        Config::parse(Path::new("hopwatch.toml"), &text)
    }

    #[test]
    fn a_directory_is_read_with_its_settings_and_nonsense_refused() {
        let config = parse("cron = \"*/15 * * * *\"\nothers = [\"ldaps://dc2\"]").unwrap();
        let SourceForm::Ldap(directory) = &config.sources[0].form else { panic!("no directory") };
        assert_eq!((directory.others.len(), directory.starttls), (1, false));
        for (more, word) in [
            ("cron = \"61 * * * *\"", "lab"),
            ("cron = \"0 * * * *\"\nstarttls = true", "starttls"),
            ("cron = \"0 * * * *\"\npasword = \"x\"", "pasword"),
        ] {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
