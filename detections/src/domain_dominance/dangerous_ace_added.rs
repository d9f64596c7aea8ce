//! ## What it finds
//! A right over the domain, or over an object of Tier Zero, given to someone who is no administrator.
//!
//! ## Why it matters
//! An entry in an access control list is a back door without an account, a process or a file: *Replicating Directory
//! Changes* on the domain's head gives every password.
//!
//! ## Evidence it needs
//! Changes of `nTSecurityDescriptor`: 5136 (SDDL), LDAP modify in clear (base64), Samba `dsdbChange`. The directory tells
//! what was granted before and what is of Tier Zero.
//!
//! ## How it decides
//! Of the new descriptor, an entry that is not inherited, whose trustee is neither well known nor of Tier Zero, and that grants
//! full control, writing the list, the owner or all properties, resetting the password, writing members, keys or
//! delegation, or replication; on the domain's head, AdminSDHolder or an object of Tier Zero. It must be new: not in the
//! old descriptor where the source shows it, else not an edge of the directory's graph. Refused changes count.
//! Without a directory and an old descriptor only replication rights on a domain's head, and AdminSDHolder, decide.
//! Where the log cuts the list short (Samba's does), one over the whole domain written by an account that is no
//! administrator: medium.
//!
//! ## Blind spots
//! Sealed LDAP; objects of lower tiers, which `exposure-increase` weighs.
//!
//! ## Likely benign causes
//! Exchange, Entra Connect and other installers that write their own entries.
//!
//! ## What to do
//! Remove the entry; look at what its trustee did since; take the right to write the list away from the actor.
//!
//! ## References
//! T1098, T1222.001; Defender for Identity `xdr_SuspiciousAdditionOfAcl`; `[MS-ADTS] 5.1.3.2`; `[MS-DTYP] 2.4.6`.

use std::collections::BTreeSet;

use hopwatch_graph::{NodeId, Snapshot};
use hopwatch_model::event::{DirectoryChange, ValueOperation};
use hopwatch_model::{Account, Activity, EdgeKind, Event, Guid, NodeKind, Severity};
use serde::{Deserialize, Serialize};

use crate::descriptor::{self, Grant};
use crate::directory;
use crate::frame::{Context, Meta, Phase, Preset, Rule, Sensitivity, Verdict, Verdicts};
use crate::words;

/// GENERIC_ALL and the directory's own full control.
const FULL: [u32; 2] = [0x1000_0000, 0x000f_01ff];
/// WRITE_DAC, WRITE_OWNER.
const WRITE_DAC: u32 = 0x0004_0000;
const WRITE_OWNER: u32 = 0x0008_0000;
/// GENERIC_WRITE, and writing properties.
const GENERIC_WRITE: u32 = 0x4000_0000;
const WRITE_PROPERTY: u32 = 0x20;
/// Control access: an extended right, or all.
const CONTROL_ACCESS: u32 = 0x100;

/// The object whose list is copied to every protected account (`[MS-ADTS] 3.1.1.6.1`).
const ADMIN_SD_HOLDER: &str = "AdminSDHolder";

/// Extended rights and attributes that are edges (`[MS-ADTS] 5.1.3.2.1`), with their edge and name.
const RIGHTS: &[(u128, EdgeKind, &str)] = &[
    (0x1131_f6aa_9c07_11d1_f79f_00c0_4fc2_dcd2, EdgeKind::GetChanges, "DS-Replication-Get-Changes"),
    (0x1131_f6ad_9c07_11d1_f79f_00c0_4fc2_dcd2, EdgeKind::GetChangesAll, "DS-Replication-Get-Changes-All"),
    (
        0x89e9_5b76_444d_4c62_991a_0fac_beda_640c,
        EdgeKind::GetChangesInFilteredSet,
        "DS-Replication-Get-Changes-In-Filtered-Set",
    ),
    (0x0029_9570_246d_11d0_a768_00aa_006e_0529, EdgeKind::ForceChangePassword, "User-Force-Change-Password"),
    (0xbf96_79c0_0de6_11d0_a285_00aa_0030_49e2, EdgeKind::AddMember, "writing members"),
    (0x5b47_d60f_6090_40b2_9f37_2a4d_e88f_3063, EdgeKind::AddKeyCredentialLink, "writing keys"),
    (0x3f78_c3e5_f79a_46bd_a0b8_9d18_116d_dc79, EdgeKind::AddAllowedToAct, "writing delegation"),
    (0xf3a6_4788_5306_11d1_a9c5_0000_f803_67c1, EdgeKind::WriteSPN, "writing service names"),
];

/// Thresholds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Trustees that get rights by installers: `sAMAccountName`s.
    pub trusted: Vec<String>,
}

