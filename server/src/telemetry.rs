//! Logs: plain lines for people or JSON for machines, on stderr, since results go to stdout.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The form of the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// Starts logging. The variable `HOPWATCH_LOG` (`info`, `hopwatch=debug`) decides what is logged; without it `default`
/// does. Later calls change nothing.
pub fn install(format: Format, default: &str) {
    let filter = EnvFilter::try_from_env("HOPWATCH_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match format {
        Format::Text => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        Format::Json => builder.json().finish().try_init(),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "logging was started before");
    }
}
