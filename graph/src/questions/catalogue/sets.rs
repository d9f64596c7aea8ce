//! The sets that many questions share.

use hopwatch_model::{EdgeKind, NodeKind};

use super::super::Test::{BelowTierZero, Controller, Enabled, Object, Owned, TierZero};
use super::super::{Category, Form, Question, Set, Test};

/// Rights that give an object to their holder, directly or by one step.
pub(super) const CONTROL: &[EdgeKind] = &[
    EdgeKind::GenericAll,
    EdgeKind::GenericWrite,
    EdgeKind::WriteDacl,
    EdgeKind::WriteOwner,
    EdgeKind::WriteOwnerLimitedRights,
    EdgeKind::Owns,
    EdgeKind::OwnsLimitedRights,
    EdgeKind::AllExtendedRights,
    EdgeKind::ForceChangePassword,
    EdgeKind::AddMember,
    EdgeKind::AddSelf,
    EdgeKind::AddAllowedToAct,
    EdgeKind::AddKeyCredentialLink,
    EdgeKind::WriteAccountRestrictions,
    EdgeKind::WriteGPLink,
    EdgeKind::WriteSPN,
    EdgeKind::WriteAltSecurityIdentities,
    EdgeKind::WritePublicInformation,
    EdgeKind::ReadLAPSPassword,
    EdgeKind::ReadGMSAPassword,
    EdgeKind::DCSync,
    EdgeKind::WriteGPO,
];

pub(super) const fn set(kinds: &'static [NodeKind], tests: &'static [Test]) -> Set {
    Set { kinds, tests }
}

pub(super) const fn row(slug: &'static str, category: Category, title: &'static str, form: Form) -> Question {
    Question { slug, category, title, form }
}

pub(super) const ANY: Set = set(&[], &[]);
pub(super) const LOW: Set = set(&[NodeKind::User, NodeKind::Computer, NodeKind::Group], &[BelowTierZero]);
pub(super) const ACTORS: Set = set(&[NodeKind::User, NodeKind::Computer, NodeKind::Group], &[]);
pub(super) const LOW_ACCOUNTS: Set = set(&[NodeKind::User, NodeKind::Computer], &[BelowTierZero, Enabled]);
pub(super) const ACCOUNTS: Set = set(&[NodeKind::User, NodeKind::Computer], &[Enabled]);
pub(super) const TIER_ZERO: Set = set(&[], &[TierZero]);
pub(super) const OBJECT: Set = set(&[], &[Object]);
pub(super) const OWNED: Set = set(&[], &[Owned]);
pub(super) const COMPUTERS: Set = set(&[NodeKind::Computer], &[]);
pub(super) const USERS: Set = set(&[NodeKind::User], &[]);
pub(super) const DOMAINS: Set = set(&[NodeKind::Domain], &[]);
pub(super) const CONTROLLERS: Set = set(&[NodeKind::Computer], &[Controller]);

pub(super) const fn users(tests: &'static [Test]) -> Set {
    set(&[NodeKind::User], tests)
}

pub(super) const fn computers(tests: &'static [Test]) -> Set {
    set(&[NodeKind::Computer], tests)
}

pub(super) const fn groups(tests: &'static [Test]) -> Set {
    set(&[NodeKind::Group], tests)
}
