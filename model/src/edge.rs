//! The kinds of edges of the property graph, each declared once: name, raw or derived, traversable, default cost and
//! the words shown to an analyst. The GraphQL enum, Neo4j's relationship types, the docs and the viewer's legend all
//! come from this table.
//!
//! An edge points in the direction of the attack: whoever holds the source can act on the target. Names are
//! BloodHound's where the concept is the same; `docs/graph/differences.md` says where we derive one otherwise.
//!
//! The cost is an effort: 0 = holding the source *is* holding the target, 1–9 = a plain command, 10–29 = a tool and some
//! noise, 30–59 = needs luck or time, 60 and more = rarely works. It is what a weighted path adds up.

use serde::{Deserialize, Serialize};

/// Whether a source reports a kind or we compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A source reports it.
    Raw,
    /// It is computed from other edges or properties, and keeps which.
    Derived,
}

/// Whether a path may use a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Traversable {
    /// Holding the source gives the target.
    Yes,
    /// It is a fact that other edges are derived from.
    No,
}

macro_rules! edge_kinds {
    ($($kind:ident $origin:ident $traversable:ident $cost:literal $help:literal $remedy:literal,)*) => {
        /// The kind of an edge.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum EdgeKind {
            $(#[doc = $help] $kind,)*
        }

        impl EdgeKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The place of the kind in [`Self::ALL`], for tables and bit sets.
            #[must_use]
            #[expect(clippy::as_conversions, reason = "a fieldless enum of one byte has no other conversion")]
            pub const fn index(self) -> u8 {
                self as u8
            }

            /// The published name, which is also the Neo4j relationship type.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// Whether a source reports it or we compute it.
            #[must_use]
            pub const fn origin(self) -> Origin {
                match self { $(Self::$kind => Origin::$origin,)* }
            }

            /// Whether a path may use it.
            #[must_use]
            pub const fn traversable(self) -> bool {
                match self { $(Self::$kind => matches!(Traversable::$traversable, Traversable::Yes),)* }
            }

            /// The default cost of a hop.
            #[must_use]
            pub const fn cost(self) -> u8 {
                match self { $(Self::$kind => $cost,)* }
            }

            /// What the source can do to the target, in one clause.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$kind => $help,)* }
            }

            /// What removes the edge, in one clause.
            #[must_use]
            pub const fn remediation(self) -> &'static str {
                match self { $(Self::$kind => $remedy,)* }
            }

            /// The kind of a published name; ASCII case does not matter.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

