//! Sets of edge kinds and node kinds, as bit sets.

use hopwatch_model::{EdgeKind, NodeKind};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A set of edge kinds: which a search may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KindMask(u128);

impl KindMask {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Every kind, also those that no path may use.
    #[must_use]
    pub fn all() -> Self {
        EdgeKind::ALL.iter().copied().collect()
    }

    /// The kinds that a path may use: the default of every search.
    #[must_use]
    pub fn traversable() -> Self {
        EdgeKind::ALL.iter().copied().filter(|kind| kind.traversable()).collect()
    }

    /// This set and one kind more.
    #[must_use]
    pub fn with(self, kind: EdgeKind) -> Self {
        Self(self.0 | 1 << kind.index())
    }

    /// This set without a kind.
    #[must_use]
    pub fn without(self, kind: EdgeKind) -> Self {
        Self(self.0 & !(1 << kind.index()))
    }

    /// True where the kind is in the set.
    #[must_use]
    pub fn contains(self, kind: EdgeKind) -> bool {
        self.0 >> kind.index() & 1 == 1
    }

    /// The kinds of the set, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = EdgeKind> {
        EdgeKind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }

    /// The set of published names.
    ///
    /// # Errors
    /// [`Error::UnknownKind`] with the first name that is none.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        names.into_iter().try_fold(Self::NONE, |mask, name| {
            let kind = EdgeKind::from_name(name).ok_or_else(|| Error::UnknownKind { name: name.to_owned() })?;
            Ok(mask.with(kind))
        })
    }
}

impl Default for KindMask {
    fn default() -> Self {
        Self::traversable()
    }
}

impl FromIterator<EdgeKind> for KindMask {
    fn from_iter<I: IntoIterator<Item = EdgeKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A set of node kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeKindMask(u64);

impl NodeKindMask {
    /// Every kind.
    #[must_use]
    pub fn all() -> Self {
        NodeKind::ALL.iter().copied().collect()
    }

    /// The accounts: what exposure counts.
    #[must_use]
    pub fn accounts() -> Self {
        [NodeKind::User, NodeKind::Computer].into_iter().collect()
    }

    /// True where the kind is in the set.
    #[must_use]
    pub fn contains(self, kind: NodeKind) -> bool {
        self.0 >> kind.index() & 1 == 1
    }
}

impl FromIterator<NodeKind> for NodeKindMask {
    fn from_iter<I: IntoIterator<Item = NodeKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | 1 << kind.index()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_fits_its_bit_set() {
        assert!(EdgeKind::ALL.len() <= 128);
        assert!(NodeKind::ALL.len() <= 64);
        assert_eq!(KindMask::all().iter().count(), EdgeKind::ALL.len());
    }

    #[test]
    fn the_default_mask_holds_what_a_path_may_use() {
        let mask = KindMask::default();
        assert!(mask.contains(EdgeKind::MemberOf));
        assert!(!mask.contains(EdgeKind::GetChanges));
        assert!(!mask.without(EdgeKind::MemberOf).contains(EdgeKind::MemberOf));
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        assert_eq!(KindMask::from_names(["AdminTo", "Nope"]), Err(Error::UnknownKind { name: "Nope".into() }));
    }
}
