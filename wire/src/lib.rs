//! Bytes to typed messages: Kerberos, NTLM, SPNEGO, LDAP, SMB, DCE/RPC and its interfaces, DNS, RADIUS, security
//! descriptors, event XML.
//!
//! Pure and total: no I/O, no clock, no panic. A decoder allocates at most a constant times its input and nests at most
//! to a declared bound; what it cannot read is an [`Error`] with an offset.

pub mod dhcp;
pub mod dns;
pub mod error;
pub mod nbns;
pub mod net;

pub use error::Error;
