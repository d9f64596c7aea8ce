//! Enrolling on behalf of others: `EnrollOnBehalfOf` between templates, and ESC3 from who can use such a pair.

use hopwatch_model::EdgeKind;

use super::template::{ANY_PURPOSE, REQUEST_AGENT, Template};
use super::{Authority, ENROLL, Pki, chain, sources};
use crate::derive::cross::{cross, grant};
use crate::derive::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// Edges from templates that make an agent to templates that an agent's signature opens.
pub(super) fn edges(work: &mut Work<'_>, pki: &Pki<'_>) {
    let mut second: Vec<NodeId> = pki.templates.keys().copied().collect();
    second.sort_unstable();
    for authority in &pki.authorities {
        for believer in &authority.believers {
            let linked: Vec<(NodeId, Vec<EdgeKey>)> =
                second.iter().filter_map(|id| Some((*id, linked(work, pki, *id, believer.domain)?))).collect();
            for offer in &authority.published {
                for (other, link) in &linked {
                    let (Some(one), Some(two)) = (pki.templates.get(&offer.source), pki.templates.get(other)) else {
                        continue;
                    };
                    if pair(one, two) && (two.schema == Some(1) || offer.source != *other) {
                        let composition = link.iter().chain([offer]).chain(&believer.chain).copied().collect();
                        work.make(offer.source, EdgeKind::EnrollOnBehalfOf, *other, composition);
                    }
                }
            }
        }
    }
}

/// Whether the first template makes an agent for the second. Templates of schema 1 name no usage that an agent's
/// signature needs: any agent opens them. Later ones must ask for the signature of a request agent.
fn pair(one: &Template, two: &Template) -> bool {
    match two.schema {
        Some(1) => one.has_usage(REQUEST_AGENT) || one.has_usage(ANY_PURPOSE) || one.unrestricted(),
        Some(schema) if schema >= 2 => {
            one.has_usage(REQUEST_AGENT)
                && !one.has_usage(ANY_PURPOSE)
                && two.signatures.is_some_and(|signatures| signatures >= 1)
                && two.agent_policies.iter().any(|policy| policy == REQUEST_AGENT)
        }
        _ => false,
    }
}

/// How a template's certificates lead to a domain's root, through the first authority that offers it.
fn linked(work: &Work<'_>, pki: &Pki<'_>, template: NodeId, domain: NodeId) -> Option<Vec<EdgeKey>> {
    offers(pki, template).into_iter().find_map(|(authority, offer)| {
        let mut way = chain::upwards(work, authority.id, domain)?;
        way.push(offer);
        Some(way)
    })
}

/// The authorities that offer a template.
fn offers<'p>(pki: &'p Pki<'_>, template: NodeId) -> Vec<(&'p Authority, EdgeKey)> {
    let at = |authority: &'p Authority| {
        authority.published.iter().find(|key| key.source == template).map(|key| (authority, *key))
    };
    pki.authorities.iter().filter_map(at).collect()
}

/// ESC3 through the authority that offers the second template.
pub(super) fn derive(work: &mut Work<'_>, pki: &Pki<'_>, authority: usize) {
    let Some(at) = pki.authorities.get(authority) else { return };
    if at.targets().is_empty() || at.published.is_empty() {
        return;
    }
    let Some(restricted) = restricted(work, pki, at.id) else { return };
    let pairs: Vec<EdgeKey> = work.made(EdgeKind::EnrollOnBehalfOf).collect();
    for offer in &at.published {
        let serves = |template: &Template| template.authenticates() && template.unapproved();
        if !pki.templates.get(&offer.source).is_some_and(serves) {
            continue;
        }
        for pair in pairs.iter().filter(|pair| pair.target == offer.source) {
            if pki.templates.get(&pair.source).is_some_and(Template::open) {
                agents(work, pki, at, *offer, *pair, restricted);
            }
        }
    }
}

/// Whether the authority restricts agents. Where that was not collected, nobody is taken to be restricted; BloodHound
/// does so too, but makes no edge where the collector did not even say that it was not collected.
fn restricted(work: &mut Work<'_>, pki: &Pki<'_>, authority: NodeId) -> Option<bool> {
    match work.flag(authority, "enrollmentagentrestrictionscollected") {
        Some(true) => work.flag(authority, "hasenrollmentagentrestrictions"),
        Some(false) => Some(false),
        None if pki.mode == Mode::Ours => Some(false),
        None => None,
    }
}

fn agents(work: &mut Work<'_>, pki: &Pki<'_>, at: &Authority, offer: EdgeKey, pair: EdgeKey, restricted: bool) {
    let delegated = work.edges_into(offer.source, &[EdgeKind::DelegatedEnrollmentAgent]);
    let (one, two) = (work.sources(pair.source, &ENROLL), work.sources(offer.source, &ENROLL));
    for (first, first_offer) in offers(pki, pair.source) {
        let (enroll, also, named) = (sources(&first.enroll), sources(&at.enroll), sources(&delegated));
        let mut sets: Vec<&[NodeId]> = vec![&one, &two, &enroll, &also];
        if restricted {
            sets.push(&named);
        }
        let holders = cross(pki.membership, pki.mode, &sets);
        for who in pki.with_names(work, pair.source, holders).iter() {
            let mut enrolment = pki.enrolment(work, who, first_offer, first);
            enrolment.extend(pki.enrolment(work, who, offer, at));
            enrolment.push(pair);
            if restricted {
                enrolment.extend(grant(pki.membership, who, &delegated));
            }
            for believer in at.targets() {
                let trusted = first.believers.iter().any(|other| other.domain == believer.domain);
                if trusted || pki.mode == Mode::BloodHound {
                    let composition = enrolment.iter().chain(&believer.chain).copied().collect();
                    work.make(who, EdgeKind::ADCSESC3, believer.domain, composition);
                }
            }
        }
    }
}
