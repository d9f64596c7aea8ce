//! Edges that no source reports, computed from raw edges and properties, each with the edges that it rests on.
//!
//! One file per family, in the order in which they build upon each other:
//!
//! ```text
//! well_known ─► membership (closure) ─► replication · local_groups · owner · pki ─► ntlm
//!                                       trust_keys · admin_sd_holder · hybrid
//! ```
//!
//! [`Mode::BloodHound`] gives what BloodHound CE derives from the same raw edges, so that its output is an oracle and
//! its users find what they know. [`Mode::Ours`] gives what we hold to be true; `docs/graph/differences.md` lists every
//! difference. A property that was not collected gives no edge and a coverage gap, in both modes.
//!
//! Deliberately not here: what a source can report itself (`ingest::directory`), and paths over the result.

mod admin_sd_holder;
mod cross;
mod hybrid;
mod local_groups;
mod membership;
mod ntlm;
mod owner;
mod pki;
mod replication;
mod set;
mod trust_keys;
mod well_known;
mod work;

#[cfg(test)]
mod tests;

use crate::estate::{Derivation, Estate, Mode};
use membership::Membership;
use work::Work;

/// Everything that can be derived from the estate as it stands now. Former derived edges are not looked at.
#[must_use]
pub fn all(estate: &Estate, mode: Mode) -> Derivation {
    let mut work = Work::new(estate, mode);
    well_known::derive(&mut work);
    let membership = Membership::new(&work);
    replication::derive(&mut work, &membership);
    admin_sd_holder::derive(&mut work);
    trust_keys::derive(&mut work);
    local_groups::derive(&mut work, &membership);
    // BloodHound makes Owns and WriteOwner after the certificate edges, which read them: on a first analysis it misses
    // what rests on ownership of a template or a victim.
    match mode {
        Mode::Ours => {
            owner::derive(&mut work, &membership);
            pki::derive(&mut work, &membership);
        }
        Mode::BloodHound => {
            pki::derive(&mut work, &membership);
            owner::derive(&mut work, &membership);
        }
    }
    hybrid::derive(&mut work);
    work.finish()
}
