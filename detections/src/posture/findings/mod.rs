//! Findings of posture: what is weak in the estate whether or not anybody uses it. Each is a judgement over one snapshot,
//! so that a finding goes when its cause goes. They need what a directory source reports over LDAP; an attribute that no
//! source gave is no finding and no acquittal: [`Posture::needs`] names it, so that the gap can be shown.

pub mod accounts;
pub mod age;
pub mod certificates;
pub mod control;
pub mod delegation;
pub mod domain;
pub mod hybrid;
pub mod policies;
pub mod privileged;
pub mod scan;

#[cfg(test)]
mod tests;

use hopwatch_graph::{NodeId, Snapshot};
use hopwatch_model::{Finding, Severity, Timestamp};

/// The most evidence lines of one finding; the list of exposed objects is always whole.
const EVIDENCE: usize = 1000;

/// A judgement about posture.
///
/// # Contract
/// Pure: the same snapshot gives the same findings, sorted by object id.
pub trait Posture: Sync {
    /// The slug.
    fn slug(&self) -> &'static str;
    /// What is wrong, in one sentence.
    fn title(&self) -> &'static str;
    /// How bad it is.
    fn severity(&self) -> Severity;
    /// What to do.
    fn remediation(&self) -> &'static str;
    /// The properties and edges on which it rests: where no object has any of them, silence is a gap in coverage.
    fn needs(&self) -> &'static [&'static str];
    /// The findings of a snapshot: none, or one with every object concerned.
    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding>;
}

/// An object concerned, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The object's id.
    pub id: String,
    /// What it rests on, in words.
    pub evidence: String,
}

impl Exposed {
    /// A node of the snapshot, with what shows it behind its name.
    #[must_use]
    pub fn of(snapshot: &Snapshot, node: NodeId, evidence: &str) -> Option<Self> {
        let record = snapshot.node(node)?;
        Some(Self { id: record.id.clone(), evidence: format!("{}: {evidence}", record.label()) })
    }
}

/// A judgement that is a function over the snapshot.
pub struct Check {
    /// The slug.
    pub slug: &'static str,
    /// What is wrong, in one sentence.
    pub title: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What to do.
    pub remediation: &'static str,
    /// The properties and edges on which it rests.
    pub needs: &'static [&'static str],
    /// The objects concerned.
    pub exposed: fn(&Snapshot) -> Vec<Exposed>,
}

impl Posture for Check {
    fn slug(&self) -> &'static str {
        self.slug
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn remediation(&self) -> &'static str {
        self.remediation
    }

    fn needs(&self) -> &'static [&'static str] {
        self.needs
    }

    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding> {
        let mut exposed = (self.exposed)(snapshot);
        if exposed.is_empty() {
            return Vec::new();
        }
        exposed.sort();
        let evidence = exposed.iter().map(|object| object.evidence.clone()).take(EVIDENCE).collect();
        let mut ids: Vec<String> = exposed.into_iter().map(|object| object.id).collect();
        ids.dedup();
        vec![Finding {
            detection: self.slug.into(),
            severity: self.severity,
            title: self.title.into(),
            exposed: ids,
            remediation: self.remediation.into(),
            evidence,
            seen_at: now(snapshot),
        }]
    }
}

/// The time of the snapshot: that which was asked for, else of the latest that is in it.
#[must_use]
pub fn now(snapshot: &Snapshot) -> Timestamp {
    snapshot.as_of().or(snapshot.latest()).unwrap_or_default()
}

/// Everything that is weak in a snapshot, in order of slugs.
#[must_use]
pub fn of(snapshot: &Snapshot) -> Vec<Finding> {
    ALL.iter().flat_map(|posture| posture.findings(snapshot)).collect()
}

/// Every finding, sorted by slug.
#[rustfmt::skip]
pub static ALL: &[&dyn Posture] = &[
    &privileged::ADMIN_COUNT_ORPHAN,
    &control::ADMIN_SD_HOLDER_WRITABLE,
    &accounts::AS_REP_ROASTABLE,
    &age::BUILT_IN_ADMINISTRATOR_PASSWORD,
    &certificates::ESC1,
    &certificates::ESC11,
    &certificates::ESC13,
    &certificates::ESC15,
    &certificates::ESC2,
    &certificates::ESC3,
    &certificates::ESC4,
    &certificates::ESC6,
    &certificates::ESC7,
    &certificates::ESC8,
    &certificates::ESC9,
    &hybrid::CONNECTOR_PASSWORD,
    &hybrid::SINGLE_SIGN_ON_DELEGATION,
    &hybrid::SINGLE_SIGN_ON_PASSWORD,
    &delegation::CONSTRAINED_TO_TIER_ZERO,
    &control::CONTROLLER_OWNER,
    &age::CONTROLLER_PASSWORD,
    &control::DCSYNC,
    &accounts::DES_ONLY,
    &age::DORMANT_PRIVILEGED,
    &control::GPO_WRITABLE,
    &accounts::GUEST_ENABLED,
    &privileged::KERBEROASTABLE,
    &privileged::KERBEROASTABLE_PRIVILEGED,
    &hybrid::KEY_CREDENTIALS,
    &age::KRBTGT_PASSWORD,
    &domain::LAPS_MISSING,
    &hybrid::LAPS_NOT_ROTATED,
    &policies::LOCAL_GROUP_EVERYBODY,
    &domain::MACHINE_ACCOUNT_QUOTA,
    &accounts::NO_AES,
    &domain::OBSOLETE_SYSTEM,
    &privileged::OPERATORS,
    &accounts::PASSWORD_IN_DESCRIPTION,
    &accounts::PASSWORD_NEVER_EXPIRES,
    &accounts::PASSWORD_NOT_REQUIRED,
    &policies::LM_RESPONSES,
    &policies::LDAP_SIGNING,
    &policies::PREFERENCE_PASSWORD,
    &policies::SCRIPT_PASSWORD,
    &policies::SMB_SIGNING,
    &accounts::PRE_2000_COMPUTER,
    &privileged::PRIMARY_GROUP,
    &privileged::DELEGATABLE,
    &delegation::PROTOCOL_TRANSITION,
    &delegation::RESOURCE_BASED,
    &accounts::REVERSIBLE_ENCRYPTION,
    &domain::SID_HISTORY,
    &age::STALE_COMPUTER,
    &age::STALE_USER,
    &control::TIER_ZERO_CONTROLLED,
    &domain::TIER_ZERO_EXPOSURE,
    &delegation::UNCONSTRAINED,
];
