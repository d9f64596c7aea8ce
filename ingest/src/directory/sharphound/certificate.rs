//! Certificates of authorities: thumbprint, chain, constraints. Signatures are not checked: the chain says who is named
//! as whose issuer, as the directory publishes them.

use sha1::{Digest, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::index::Index;
use super::object::Object;

/// The longest chain that is followed.
const MAX_CHAIN: usize = 10;

/// SHA-1 in upper-case hexadecimal: the thumbprint by which Windows names certificates. It protects nothing here.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Describes the first certificate of `cACertificate`.
pub(super) fn describe(index: &Index<'_>, bytes: &[u8], object: &mut Object) {
    let thumbprint = sha1_hex(bytes);
    object.property("certname", thumbprint.clone());
    object.property("certthumbprint", thumbprint);
    let parsed = parse(bytes);
    let constraints = parsed.as_ref().and_then(|certificate| certificate.basic_constraints().ok().flatten());
    let length = constraints.and_then(|constraints| constraints.value.path_len_constraint);
    object.property("hasbasicconstraints", length.is_some());
    object.property("basicconstraintpathlength", length.unwrap_or(0));
    object.property("certchain", chain(index, bytes));
}

/// The thumbprints from a certificate up to its root, as far as the directory has them.
fn chain(index: &Index<'_>, bytes: &[u8]) -> Vec<String> {
    let mut chain = vec![sha1_hex(bytes)];
    let mut current = bytes;
    while chain.len() < MAX_CHAIN {
        let Some(certificate) = parse(current).filter(|certificate| certificate.subject() != certificate.issuer())
        else {
            break;
        };
        let Some(issuer) = published(index).find(|candidate| issued_by(&certificate, candidate)) else { break };
        let thumbprint = sha1_hex(issuer);
        if chain.contains(&thumbprint) {
            break;
        }
        chain.push(thumbprint);
        current = issuer;
    }
    chain
}

/// Every authority's certificate that the directory publishes.
fn published<'i>(index: &'i Index<'_>) -> impl Iterator<Item = &'i [u8]> {
    index.items.iter().flat_map(|item| item.entry.values("cACertificate"))
}

/// Whether the names fit, and the key identifiers where both have them: a renewed authority keeps its name.
fn issued_by(certificate: &X509Certificate<'_>, candidate: &[u8]) -> bool {
    let Some(candidate) = parse(candidate) else { return false };
    if candidate.subject() != certificate.issuer() {
        return false;
    }
    match (authority_key(certificate), subject_key(&candidate)) {
        (Some(wanted), Some(own)) => wanted == own,
        _ => true,
    }
}

fn parse(bytes: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(bytes).ok().map(|(_, certificate)| certificate)
}

fn authority_key(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    })
}

fn subject_key(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_sha_1_in_upper_case() {
        assert_eq!(sha1_hex(b"abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D");
    }
}
