//! Sets of nodes by kind and tests, as data. A property that was not collected passes no test: what is unknown is a
//! coverage gap, not an answer.

use hopwatch_model::NodeKind;

use crate::ids::NodeId;
use crate::snapshot::{NodeFlags, Snapshot};
use crate::tier_zero::ends_with_sid;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Nodes of some kinds (any, where none is named) that pass every test.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// The kinds.
    pub kinds: &'static [NodeKind],
    /// The tests.
    pub tests: &'static [Test],
}

/// A test of a node.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// It is the object that the question is about.
    Object,
    /// A property is true.
    Is(&'static str),
    /// A property is known and false.
    IsNot(&'static str),
    /// A list or text is not empty.
    Has(&'static str),
    /// A text contains this, in any case.
    Contains(&'static str, &'static str),
    /// A number equals this.
    Equals(&'static str, i64),
    /// A time lies more than so many days before the latest of the graph.
    DaysAgo(&'static str, i64),
    /// A time is known and says never.
    Never(&'static str),
    /// Its SID ends so: `-512` behind a domain's, `S-1-5-11` alone or behind a name.
    Sid(&'static str),
    /// Its SID does not end so.
    NotSid(&'static str),
    /// It is enabled, or cannot be disabled.
    Enabled,
    /// It is disabled.
    Disabled,
    /// It is in Tier Zero.
    TierZero,
    /// It is not.
    BelowTierZero,
    /// It is marked as taken.
    Owned,
    /// It is marked as a crown jewel.
    Sensitive,
    /// It is a domain controller.
    Controller,
    /// It is a computer that is none.
    Member,
    /// Nothing leads into it from a group, user or computer.
    Empty,
}

impl Set {
    /// Its members by id.
    #[must_use]
    pub fn members(&self, snapshot: &Snapshot, object: Option<NodeId>) -> Vec<NodeId> {
        if let Some(object) = object.filter(|_| self.tests.iter().any(|test| matches!(test, Test::Object))) {
            return Some(object).filter(|id| self.admits(snapshot, Some(*id), *id)).into_iter().collect();
        }
        snapshot.nodes().filter(|id| self.admits(snapshot, object, *id)).collect()
    }

    /// Whether it holds a node.
    #[must_use]
    pub fn admits(&self, snapshot: &Snapshot, object: Option<NodeId>, id: NodeId) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&snapshot.kind(id)))
            && self.tests.iter().all(|test| test.passes(snapshot, object, id))
    }
}

impl Test {
    fn passes(self, snapshot: &Snapshot, object: Option<NodeId>, id: NodeId) -> bool {
        let flags = snapshot.flags(id);
        let Some(node) = snapshot.node(id) else { return false };
        match self {
            Self::Object => object == Some(id),
            Self::Is(name) => node.flag(name) == Some(true),
            Self::IsNot(name) => node.flag(name) == Some(false),
            Self::Has(name) => node.list(name).iter().any(|text| !text.is_empty()),
            Self::Contains(name, part) => {
                node.list(name).iter().any(|text| text.to_lowercase().contains(&part.to_lowercase()))
            }
            Self::Equals(name, number) => node.integer(name) == Some(number),
            Self::DaysAgo(name, days) => node
                .integer(name)
                .filter(|secs| *secs > 0)
                .zip(snapshot.latest())
                .is_some_and(|(secs, latest)| latest.as_secs() - secs > days * DAY),
            Self::Never(name) => node.integer(name).is_some_and(|secs| secs <= 0),
            Self::Sid(suffix) => ends_with_sid(&node.id, suffix),
            Self::NotSid(suffix) => !ends_with_sid(&node.id, suffix),
            Self::Enabled => flags.has(NodeFlags::ENABLED),
            Self::Disabled => !flags.has(NodeFlags::ENABLED),
            Self::TierZero => flags.has(NodeFlags::TIER_ZERO),
            Self::BelowTierZero => !flags.has(NodeFlags::TIER_ZERO),
            Self::Owned => flags.has(NodeFlags::OWNED),
            Self::Sensitive => flags.has(NodeFlags::SENSITIVE),
            Self::Controller => controller(flags),
            Self::Member => snapshot.kind(id) == NodeKind::Computer && !controller(flags),
            Self::Empty => !snapshot.incoming(id).any(|hop| hop.kind == hopwatch_model::EdgeKind::MemberOf),
        }
    }
}

fn controller(flags: NodeFlags) -> bool {
    flags.has(NodeFlags::DOMAIN_CONTROLLER) || flags.has(NodeFlags::READ_ONLY_CONTROLLER)
}
