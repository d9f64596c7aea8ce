//! Judgement: what of the observed activity is an attack, and why.
//!
//! One file per detection, named by its slug, in the folder of its kill-chain phase; one line in [`ALL`]. A detection is
//! a synchronous state machine over `model::Event`s: its state is bounded, serialisable and its own, its thresholds are
//! numbers in a `Config`, its manual is the header of its file. It reads the graph's snapshot and what [`shared`] keeps
//! for all (ticket ledger, baselines); it never sees packets, files or the clock.
//!
//! ```text
//! Event ─► shared::observe (ledger, baselines) ─► each Rule::observe ─► Verdicts ─► assembly (merge, suppress) ─► Alert
//! ```

pub mod assembly;
pub mod attempt;
pub mod calibration;
pub mod catalogue;
pub mod change;
pub mod coverage;
pub mod credential_access;
pub mod descriptor;
pub mod directory;
pub mod domain_dominance;
pub mod engine;
#[cfg(test)]
pub(crate) mod estate_testing;
pub mod exclusion;
pub(crate) mod execution;
pub mod exfiltration;
pub mod frame;
pub mod habit;
pub mod incident;
pub mod initial_access;
#[cfg(test)]
mod invariants;
pub mod lateral_movement;
pub mod manual;
pub mod number;
pub mod posture;
pub mod reconnaissance;
pub mod route;
pub mod shared;
pub mod sigma;
#[cfg(test)]
pub(crate) mod testing;
pub mod usual;
pub mod why_not;
pub mod words;

pub use catalogue::ALL;
pub use engine::{AlertChange, Engine};
pub use frame::{
    Context, Detection, DetectionFactory, Meta, Mode, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts,
};

/// The slug of a Sigma rule's alerts begins so; the rule's id follows.
pub const RULE_PREFIX: &str = "sigma:";

/// True for the slug of a rule that users brought, not of a detection of the catalogue.
#[must_use]
pub fn rule_slug(slug: &str) -> bool {
    slug.starts_with(RULE_PREFIX)
}

/// Where in the kill chain the alerts of a slug stand; a rule of users counts as lateral movement where nothing is known
/// of it.
#[must_use]
pub fn phase_of(slug: &str) -> Phase {
    ALL.iter()
        .map(|factory| factory.meta())
        .find(|meta| meta.slug == slug)
        .map_or(Phase::LateralMovement, |meta| meta.phase)
}
