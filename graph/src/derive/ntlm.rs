//! Coercing a computer to log on and relaying its NTLM: to SMB, to LDAP and LDAPS of a controller, to web enrolment.
//!
//! Anyone who can log on can coerce, so that every edge starts at the domain's Authenticated Users. A computer that
//! forbids outgoing NTLM, or is in Protected Users of a domain that honours the group, cannot be relayed; one of which
//! that is unknown makes no edge and a gap. BloodHound `packages/go/analysis/ad/ntlm.go`.

use hopwatch_model::{EdgeKind, NodeKind, PropertyValue};
use rustc_hash::FxHashMap;

use super::membership::Membership;
use super::pki::{Pki, victims};
use super::set::Set;
use super::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// Functional levels at which domains do not yet honour Protected Users.
const BEFORE_PROTECTED_USERS: [&str; 6] = ["2000 Mixed/Native", "2003 Interim", "2003", "2008", "2008 R2", "2012"];

/// What is asked of every domain.
struct Domain {
    authenticated: NodeId,
    /// Controllers that take unsigned LDAP.
    ldap: Vec<NodeId>,
    /// Controllers that take LDAPS without channel binding.
    ldaps: Vec<NodeId>,
    protected: Set,
}

/// All relays.
pub(super) fn derive(work: &mut Work<'_>, pki: &Pki<'_>) {
    let domains = domains(work, pki.membership);
    let (unprotected, unknown) = unprotected(work, &domains);
    if unknown > 0 {
        work.gap(format!("{unknown} computers: restrictoutboundntlm unknown, relays of their logons are not shown"));
    }
    for computer in work.nodes(NodeKind::Computer) {
        let Some(domain) = domains.get(work.text(computer, "domainsid")) else { continue };
        to_smb(work, pki.membership, domain, computer, &unprotected);
        if unprotected.contains(computer) && work.flag(computer, "webclientrunning") == Some(true) {
            let ways = [
                (EdgeKind::CoerceAndRelayNTLMToLDAP, &domain.ldap),
                (EdgeKind::CoerceAndRelayNTLMToLDAPS, &domain.ldaps),
            ];
            for (makes, controllers) in ways {
                if controllers.iter().any(|controller| *controller != computer) {
                    work.make(domain.authenticated, makes, computer, Vec::new());
                }
            }
        }
    }
    to_enrolment(work, pki, &domains, &unprotected);
}

fn domains(work: &Work<'_>, membership: &Membership) -> FxHashMap<String, Domain> {
    let mut found = FxHashMap::default();
    for domain in work.nodes(NodeKind::Domain) {
        let sid = work.domain_sid(domain);
        let groups = work.nodes(NodeKind::Group);
        let named = |suffix: &str| {
            groups.iter().copied().find(|id| work.id(*id).ends_with(suffix) && work.text(*id, "domainsid") == sid)
        };
        let Some(authenticated) = named("-S-1-5-11").filter(|_| !sid.is_empty()) else { continue };
        let level = work.node(domain).and_then(|node| node.properties.get("functionallevel"));
        let honoured = match level {
            Some(PropertyValue::Text(level)) => !BEFORE_PROTECTED_USERS.contains(&level.as_str()),
            // A collector that writes the level as a number writes the year.
            Some(level) => level.integer().is_none_or(|year| year > 2012),
            None => true,
        };
        let protected = named("-525").filter(|_| honoured).map(|id| membership.members(id)).unwrap_or_default();
        let of_domain = |asked: &[(&str, bool)]| {
            let controller = |id: &NodeId| {
                work.text(*id, "domainsid") == sid
                    && work.flag(*id, "isdc") == Some(true)
                    && asked.iter().all(|(name, value)| work.flag(*id, name) == Some(*value))
            };
            work.nodes(NodeKind::Computer).into_iter().filter(controller).collect::<Vec<_>>()
        };
        let ldap = of_domain(&[("ldapavailable", true), ("ldapsigning", false)]);
        let ldaps = of_domain(&[("ldapsavailable", true), ("ldapsepa", false)]);
        found.insert(sid, Domain { authenticated, ldap, ldaps, protected });
    }
    found
}

/// The computers whose logons can be relayed, and how many there are of which that is unknown.
fn unprotected(work: &Work<'_>, domains: &FxHashMap<String, Domain>) -> (Set, usize) {
    let (mut found, mut unknown) = (Set::default(), 0);
    for computer in work.nodes(NodeKind::Computer) {
        let Some(domain) = domains.get(work.text(computer, "domainsid")) else { continue };
        match work.flag(computer, "restrictoutboundntlm") {
            Some(false) if !domain.protected.contains(computer) => {
                found.insert(computer);
            }
            Some(_) => {}
            None => unknown += 1,
        }
    }
    (found, unknown)
}

/// A computer that does not ask for signing takes the relayed logon of any other that administers it.
fn to_smb(work: &mut Work<'_>, membership: &Membership, domain: &Domain, computer: NodeId, unprotected: &Set) {
    if work.flag(computer, "smbsigning") != Some(false) {
        return;
    }
    for admin in work.edges_into(computer, &[EdgeKind::AdminTo]) {
        let everyone = work.mode() == Mode::Ours && membership.holds_everyone(admin.source);
        let mut coerced = membership.accounts(&[admin.source]);
        coerced.intersect(unprotected);
        coerced.remove(computer);
        let Some(other) = coerced.iter().next() else { continue };
        let mut composition: Vec<EdgeKey> = vec![admin];
        let holder = Set::of([admin.source]);
        if !everyone {
            composition.extend(membership.chain(other, &holder).into_iter().flat_map(|(_, chain)| chain));
        }
        work.make(domain.authenticated, EdgeKind::CoerceAndRelayNTLMToSMB, computer, composition);
        return;
    }
}

/// A computer that can enrol is impersonated through an authority whose web enrolment takes relayed logons.
fn to_enrolment(work: &mut Work<'_>, pki: &Pki<'_>, domains: &FxHashMap<String, Domain>, unprotected: &Set) {
    for at in &pki.authorities {
        if work.flag(at.id, "hasvulnerableendpoint") != Some(true) {
            continue;
        }
        for offer in &at.published {
            let serves = pki.open_for_logon(offer.source);
            if !serves {
                continue;
            }
            let mut coerced = victims(work, pki, at, offer.source);
            coerced.intersect(unprotected);
            for believer in at.targets() {
                let Some(domain) = domains.get(&work.domain_sid(believer.domain)) else { continue };
                for computer in coerced.iter() {
                    let mut composition = pki.enrolment(work, computer, *offer, at);
                    composition.extend(&believer.chain);
                    work.make(domain.authenticated, EdgeKind::CoerceAndRelayNTLMToADCS, computer, composition);
                }
            }
        }
    }
}
