//! Using a credential elsewhere: one file per detection.

pub mod attack_path_in_progress;
pub mod bronze_bit;
pub mod pass_the_ticket;
pub mod printnightmare;
pub mod rbcd_use;
pub mod tier_violation;
