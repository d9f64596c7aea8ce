//! What a directory holds: collectors' files and OpenGraph become `model::DirectoryDelta`s.

pub mod bloodhound;
pub mod opengraph;
