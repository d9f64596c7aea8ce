//! `[[sources]]`: what the server watches beside what is imported.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
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
    Ldap(Ldap),
    /// Syslog over UDP and TCP, or over TLS where `tls` is given.
    Syslog {
        /// Address and port.
        listen: SocketAddr,
        /// The certificate of the TLS listener; without it there is no TLS.
        #[serde(default)]
        tls: Option<Tls>,
    },
    /// A collector to which Windows hosts forward their events.
    Wef(Box<Wef>),
    /// RADIUS accounting.
    Radius {
        /// Address and port.
        listen: SocketAddr,
        /// A file with the secret of all access servers that `clients` does not name.
        #[serde(default)]
        secret_file: Option<PathBuf>,
        /// Access servers with secrets of their own.
        #[serde(default)]
        clients: Vec<RadiusClient>,
    },
}

/// A listener's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate with its chain, PEM.
    pub certificate_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// The authority whose certificates senders must have, PEM; without it anyone may send.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

/// An access server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadiusClient {
    /// Its address, or a network as `10.0.0.0/24`.
    pub address: String,
    /// A file with its secret.
    pub secret_file: PathBuf,
}

impl RadiusClient {
    /// The network and the length of its prefix; `None` where the address is none.
    #[must_use]
    pub fn network(&self) -> Option<(IpAddr, u8)> {
        let (address, length) = match self.address.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
            None => (self.address.as_str(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(longest);
        (length <= longest).then_some((address, length))
    }
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

/// Refuses sources that cannot be told apart or lack what they need; files are read when the server starts.
///
/// # Errors
/// [`Error::Value`] with the source's place and name.
pub(super) fn check(sources: &[Source]) -> Result<(), Error> {
    let mut names = BTreeSet::new();
    for (at, source) in sources.iter().enumerate() {
        if source.name.trim().is_empty() {
            return source.refuse(at, "must have a name".into());
        }
        if !names.insert(&source.name) {
            return source.refuse(at, "another source has this name".into());
        }
        source.check(at)?;
    }
    Ok(())
}

impl Source {
    fn check(&self, at: usize) -> Result<(), Error> {
        match &self.form {
            SourceForm::Wef(wef) => wef.check(&self.name),
            SourceForm::Ldap(directory) => directory.check().or_else(|reason| self.refuse(at, reason)),
            SourceForm::Radius { secret_file, clients, .. } => {
                if secret_file.is_none() && clients.is_empty() {
                    return self.refuse(at, "neither `secret_file` nor `clients` names a secret".into());
                }
                match clients.iter().find(|client| client.network().is_none()) {
                    Some(client) => {
                        self.refuse(at, format!("`{}` is no address and no network like 10.0.0.0/24", client.address))
                    }
                    None => Ok(()),
                }
            }
            SourceForm::Folder { .. } | SourceForm::Capture { .. } | SourceForm::Syslog { .. } => Ok(()),
        }
    }

    fn refuse(&self, at: usize, reason: String) -> Result<(), Error> {
        Err(Error::Value { key: format!("sources[{at}] `{}`", self.name), reason })
    }
}

impl Ldap {
    fn check(&self) -> Result<(), String> {
        crate::scheduler::parse(&self.cron).map_err(|error| error.to_string())?;
        if self.starttls && self.url.to_ascii_lowercase().starts_with("ldaps:") {
            return Err("ldaps is encrypted from the start: starttls belongs to ldap".into());
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
