//! LDAP operations (RFC 4511). The failure code is the LDAP result code: 49 invalid credentials, 50 insufficient rights.

use serde::{Deserialize, Serialize};

/// How a bind proves who binds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindMethod {
    /// Name and password; the password only as a keyed digest, to tell one password tried on many from many tried on one.
    Simple {
        /// The digest of the password; 0 where the source does not show one (audit logs), which equals nothing.
        password_digest: u64,
    },
    /// Simple without name and password.
    Anonymous,
    /// A SASL mechanism: `GSSAPI`, `GSS-SPNEGO`, `EXTERNAL`, `DIGEST-MD5`.
    Sasl(String),
    /// Microsoft's sicily NTLM bind.
    Sicily,
}

/// A bind. The actor is the account it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdapBind {
    /// The name as sent: DN, UPN, `DOMAIN\name` or empty.
    pub name: String,
    /// The method.
    pub method: BindMethod,
    /// Whether TLS protected it.
    pub tls: bool,
    /// Whether the connection was signed or sealed afterwards, where it can be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<bool>,
}

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdapSearch {
    /// The base DN.
    pub base: String,
    /// 0 base, 1 one level, 2 subtree.
    pub scope: u8,
    /// The filter in its text form (RFC 4515), attribute names as sent.
    pub filter: String,
    /// The attributes asked for; empty = all.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// The OIDs of the request's controls.
    #[serde(default)]
    pub controls: Vec<String>,
    /// How many entries came back, where the answer was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u32>,
    /// The carrier: `ldap`, `cldap`, `gc`, `adws`.
    #[serde(default)]
    pub carrier: String,
    /// Whether the answer was cut for length by the source.
    #[serde(default)]
    pub truncated: bool,
}