edge_kinds! {
    MemberOf Raw Yes 0 "is a member of the group" "remove the membership",
    Contains Raw Yes 3 "holds the object and passes on rights and policy" "move the object or block inheritance",
    GPLink Raw Yes 3 "applies its policy to the container" "unlink the policy or restrict who may edit it",
    HasSession Raw Yes 20 "keeps the account's credential in memory" "log the account off and keep it off lower tiers",
    LocalToComputer Raw No 0 "is a local group of the computer" "none: it is a fact",
    MemberOfLocalGroup Raw No 0 "is a member of the local group" "remove it from the local group",
    RemoteInteractiveLogonRight Raw No 0 "may log on through remote desktop" "remove the user right",
    AdminTo Derived Yes 5 "is an administrator of the computer" "remove it from the local Administrators",
    CanRDP Derived Yes 15 "may open a desktop on the computer" "remove it from Remote Desktop Users",
    CanPSRemote Derived Yes 10 "may open a PowerShell session on the computer" "remove it from Remote Management Users",
    ExecuteDCOM Derived Yes 15 "may run commands through DCOM" "remove it from Distributed COM Users",
    SQLAdmin Raw Yes 15 "runs the database service and can run commands through it" "give the service a managed account without rights",
    AllowedToDelegate Raw Yes 10 "may present any user to the service" "remove the constrained delegation",
    AllowedToAct Raw Yes 10 "may impersonate any user on the computer" "clear msDS-AllowedToActOnBehalfOfOtherIdentity",
    CoerceToTGT Raw Yes 20 "keeps the tickets of whoever connects, and can make a DC connect" "remove unconstrained delegation",
    DCFor Raw Yes 5 "is a domain controller of the domain" "none: protect it as Tier Zero",
    HasSIDHistory Raw Yes 2 "carries the other's SID in its token" "clear sIDHistory",
    DumpSMSAPassword Raw Yes 8 "stores the managed account's password" "uninstall the account from the host",
    ReadGMSAPassword Raw Yes 5 "may read the managed account's password" "remove it from msDS-GroupMSAMembership",
    ReadLAPSPassword Raw Yes 5 "may read the local administrator's password" "remove the right on the LAPS attribute",
    GenericAll Raw Yes 4 "has full control" "remove the access control entry",
    GenericWrite Raw Yes 6 "may write any attribute" "remove the access control entry",
    WriteDacl Raw Yes 5 "may grant itself any right" "remove the access control entry",
    WriteOwner Derived Yes 6 "may make itself the owner, and then grant itself any right" "remove the access control entry",
    WriteOwnerRaw Raw No 0 "has the right to write the owner" "remove the access control entry",
    WriteOwnerLimitedRights Raw Yes 8 "may make itself the owner and gets what OWNER RIGHTS grants" "remove the access control entry",
    Owns Derived Yes 5 "owns the object and may grant itself any right" "give ownership to Domain Admins",
    OwnsRaw Raw No 0 "is the owner of the security descriptor" "give ownership to Domain Admins",
    OwnsLimitedRights Raw Yes 7 "owns the object and gets what OWNER RIGHTS grants" "give ownership to Domain Admins",
    AllExtendedRights Raw Yes 5 "has every extended right" "remove the access control entry",
    ForceChangePassword Raw Yes 8 "may set a new password without the old one" "remove the access control entry",
    AddMember Raw Yes 4 "may add members to the group" "remove the access control entry",
    AddSelf Raw Yes 4 "may add itself to the group" "remove the access control entry",
    WriteSPN Raw Yes 25 "may set a service principal name and roast the password" "remove the access control entry",
    AddAllowedToAct Raw Yes 10 "may let any account impersonate users on the computer" "remove the access control entry",
    WriteAccountRestrictions Raw Yes 10 "may write the delegation attribute through the property set" "remove the access control entry",
    AddKeyCredentialLink Raw Yes 8 "may add a key with which to log on as the account" "remove the access control entry",
    WriteGPLink Raw Yes 20 "may link a policy to the container" "remove the access control entry",
    WriteAltSecurityIdentities Raw Yes 15 "may map a certificate to the account" "remove the access control entry",
    WritePublicInformation Raw Yes 15 "may write the public information set, with certificate mappings in it" "remove the access control entry",
    GetChanges Raw No 0 "may replicate the directory without secrets" "remove the extended right",
    GetChangesAll Raw No 0 "may replicate secrets, given GetChanges" "remove the extended right",
    GetChangesInFilteredSet Raw No 0 "may replicate the filtered attributes, given GetChanges" "remove the extended right",
    DCSync Derived Yes 3 "may replicate every secret of the domain" "remove both replication rights",
    SyncLAPSPassword Derived Yes 5 "may replicate the local administrator's password" "remove both replication rights",
    SameForestTrust Raw Yes 10 "trusts the domain inside the forest" "none: the forest is the boundary",
    CrossForestTrust Raw No 0 "trusts the other forest's domain" "remove the trust where it is not needed",
    SpoofSIDHistory Raw Yes 12 "may present any SID across the trust" "turn on SID filtering",
    AbuseTGTDelegation Raw Yes 25 "may collect tickets across the trust" "turn off TGT delegation on the trust",
    HasTrustKeys Derived Yes 5 "stores the trust account's key" "none: protect the domain's controllers",
    ClaimSpecialIdentity Derived Yes 0 "can take on the special identity" "none: it is how Windows works",
    ProtectAdminGroups Derived No 0 "stamps its security descriptor on the object" "none: it is a fact",
    SyncedToEntraUser Derived Yes 10 "is synchronised to the cloud account" "use cloud-only accounts for cloud roles",
    SyncedToADUser Derived Yes 10 "is synchronised to the directory account" "use separate accounts",
    RootCAFor Raw No 0 "is a trusted root of the domain" "none: it is a fact",
    NTAuthStoreFor Raw No 0 "is the domain's store for logon" "none: it is a fact",
    HostsCAService Raw No 0 "runs the certification authority" "none: protect it as Tier Zero",
    PublishedTo Raw No 0 "is offered by the authority" "unpublish the template",
    Enroll Raw No 0 "may enrol" "remove the enrolment right",
    ManageCA Raw Yes 10 "manages the certification authority" "remove the right",
    ManageCertificates Raw Yes 15 "approves certificate requests" "remove the right",
    DelegatedEnrollmentAgent Raw No 0 "may enrol on behalf of others with the template" "restrict enrolment agents",
    WritePKIEnrollmentFlag Raw No 0 "may write the template's enrolment flags" "remove the access control entry",
    WritePKINameFlag Raw No 0 "may write the template's name flags" "remove the access control entry",
    OIDGroupLink Raw No 0 "is linked to the group" "clear msDS-OIDToGroupLink",
    ExtendedByPolicy Derived No 0 "carries the issuance policy" "none: it is a fact",
    TrustedForNTAuth Derived No 0 "is trusted for logon" "remove it from the store",
    IssuedSignedBy Derived No 0 "is signed by the authority" "none: it is a fact",
    EnterpriseCAFor Derived No 0 "has the same certificate as the authority" "none: it is a fact",
    EnrollOnBehalfOf Derived No 0 "gives certificates with which the other template is enrolled for others" "require approval",
    GoldenCert Derived Yes 8 "holds the key that can forge any logon certificate" "protect the authority as Tier Zero",
    ADCSESC1 Derived Yes 5 "may enrol for any subject" "forbid subjects supplied by the enrollee",
    ADCSESC2 Derived Yes 12 "may enrol for any purpose" "restrict the template's usages",
    ADCSESC3 Derived Yes 8 "may enrol on behalf of anyone" "restrict enrolment agents",
    ADCSESC4 Derived Yes 8 "may rewrite the template" "remove the access control entry",
    ADCSESC5 Derived Yes 10 "controls an object of the public key infrastructure" "remove the access control entry",
    ADCSESC6a Derived Yes 6 "may name any subject at this authority" "turn off EDITF_ATTRIBUTESUBJECTALTNAME2",
    ADCSESC6b Derived Yes 12 "may name any subject at this authority, through Schannel" "turn off EDITF_ATTRIBUTESUBJECTALTNAME2",
    ADCSESC7 Derived Yes 8 "may approve its own request" "separate the roles",
    ADCSESC8 Derived Yes 15 "may relay a logon to web enrolment" "require HTTPS with channel binding",
    ADCSESC9a Derived Yes 12 "may enrol as an account that it renames" "enforce strong certificate binding",
    ADCSESC9b Derived Yes 15 "may enrol as a computer whose DNS name it writes" "enforce strong certificate binding",
    ADCSESC10a Derived Yes 15 "may enrol as an account that it renames, through Schannel" "turn off weak mapping methods",
    ADCSESC10b Derived Yes 15 "may enrol as a computer whose DNS name it writes, through Schannel" "turn off weak mapping methods",
    ADCSESC11 Derived Yes 15 "may relay a logon to the authority's RPC" "require encryption on ICPR",
    ADCSESC13 Derived Yes 6 "gets the group by enrolling" "clear the group link",
    ADCSESC14 Derived Yes 15 "may use a weak certificate mapping" "use strong mappings",
    ADCSESC15 Derived Yes 6 "may add application policies to a version 1 template" "install the update, or duplicate the template",
    ADCSESC16 Derived Yes 8 "enrols where the security extension is off" "turn the extension on again",
    CoerceAndRelayNTLMToSMB Derived Yes 20 "may relay a coerced computer to the target" "require SMB signing",
    CoerceAndRelayNTLMToLDAP Derived Yes 20 "may relay a coerced computer to LDAP" "require LDAP signing",
    CoerceAndRelayNTLMToLDAPS Derived Yes 20 "may relay a coerced computer to LDAPS" "require channel binding",
    CoerceAndRelayNTLMToADCS Derived Yes 15 "may relay a coerced computer to web enrolment" "require HTTPS with channel binding",
    GPOAppliesTo Derived No 0 "applies to the account" "none: it is a fact",
    CanApplyGPO Derived No 0 "can change a policy that applies to the account" "restrict who may edit the policy",
    CanBackup Derived Yes 10 "may back up the host's files, its secrets among them" "remove the privilege",
    BadSuccessor Derived Yes 8 "may make an account that succeeds any other" "remove the right to create managed accounts",
    WriteGPO Derived Yes 10 "may edit the policy, and so run code where it applies" "remove the access control entry",
    LoggedOnFrom Raw No 0 "was the source of logons of the account" "none: it is an observation",
    LogonTo Raw No 0 "logged on to the computer" "none: it is an observation",
    ConnectedTo Raw No 0 "opened authenticated connections to the computer" "none: it is an observation",
    HasAddress Raw No 0 "had the address" "none: it is an observation",
    AZMemberOf Raw Yes 0 "is a member of the cloud group" "remove the membership",
    AZOwns Raw Yes 5 "owns the cloud object" "remove the owner",
    AZHasRole Raw Yes 3 "holds the cloud role" "remove the assignment",
    AZContains Raw Yes 3 "holds the cloud object" "none: it is a fact",
    AZRunsAs Raw Yes 2 "runs as the service principal" "none: it is a fact",
    AZControls Raw Yes 8 "has control of the cloud object" "remove the assignment",
    CustomEdge Raw No 0 "is an edge of an imported OpenGraph extension" "see the extension",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EdgeKind::ALL {
            assert_eq!(EdgeKind::from_name(kind.name()), Some(*kind));
        }
    }

    #[test]
    fn what_no_path_may_use_costs_nothing() {
        for kind in EdgeKind::ALL.iter().filter(|kind| !kind.traversable()) {
            assert_eq!(kind.cost(), 0, "{}", kind.name());
        }
    }
}
