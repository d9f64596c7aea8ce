//! What a directory holds: collectors' files and OpenGraph become `model::DirectoryDelta`s; what we collect ourselves over
//! LDAP is written in the collectors' form and goes the same way.

pub mod bloodhound;
pub mod ldap;
pub mod opengraph;
pub mod sharphound;
pub mod sync;
pub mod sysvol;