impl Preset for Config {
    fn preset(sensitivity: Sensitivity) -> Self {
        let known = ["Exchange Windows Permissions", "Exchange Trusted Subsystem", "Organization Management"];
        match sensitivity {
            Sensitivity::Low => Self { trusted: Vec::new() },
            Sensitivity::High | Sensitivity::Medium => Self { trusted: known.map(String::from).into() },
        }
    }
}

/// No state: each change is compared with what was there before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DangerousAceAdded {}

impl Rule for DangerousAceAdded {
    const META: Meta = Meta {
        slug: "dangerous-ace-added",
        title: "A right over the domain or Tier Zero was given",
        phase: Phase::DomainDominance,
        severity: Severity::High,
        techniques: &["T1098", "T1222.001"],
        external_id: None,
        actions: &[
            "Remove the entry from the access control list",
            "Look at what the trustee did since",
            "Take the right to write the list away from the actor",
        ],
        source: include_str!("dangerous_ace_added.rs"),
    };

    type Config = Config;

    fn observe(&mut self, config: &Config, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::DirectoryChange(change) = &event.activity else { return };
        let writes = matches!(change.operation, ValueOperation::Add | ValueOperation::Replace);
        if !change.attribute.eq_ignore_ascii_case("nTSecurityDescriptor") || !writes {
            return;
        }
        let snapshot = context.snapshot;
        let node = object(snapshot, change);
        let Some(place) = place(snapshot, node, change) else { return };
        let old = change.old_values.iter().find_map(|value| descriptor::grants(value));
        let new: BTreeSet<Grant> =
            change.values.iter().filter_map(|value| descriptor::grants(value)).flatten().collect();
        let mut told = false;
        for grant in new.iter().filter(|grant| !grant.inherited && !descriptor::administrative(&grant.trustee)) {
            let Some((right, edge)) = right(grant) else { continue };
            let trustee = Account { sid: grant.trustee.parse().ok(), ..Account::default() };
            let who = directory::account(snapshot, &trustee);
            let name = words::account(&trustee, snapshot);
            let by_right = who.is_some_and(|node| directory::sensitive(snapshot, node))
                || config.trusted.iter().any(|known| known.eq_ignore_ascii_case(&name));
            let known = match (&old, who, node) {
                (Some(old), ..) => old.contains(grant),
                (None, Some(who), Some(node)) => holds(snapshot, who, node, edge),
                // Created since the directory was read, or there is no directory.
                (None, ..) => !right.starts_with("DS-Replication") && place != ADMIN_SD_HOLDER,
            };
            if by_right || known {
                verdicts.decline(event.time, name, format!("{right}: by right, or held before"));
                continue;
            }
            told = true;
            let actor = words::who(event, snapshot);
            let story = format!("{actor} gave {name} {right} over {place}{}.", words::answer(event));
            let key = format!("{}|{}", change.object.to_lowercase(), name.to_lowercase());
            let text = format!("{right} for {name}, who did not hold it before");
            let verdict =
                Verdict::of(event, key, story, "access control list written").against(format!("{place}: {name}"));
            verdicts.raise(verdict.because("right", 1.0, 80.0, text).score(if event.outcome.failed() {
                75.0
            } else {
                92.0
            }));
        }
        let head = node.is_none_or(|node| snapshot.kind(node) == NodeKind::Domain) || place == ADMIN_SD_HOLDER;
        if !told && head && change.values.iter().any(|value| descriptor::cut(value)) {
            on_cut(change, &place, event, snapshot, verdicts);
        }
    }

    fn entries(&self) -> usize {
        0
    }
}

/// A list over the whole domain, written by someone who is no administrator, of which the log shows the beginning alone.
fn on_cut(change: &DirectoryChange, place: &str, event: &Event, snapshot: &Snapshot, verdicts: &mut Verdicts) {
    let by_right = event.actor.as_ref().is_none_or(|actor| {
        let node = directory::account(snapshot, actor);
        node.is_none_or(|node| directory::sensitive(snapshot, node))
    });
    if by_right {
        verdicts.decline(event.time, place, "an administrator wrote the list; the log shows its beginning alone");
        return;
    }
    let who = words::who(event, snapshot);
    let story = format!(
        "{who} wrote the access control list of {place}{}; the log shows only its beginning, so what was given, and to whom, \
         has to be looked up in the directory.",
        words::answer(event)
    );
    let key = format!("{}|cut", change.object.to_lowercase());
    let text = format!("{who} is no administrator and wrote the list that governs every account");
    let verdict =
        Verdict::of(event, key, story, "access control list written, its value cut").against(place.to_owned());
    verdicts.raise(verdict.because("writer", 1.0, 50.0, text).severity(Severity::Medium).score(70.0));
}

fn object(snapshot: &Snapshot, change: &DirectoryChange) -> Option<NodeId> {
    let lookup = snapshot.lookup();
    lookup.object(&change.object, change.guid).or_else(|| lookup.domain(&dns_name(&change.object)?))
}

