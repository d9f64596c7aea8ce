//! The configuration file: TOML with one table per area. An unknown key is refused by name, since a mistyped threshold
//! that is silently ignored is worse than a server that does not start.
//!
//! `docs/reference/config.md` is printed from here.

mod neo4j;
mod reference;
mod reports;
mod sensors;
mod server;
mod sources;
mod wef;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use neo4j::Neo4j;
pub use reference::reference;
pub use reports::{Reports, Schedule};
pub use sensors::Sensors;
pub use server::{Metrics, Server};
pub use sources::{Ldap, RadiusClient, Source, SourceForm, Tls};
pub use wef::{Wef, WefContent};

/// The whole configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server listens.
    pub server: Server,
    /// What is detected, with which thresholds, and what is not alerted.
    pub detections: hopwatch_detections::engine::Settings,
    /// When reports are written.
    pub reports: Reports,
    /// The mirror in Neo4j; without it there is none.
    pub neo4j: Option<Neo4j>,
    /// The port for sensors that show a certificate; without it there is none.
    pub sensors: Option<Sensors>,
    /// What is watched beside what is imported.
    pub sources: Vec<Source>,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, has an unknown key, or a value of the wrong type; the text names it and its place.
    #[error("{path}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A value makes no sense.
    #[error("{key}: {reason}")]
    Value {
        /// The key, dotted.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, has an unknown key, or a value that makes no sense.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let parsed: Self = toml::from_str(text)
            .map_err(|error| Error::Parse { path: path.to_owned(), reason: error.to_string().trim_end().to_owned() })?;
        parsed.check()?;
        Ok(parsed)
    }

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// [`Error::Value`] with the key.
    pub fn check(&self) -> Result<(), Error> {
        self.server.check()?;
        self.reports.check()?;
        sources::check(&self.sources)?;
        self.neo4j.iter().try_for_each(Neo4j::check)?;
        hopwatch_detections::Engine::new(&self.detections)
            .map(drop)
            .map_err(|error| Error::Value { key: "detections".into(), reason: chain(&error) })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(Path::new("hopwatch.toml"), text)
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = parse("[server]\nlisten = \"127.0.0.1:1\"\nlissten = 1\n").unwrap_err().to_string();
        assert!(error.contains("lissten") && error.contains("hopwatch.toml"), "{error}");
        let error = parse("[serverr]\n").unwrap_err().to_string();
        assert!(error.contains("serverr"), "{error}");
    }

    #[test]
    fn an_unknown_detection_or_threshold_is_refused_by_name() {
        let error = parse("[detections]\ndisabled = [\"no-such\"]\n").unwrap_err().to_string();
        assert!(error.contains("no-such"), "{error}");
    }

    #[test]
    fn a_cron_line_that_never_fires_is_refused() {
        let error = parse("[[reports.schedules]]\nname = \"risk\"\ncron = \"61 * * * *\"\n").unwrap_err().to_string();
        assert!(error.contains("reports.schedules"), "{error}");
    }

    #[test]
    fn a_source_that_lacks_something_is_refused_by_name() {
        let radius =
            |more: &str| format!("[[sources]]\nname = \"vpn\"\nkind = \"radius\"\nlisten = \"127.0.0.1:0\"\n{more}");
        for (text, expect) in [
            (radius(""), "secret_file"),
            (radius("clients = [{ address = \"10.0.0.0/40\", secret_file = \"x\" }]\n"), "10.0.0.0/40"),
            (radius("secret = \"x\"\n"), "secret"),
            (radius("secret_file = \"x\"\n") + &radius("secret_file = \"x\"\n"), "another source has this name"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        }
        assert!(parse(&radius("secret_file = \"x\"\n")).is_ok());
    }

    #[test]
    fn the_empty_file_is_the_default() {
        assert_eq!(parse("").unwrap().server, Server::default());
    }
}
