//! The connection: TLS, bind, and why it ended.

use std::path::Path;
use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;

use super::config::{Config, Login, Trust, Upgrade};
use super::error::{Error, Result};
use super::pinned::Pinned;

/// `strongerAuthRequired`: the server wants signing or encryption.
const STRONGER_AUTH_REQUIRED: u32 = 8;
/// `invalidCredentials`.
const INVALID_CREDENTIALS: u32 = 49;

/// A bound connection.
pub(super) struct Connection {
    /// The handle for operations.
    pub(super) ldap: Ldap,
    driver: JoinHandle<std::result::Result<(), LdapError>>,
}

impl Connection {
    /// Connects and binds.
    pub(super) async fn open(config: &Config, url: &str) -> Result<Self> {
        let settings = settings(config, url)?;
        let (connection, ldap) = LdapConnAsync::with_settings(settings, url)
            .await
            .map_err(|source| Error::Connect { url: url.to_owned(), source: Box::new(source) })?;
        let driver = tokio::spawn(connection.drive());
        let mut opened = Self { ldap, driver };
        opened.bind(config, url).await?;
        Ok(opened)
    }

    async fn bind(&mut self, config: &Config, url: &str) -> Result<()> {
        let ldap = self.ldap.with_timeout(config.timeout);
        let answer = match &config.login {
            Login::Anonymous => return Ok(()),
            Login::Simple { user, password } => ldap.simple_bind(user, password.reveal()).await,
            // The ticket is for `ldap/HOST`, so that the address must name the host as the directory does.
            #[cfg(feature = "gssapi")]
            Login::Kerberos => ldap.sasl_gssapi_bind(host(url).unwrap_or_default()).await,
        };
        let result = match answer {
            Ok(result) => result,
            Err(source) => {
                let source = self.cause(source).await;
                return Err(Error::Connect { url: url.to_owned(), source });
            }
        };
        if result.rc == 0 {
            return Ok(());
        }
        let hint = match result.rc {
            STRONGER_AUTH_REQUIRED => " (it wants an encrypted connection: use ldaps:// or StartTLS)",
            INVALID_CREDENTIALS => " (wrong user name or password, or the account is disabled, locked or expired)",
            _ => "",
        };
        Err(Error::Bind { reason: format!("{}{hint}", reason(result.rc, &result.text)) })
    }

    /// The reason behind a failed operation: where the connection ended, the driver knows why.
    pub(super) async fn cause(&mut self, error: LdapError) -> Box<LdapError> {
        if matches!(error, LdapError::Timeout { .. }) {
            return Box::new(error);
        }
        // The driver ends together with the connection; where it does not, the operation's own error is the reason.
        let grace = std::time::Duration::from_millis(200);
        match tokio::time::timeout(grace, &mut self.driver).await {
            Ok(Ok(Err(source))) => Box::new(source),
            Ok(Ok(Ok(()))) => Box::new(LdapError::Io {
                source: std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the server closed the connection"),
            }),
            Ok(Err(_)) => Box::new(LdapError::Io {
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, "the server sent what is no LDAP"),
            }),
            Err(_) => Box::new(error),
        }
    }

    /// Says goodbye; what becomes of it does not matter.
    pub(super) async fn close(mut self) {
        drop(self.ldap.unbind().await);
    }
}

/// A result code with the server's text, without line breaks and the NUL that Windows appends.
pub(super) fn reason(code: u32, text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    if text.is_empty() { format!("result code {code}") } else { format!("result code {code}, {text}") }
}

/// The host of an address, without its port.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let known = ["ldap", "ldaps"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    let place = rest.split('/').next().filter(|place| known && !place.is_empty())?;
    // An IPv6 address is in brackets, since it has colons of its own.
    match place.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => place.split(':').next(),
    }
}

fn settings(config: &Config, url: &str) -> Result<LdapConnSettings> {
    if host(url).is_none() {
        return Err(Error::Url { url: url.to_owned() });
    }
    let start_tls = config.upgrade == Upgrade::StartTls;
    if start_tls && url.to_ascii_lowercase().starts_with("ldaps://") {
        return Err(Error::StartTlsOverTls);
    }
    let settings = LdapConnSettings::new().set_conn_timeout(config.timeout).set_starttls(start_tls);
    Ok(match &config.trust {
        Trust::System => settings,
        Trust::Anybody => settings.set_no_tls_verify(true),
        Trust::File(path) => settings.set_config(trusting(path)?),
        Trust::Exactly(path) => settings.set_config(pinning(path)?),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |source| Error::Authorities { path: path.to_owned(), source };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(Some(error)))?;
    let found = found.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| unreadable(Some(error)))?;
    if found.is_empty() { Err(unreadable(None)) } else { Ok(found) }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(Error::Tls)
}

fn trusting(path: &Path) -> Result<Arc<ClientConfig>> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|source| Error::Authority { path: path.to_owned(), source })?;
    }
    Ok(Arc::new(builder()?.with_root_certificates(store).with_no_client_auth()))
}

fn pinning(path: &Path) -> Result<Arc<ClientConfig>> {
    let pinned = Pinned::new(certificates(path)?);
    let builder = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(pinned));
    Ok(Arc::new(builder.with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_addresses() {
        let hosts = ["ldap://dc1:389", "LDAPS://dc1.x/", "ldap://[::1]:389", "http://x", "ldap://", "dc1"].map(host);
        assert_eq!(hosts, [Some("dc1"), Some("dc1.x"), Some("::1"), None, None, None]);
    }
}
