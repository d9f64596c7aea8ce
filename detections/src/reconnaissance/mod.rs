//! Looking around: one file per detection.

pub mod account_enumeration;
pub mod adws_enumeration;
pub mod directory_enumeration;
pub mod dns_reconnaissance;
pub mod ldap_ping_enumeration;
pub mod samr_reconnaissance;
pub mod smb_session_enumeration;
