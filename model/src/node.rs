//! The kinds of nodes of the property graph, each declared once. Names are BloodHound's where the concept is the same.

use serde::{Deserialize, Serialize};

macro_rules! node_kinds {
    ($($kind:ident $glyph:literal $help:literal,)*) => {
        /// The kind of a node.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum NodeKind {
            $(#[doc = $help] $kind,)*
        }

        impl NodeKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The place of the kind in [`Self::ALL`], for tables and bit sets.
            #[must_use]
            #[expect(clippy::as_conversions, reason = "a fieldless enum of one byte has no other conversion")]
            pub const fn index(self) -> u8 {
                self as u8
            }

            /// The published name, which is also the Neo4j label.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// What the node stands for, in one clause.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$kind => $help,)* }
            }

            /// The shape with which the viewer draws it.
            #[must_use]
            pub const fn glyph(self) -> &'static str {
                match self { $(Self::$kind => $glyph,)* }
            }

            /// The kind of a published name; ASCII case does not matter.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

node_kinds! {
    Base "circle" "an object of which only the identifier is known",
    User "circle" "a user account, also managed and delegated service accounts",
    Computer "square" "a computer account",
    Group "hexagon" "a security group",
    ADLocalGroup "hexagon" "a local group of a computer",
    ADLocalUser "circle" "a local user of a computer",
    Domain "domain" "an Active Directory domain",
    GPO "page" "a group policy object",
    OU "bracket" "an organizational unit",
    Container "bracket" "a container",
    AIACA "seal" "a certification authority in the AIA container",
    RootCA "seal" "a trusted root certification authority",
    EnterpriseCA "seal" "an enterprise certification authority that enrols",
    NTAuthStore "seal" "the store of authorities trusted for logon",
    CertTemplate "seal" "a certificate template",
    IssuancePolicy "seal" "an issuance policy",
    Site "bracket" "a site",
    SiteServer "square" "a server of a site",
    SiteSubnet "bracket" "a subnet of a site",
    Address "diamond" "a network address that was not resolved to a host",
    AZUser "cloud" "an Entra ID user",
    AZGroup "cloud" "an Entra ID group",
    AZTenant "cloud" "an Entra ID tenant",
    AZApp "cloud" "an Entra ID application",
    AZServicePrincipal "cloud" "an Entra ID service principal",
    AZDevice "cloud" "an Entra ID device",
    AZRole "cloud" "an Entra ID role",
    AZResource "cloud" "another Azure resource",
    Custom "circle" "an object of an imported OpenGraph extension",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in NodeKind::ALL {
            assert_eq!(NodeKind::from_name(&kind.name().to_lowercase()), Some(*kind));
        }
    }
}
