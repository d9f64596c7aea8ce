//! The groups that Windows puts everyone into: Domain Users and Domain Computers are in Authenticated Users, these in
//! Everyone, and whoever logs on takes on special identities. No directory lists these memberships.
//!
//! BloodHound `packages/go/analysis/ad/ad.go` `LinkWellKnownNodes`. *Blind spots*: no links across trusts, so that
//! a trusted domain's users are not in this domain's Authenticated Users, though they are once they log on.

use hopwatch_model::{EdgeKind, NodeKind};

use super::work::Work;
use crate::ids::NodeId;

/// The identities that Everyone can take on, by how they log on: SID and name, `[MS-DTYP] 2.4.2.4`.
const SPECIAL: [(&str, &str); 8] = [
    ("S-1-5-2", "NETWORK"),
    ("S-1-5-15", "THIS ORGANIZATION"),
    ("S-1-5-65-1", "THIS ORGANIZATION CERTIFICATE"),
    ("S-1-18-1", "AUTHENTICATION AUTHORITY ASSERTED IDENTITY"),
    ("S-1-18-4", "KEY TRUST IDENTITY"),
    ("S-1-18-5", "MFA KEY PROPERTY IDENTITY"),
    ("S-1-5-64-10", "NTLM AUTHENTICATION"),
    ("S-1-5-64-14", "SCHANNEL AUTHENTICATION"),
];

/// Adds the groups and their links for every domain that was collected.
pub(super) fn derive(work: &mut Work<'_>) {
    for domain in work.collected_domains() {
        let (sid, name) = (work.domain_sid(domain), work.text(domain, "name").to_uppercase());
        if sid.is_empty() || name.is_empty() {
            work.gap(format!("domain {}: name or SID unknown, its well-known groups are not linked", work.id(domain)));
            continue;
        }
        let group = |work: &mut Work<'_>, id: String, label: &str| {
            let label = format!("{label}@{name}");
            let properties = [("name", label.as_str()), ("domain", &name), ("domainsid", &sid)];
            work.find_or_add(id, NodeKind::Group, &properties)
        };
        let everyone = group(work, format!("{name}-S-1-1-0"), "EVERYONE");
        let authenticated = group(work, format!("{name}-S-1-5-11"), "AUTHENTICATED USERS");
        let users = group(work, format!("{sid}-513"), "DOMAIN USERS");
        let computers = group(work, format!("{sid}-515"), "DOMAIN COMPUTERS");
        work.make(users, EdgeKind::MemberOf, authenticated, Vec::new());
        work.make(computers, EdgeKind::MemberOf, authenticated, Vec::new());
        work.make(authenticated, EdgeKind::MemberOf, everyone, Vec::new());
        for (special, label) in SPECIAL {
            let identity = group(work, format!("{name}-{special}"), label);
            work.make(everyone, EdgeKind::ClaimSpecialIdentity, identity, Vec::new());
        }
        guest(work, &sid, everyone);
    }
}

/// The guest account is in Everyone though not authenticated, and stands for everyone where it is enabled.
fn guest(work: &mut Work<'_>, sid: &str, everyone: NodeId) {
    let Some(guest) = work.find(&format!("{sid}-501")) else { return };
    work.make(guest, EdgeKind::MemberOf, everyone, Vec::new());
    if work.flag(guest, "enabled") == Some(true) {
        work.make(everyone, EdgeKind::ClaimSpecialIdentity, guest, Vec::new());
    }
}