/// The DNS name of a naming context's DN; `None` for anything below it.
fn dns_name(dn: &str) -> Option<String> {
    let labels: Option<Vec<&str>> = dn
        .split(',')
        .map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            key.eq_ignore_ascii_case("dc").then_some(value)
        })
        .collect();
    labels.map(|labels| labels.join(".")).filter(|name| !name.is_empty())
}

/// What the object is, where it matters.
fn place(snapshot: &Snapshot, node: Option<NodeId>, change: &DirectoryChange) -> Option<String> {
    if dns_name(&change.object).is_some() || node.is_some_and(|node| snapshot.kind(node) == NodeKind::Domain) {
        return Some(format!("the domain {}", change.object));
    }
    if change.object.to_ascii_lowercase().starts_with("cn=adminsdholder,") {
        return Some(ADMIN_SD_HOLDER.into());
    }
    let node = node.filter(|node| directory::sensitive(snapshot, *node))?;
    Some(directory::label(snapshot, node))
}

/// The dangerous right of an entry, and its edge.
fn right(grant: &Grant) -> Option<(&'static str, EdgeKind)> {
    let mask = grant.mask;
    if grant.object.is_none() {
        return match () {
            () if FULL.iter().any(|full| mask & full == *full) => Some(("full control", EdgeKind::GenericAll)),
            () if mask & WRITE_DAC != 0 => Some(("writing the access control list", EdgeKind::WriteDacl)),
            () if mask & WRITE_OWNER != 0 => Some(("taking ownership", EdgeKind::WriteOwner)),
            () if mask & (GENERIC_WRITE | WRITE_PROPERTY) != 0 => {
                Some(("writing all properties", EdgeKind::GenericWrite))
            }
            () if mask & CONTROL_ACCESS != 0 => Some(("all extended rights", EdgeKind::AllExtendedRights)),
            () => None,
        };
    }
    if mask & (CONTROL_ACCESS | WRITE_PROPERTY) == 0 {
        return None;
    }
    let known = RIGHTS.iter().find(|(guid, ..)| Some(Guid::from_u128(*guid)) == grant.object);
    known.map(|(_, edge, name)| (*name, *edge))
}

/// The directory shows the right, or full control, already.
fn holds(snapshot: &Snapshot, who: NodeId, node: NodeId, edge: EdgeKind) -> bool {
    snapshot.between(who, node).any(|hop| hop.kind == edge || hop.kind == EdgeKind::GenericAll)
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::testing::{DOMAIN, alerts, by, event};

    const SLUG: &str = "dangerous-ace-added";
    const HEAD: &str = "DC=lab,DC=example";
    const ALL: &str = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2";

    fn write(object: &str, entries: &str, old: Option<&str>) -> Event {
        let change = DirectoryChange {
            object: object.into(),
            guid: None,
            class: String::new(),
            operation: ValueOperation::Replace,
            attribute: "nTSecurityDescriptor".into(),
            values: vec![format!("O:DAG:DAD:AI{entries}")],
            old_values: old.map(|entries| format!("O:DAG:DAD:AI{entries}")).into_iter().collect(),
            new_object: None,
        };
        by(event(0, Activity::DirectoryChange(Box::new(change))), "admin", "ws1", Outcome::Success)
    }

    fn entry(object: &str, rights: &str, rid: u32) -> String {
        let kind = if object.is_empty() { "A" } else { "OA" };
        format!("({kind};;{rights};{object};;{DOMAIN}-{rid})")
    }

    #[test]
    fn replication_or_full_control_over_the_domain_for_a_user_fires() {
        assert_eq!(alerts(SLUG, &[write(HEAD, &entry(ALL, "CR", 1100), None)]).len(), 1);
        assert_eq!(alerts(SLUG, &[write(HEAD, &entry("", "GA", 1100), None)]).len(), 1);
        assert_eq!(
            alerts(SLUG, &[write("CN=AdminSDHolder,CN=System,DC=lab,DC=example", &entry("", "WD", 1100), None)]).len(),
            1
        );
    }

    #[test]
    fn administrators_reading_rights_and_inherited_entries_stay_silent() {
        assert!(alerts(SLUG, &[write(HEAD, &entry(ALL, "CR", 512), None)]).is_empty());
        assert!(alerts(SLUG, &[write(HEAD, &entry("", "RPLCRC", 1100), None)]).is_empty());
        assert!(alerts(SLUG, &[write(HEAD, &format!("(A;ID;GA;;;{DOMAIN}-1100)"), None)]).is_empty());
    }

    #[test]
    fn what_the_old_descriptor_had_is_no_news() {
        let had = entry(ALL, "CR", 1100);
        assert!(alerts(SLUG, &[write(HEAD, &had, Some(&had))]).is_empty());
    }

    #[test]
    fn an_object_of_no_tier_stays_silent() {
        assert!(alerts(SLUG, &[write("OU=Sales,DC=lab,DC=example", &entry("", "GA", 1100), None)]).is_empty());
    }
}
