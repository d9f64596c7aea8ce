//! TLS of the collector: its own certificate, and only hosts that show one of the right authority.

use std::sync::Arc;

use anyhow::{Context, Result};
use hopwatch_ingest::sources::wef::thumbprint;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use crate::config::Wef;
use crate::sensor::uplink::{certificates, private_key};

/// The acceptor of a configuration, and the thumbprint of the authority that hosts are told.
///
/// # Errors
/// Where a file cannot be read, holds no certificate or key, or they do not fit.
pub(super) fn acceptor(config: &Wef) -> Result<(TlsAcceptor, String)> {
    let provider = Arc::new(crypto::ring::default_provider());
    let authorities = certificates(&config.client_ca_file)?;
    let issuer = authorities.first().map(|first| thumbprint(first)).unwrap_or_default();
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).with_context(|| format!("{}: no authority", config.client_ca_file.display()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .context("the hosts' authority cannot be used")?;
    let key = private_key(&config.key_file)?;
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&config.certificate_file)?, key)
        .context("the collector's certificate and key cannot be used")?;
    Ok((TlsAcceptor::from(Arc::new(server)), issuer))
}
