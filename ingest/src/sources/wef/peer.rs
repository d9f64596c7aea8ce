//! What a certificate says of the host that shows it, and how Windows names the authority that issued it.

use sha1::{Digest as _, Sha1};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The most names that are taken of a certificate.
const MAX_NAMES: usize = 16;

/// The DNS names of a certificate (RFC 5280 §4.2.1.6), without any its common name: the hosts for which its owner may speak.
/// Empty where it has none or is no certificate.
#[must_use]
pub fn names(der: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Vec::new() };
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let dns = alternative.iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let mut names: Vec<String> = dns.filter(|name| !name.is_empty()).take(MAX_NAMES).collect();
    if names.is_empty() {
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        names.extend(common.filter(|name| !name.is_empty()).take(1).map(str::to_owned));
    }
    names
}

/// The thumbprint of a certificate: SHA-1 of its bytes, as Windows shows it. It finds a certificate and protects nothing.
#[must_use]
pub fn thumbprint(der: &[u8]) -> String {
    Sha1::digest(der).iter().map(|byte| format!("{byte:02X}")).collect()
}
