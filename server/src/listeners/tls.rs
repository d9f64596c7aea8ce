//! TLS of listeners: certificate and key as PEM files, client certificates where an authority for them is named.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::shown;
use crate::config::Tls;

pub(super) fn acceptor(config: &Tls) -> Result<TlsAcceptor> {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &config.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).with_context(|| format!("{} is no authority", shown(path)))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .with_context(|| format!("{} cannot be used", shown(path)))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .with_context(|| format!("{} holds no private key", shown(&config.key_file)))?;
    let chain = certificates(&config.certificate_file)?;
    let server = builder.with_single_cert(chain, key).with_context(|| {
        format!("{} and {} do not belong together", shown(&config.certificate_file), shown(&config.key_file))
    })?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = || format!("{} holds no certificate", path.display());
    let all: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .with_context(unreadable)?
        .collect::<Result<_, _>>()
        .with_context(unreadable)?;
    anyhow::ensure!(!all.is_empty(), unreadable());
    Ok(all)
}
