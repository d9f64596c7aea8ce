//! LDAP on ports 389 and 3268 and CLDAP: binds, searches and changes with their results (RFC 4511, RFC 3352).
//!
//! The actor of an operation is whoever the connection is bound as. A SASL bind of several legs is one bind; where its
//! security layer only signs, the messages inside are read as if there were none. What is sealed, and what follows StartTLS,
//! is counted and reported as opaque.
//!
//! *Blind spots.* Where the beginning of a connection was not captured, nobody knows as whom it is bound. Entries that come
//! back are counted, not read. Of a Kerberos bind the wire shows the ticket, not the account.

mod bind;
mod change;
mod connection;
mod datagrams;
mod session;
#[cfg(test)]
mod tests;

use super::{DatagramAnalyzer, StreamAnalyzer};

/// An analyser of one TCP connection.
#[must_use]
pub fn stream() -> Box<dyn StreamAnalyzer> {
    Box::new(connection::Connection::default())
}

/// An analyser of CLDAP.
#[must_use]
pub fn datagrams() -> Box<dyn DatagramAnalyzer> {
    Box::new(datagrams::Datagrams::default())
}
