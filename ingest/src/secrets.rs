//! Secrets end here: ticket cipher text, NTLM responses and simple-bind passwords become keyed digests. The key belongs
//! to the installation, so that a digest tells equal from unequal and nothing else.

/// The installation's digest key.
#[derive(Clone)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// From 32 random bytes kept in the data directory.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fixed key for one-shot analysis, where digests never leave the process, and for reproducible tests.
    #[must_use]
    pub fn one_shot() -> Self {
        Self(*b"hopwatch one-shot analysis key..")
    }

    /// The digest of a secret in a domain of use (`ticket`, `password`): equal secrets of one domain are equal.
    #[must_use]
    pub fn digest(&self, domain: &str, secret: &[u8]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(domain.as_bytes()).update(&[0]).update(secret);
        let mut out = [0; 8];
        hasher.finalize_xof().fill(&mut out);
        u64::from_le_bytes(out)
    }
}

impl std::fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// A digest of public content, not keyed: for telling a repeated delivery of a record.
#[must_use]
pub fn content_digest(content: &[u8]) -> u64 {
    let mut out = [0; 8];
    blake3::Hasher::new().update(content).finalize_xof().fill(&mut out);
    u64::from_le_bytes(out)
}
