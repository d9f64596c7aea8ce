//! What a search must know of a node without reading its properties: two bytes of flags.

use hopwatch_model::{NodeKind, PropertyValue};

use crate::estate::Node;

/// `userAccountControl` SERVER_TRUST_ACCOUNT (`[MS-ADTS] 2.2.16`): a domain controller.
const SERVER_TRUST_ACCOUNT: i64 = 0x2000;
/// `userAccountControl` PARTIAL_SECRETS_ACCOUNT (`[MS-ADTS] 2.2.16`): a read-only domain controller.
const PARTIAL_SECRETS_ACCOUNT: i64 = 0x0400_0000;
/// `userAccountControl` ACCOUNTDISABLE (`[MS-ADTS] 2.2.16`).
const ACCOUNTDISABLE: i64 = 0x2;

/// The flags of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFlags(u16);

impl NodeFlags {
    /// It exists at the snapshot's time.
    pub const EXISTS: Self = Self(1);
    /// An account that may log on, or an object that cannot be disabled.
    pub const ENABLED: Self = Self(1 << 1);
    /// A user or computer: what exposure counts.
    pub const ACCOUNT: Self = Self(1 << 2);
    /// A writable domain controller.
    pub const DOMAIN_CONTROLLER: Self = Self(1 << 3);
    /// A read-only domain controller.
    pub const READ_ONLY_CONTROLLER: Self = Self(1 << 4);
    /// In Tier Zero.
    pub const TIER_ZERO: Self = Self(1 << 5);
    /// Marked as taken over by an attacker.
    pub const OWNED: Self = Self(1 << 6);
    /// Marked as sensitive.
    pub const SENSITIVE: Self = Self(1 << 7);
    /// Only traffic named it.
    pub const STUB: Self = Self(1 << 8);

    /// True where all flags of `other` are set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of flags.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True where the node exists.
    #[must_use]
    pub fn exists(self) -> bool {
        self.has(Self::EXISTS)
    }

    /// True for an existing, enabled user or computer.
    #[must_use]
    pub fn principal(self) -> bool {
        self.has(Self(Self::EXISTS.0 | Self::ENABLED.0 | Self::ACCOUNT.0))
    }

    /// The flags that a node's own kind and properties give.
    pub(crate) fn of(node: &Node) -> Self {
        let mut flags = Self::EXISTS;
        let account = matches!(node.kind, NodeKind::User | NodeKind::Computer);
        let control = node.properties.get("useraccountcontrol").and_then(PropertyValue::integer).unwrap_or(0);
        let enabled = node.flag("enabled").unwrap_or(control & ACCOUNTDISABLE == 0);
        let mut set = |condition: bool, flag: Self| {
            if condition {
                flags = flags.with(flag);
            }
        };
        set(enabled || !account, Self::ENABLED);
        set(account, Self::ACCOUNT);
        set(node.stub(), Self::STUB);
        if node.kind == NodeKind::Computer {
            let read_only = control & PARTIAL_SECRETS_ACCOUNT != 0 || node.flag("isreadonlydc") == Some(true);
            let writable = control & SERVER_TRUST_ACCOUNT != 0 || node.flag("isdc") == Some(true);
            set(writable && !read_only, Self::DOMAIN_CONTROLLER);
            set(read_only, Self::READ_ONLY_CONTROLLER);
        }
        flags
    }
}
