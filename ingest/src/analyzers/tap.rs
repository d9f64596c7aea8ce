//! A tap on what the analysers read: every message as its decoder gave it, with the frame that completed it, before
//! anything is correlated, folded or capped. The differential test against an independent dissector listens here, so
//! that it judges the very reading from which events are made. Without a listener a tap costs one comparison a message.

use hopwatch_model::Guid;
use hopwatch_wire::{dns, krb5, ldap, ntlm};

/// A message as it was read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told<'a> {
    /// A Kerberos message, on its own port or in a security token.
    Kerberos(&'a krb5::Message<'a>),
    /// A message of LDAP or CLDAP, also from inside a signed layer.
    Ldap(&'a ldap::LdapMessage<'a>),
    /// A request of connection-oriented DCE/RPC.
    Rpc {
        /// The interface bound under its presentation context; `None` where the bind was not seen.
        interface: Option<Guid>,
        /// The operation number.
        opnum: u16,
        /// Whether this is the first fragment.
        first: bool,
    },
    /// A DNS message over UDP or TCP.
    Dns(&'a dns::Message<'a>),
    /// An NTLM message in a security token.
    Ntlm(&'a ntlm::Message),
}

/// A listener; the number is the frame's.
pub type Tap = Box<dyn FnMut(u64, Told<'_>) + Send>;
