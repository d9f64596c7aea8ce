//! Taking data out: one file per detection.

pub mod dns_tunnelling;
pub mod smb_exfiltration;
