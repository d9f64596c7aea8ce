//! Using a credential elsewhere: one file per detection.

pub mod pass_the_ticket;
pub mod printnightmare;
