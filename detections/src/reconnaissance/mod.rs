//! Looking around: one file per detection.

pub mod account_enumeration;
pub mod adws_enumeration;
pub mod ldap_ping_enumeration;
pub mod smb_session_enumeration;
