//! `Owns` and `WriteOwner`: what owners may do, from what a collector saw of owners.
//!
//! An owner has READ_CONTROL and WRITE_DAC implicitly. Since the update for CVE-2021-42291 a forest can withhold this
//! for computers and what derives from them: `dSHeuristics` character 29 = 1 (`[MS-ADTS] 6.1.1.2.4.1.2`,
//! BlockOwnerImplicitRights), except from Domain and Enterprise Admins. BloodHound `packages/go/analysis/ad/owns.go`.

use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};
use rustc_hash::FxHashMap;

use super::membership::Membership;
use super::set::Set;
use super::work::Work;
use crate::estate::Mode;
use crate::ids::NodeId;

/// The place of BlockOwnerImplicitRights in `dSHeuristics`, counted from 0.
const BLOCK_OWNER_IMPLICIT_RIGHTS: usize = 28;

/// Edges of owners and of those who may become owners.
pub(super) fn derive(work: &mut Work<'_>, membership: &Membership) {
    let blocking = blocking_domains(work);
    let admins = if blocking.is_empty() { Set::default() } else { admins(work, membership) };
    for (raw, makes) in [(EdgeKind::OwnsRaw, EdgeKind::Owns), (EdgeKind::WriteOwnerRaw, EdgeKind::WriteOwner)] {
        for (key, inherited) in work.raw_with_flag(raw, "isinherited") {
            if !blocking.is_empty()
                && blocking.contains_key(work.text(key.target, "domainsid"))
                && computer_derived(work, key.target)
                && !(makes == EdgeKind::Owns && admins.contains(key.source))
            {
                continue;
            }
            work.make(key.source, makes, key.target, vec![key]);
            if inherited {
                work.with("isinherited", PropertyValue::Bool(true));
            }
        }
    }
}

/// The SIDs of the domains that block implicit rights. The attribute belongs to the forest: where one domain shows it,
/// it holds for every domain of the forest, which BloodHound does not consider.
fn blocking_domains(work: &mut Work<'_>) -> FxHashMap<String, ()> {
    let mut blocking = FxHashMap::default();
    let domains = work.nodes(NodeKind::Domain);
    for domain in &domains {
        let set = work.text(*domain, "dsheuristics").as_bytes().get(BLOCK_OWNER_IMPLICIT_RIGHTS) == Some(&b'1');
        let known = work.node(*domain).is_some_and(|node| node.properties.contains_key("dsheuristics"));
        if set {
            for id in forest(work, *domain) {
                blocking.insert(work.domain_sid(id), ());
            }
        } else if !known && work.flag(*domain, "collected") == Some(true) {
            work.gap(format!(
                "domain {}: dSHeuristics unknown, owners are taken to have their rights",
                work.id(*domain)
            ));
        }
    }
    blocking.remove("");
    blocking
}

/// The domains of the same forest.
fn forest(work: &Work<'_>, domain: NodeId) -> Vec<NodeId> {
    let mut found = vec![domain];
    if work.mode() == Mode::BloodHound {
        return found;
    }
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        for key in work.raw(EdgeKind::SameForestTrust) {
            let other = if key.source == id { key.target } else { key.source };
            if (key.source == id || key.target == id) && !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}

fn admins(work: &Work<'_>, membership: &Membership) -> Set {
    let mut groups = work.nodes(NodeKind::Group);
    groups.retain(|id| work.id(*id).ends_with("-512") || work.id(*id).ends_with("-519"));
    membership.unrolled(&groups)
}

fn computer_derived(work: &Work<'_>, id: NodeId) -> bool {
    work.kind(id) == NodeKind::Computer || work.flag(id, "gmsa") == Some(true) || work.flag(id, "msa") == Some(true)
}
