//! What the server listens to and asks for by itself (`[[sources]]`): syslog over UDP, TCP and TLS, RADIUS accounting, sign-ins of
//! cloud services.
//!
//! ```text
//! sockets ─► Intake (bounded queue) ─► Live (reads) ─► Hub (names hosts) ─► Feed ─► history, graph, detections
//! ```
//! Each source has its own queue: one that is flooded loses its own messages, counted, and disturbs no other. UDP that finds
//! the queue full is dropped; TCP waits, so that the sender keeps what was not taken.

mod cloud;
mod hub;
mod intake;
mod radius;
mod syslog;
mod tls;

use std::path::Path;

use anyhow::{Context, Result};
use hopwatch_ingest::DigestKey;

use crate::config::SourceForm;
use crate::feed::Feed;
use crate::state::State;
use hub::Hub;

/// Starts every source of the configuration that the server feeds by itself; they end with the runtime. Fails before any of
/// them runs alone: a server that silently lacks a source is worse than one that does not start.
///
/// # Errors
/// Where a port cannot be listened on, or a file with a secret, certificate or key cannot be read; the source is named.
pub async fn start(state: &State, feed: &Feed, key: &DigestKey) -> Result<()> {
    let hub = Hub::start(state, feed);
    for source in &state.config.sources {
        let named = || format!("source `{}`", source.name);
        match &source.form {
            SourceForm::Syslog { listen, tls } => {
                syslog::start(&source.name, *listen, tls.as_ref(), &hub, key).await.with_context(named)?;
            }
            SourceForm::Radius { listen, secret_file, clients } => {
                let secrets = radius::Secrets::read(secret_file.as_deref(), clients).with_context(named)?;
                radius::start(&source.name, *listen, secrets, &hub, key).await.with_context(named)?;
            }
            SourceForm::Cloud(form) => {
                cloud::start(&source.name, form, state.store.data_dir(), &hub, key).with_context(named)?;
            }
            SourceForm::Folder { .. } | SourceForm::Capture { .. } | SourceForm::Ldap(_) | SourceForm::Wef(_) => {}
        }
    }
    Ok(())
}

/// A secret in a file, without the line's end.
///
/// # Errors
/// Where the file cannot be read or holds nothing.
pub(super) fn secret(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let secret = bytes.trim_ascii_end().to_vec();
    anyhow::ensure!(!secret.is_empty(), "{} holds no secret", path.display());
    Ok(secret)
}

/// A path in a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
