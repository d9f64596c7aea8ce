//! Taking data out: one file per detection.

pub mod smb_exfiltration;
