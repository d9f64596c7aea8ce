//! Escalations by enrolling alone: a subject of the enrollee's choice (ESC1, ESC6), an issuance policy that gives a group
//! (ESC13); and, beyond BloodHound, any purpose (ESC2), application policies of the enrollee's choice (ESC15), and
//! authorities that leave the security extension out (ESC16).
//!
//! *Blind spots*: whether the update against ESC15 (CVE-2024-49019) is installed is not collected, so that its edges are
//! less sure than others. ESC16 needs the list of disabled extensions, which few collectors read.

use hopwatch_model::{EdgeKind, NodeKind};

use super::template::{ANY_PURPOSE, Template};
use super::weak_mapping::{Weakness, weak};
use super::{Authority, Pki};
use crate::derive::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// The security extension `szOID_NTDS_CA_SECURITY_EXT`, `[MS-WCCE] 2.2.2.7.7.4`.
pub(super) const SECURITY_EXTENSION: &str = "1.3.6.1.4.1.311.25.2";

/// How sure ESC15 is, in percent, while nobody says whether the update is installed.
const UPDATE_UNKNOWN: u8 = 50;

/// An escalation by enrolling.
struct Rule {
    makes: EdgeKind,
    /// Whether the template serves.
    template: fn(&Template) -> bool,
    /// Whether the authority serves.
    authority: fn(&Work<'_>, NodeId) -> bool,
    /// Whether the domain serves.
    domain: fn(&Work<'_>, NodeId) -> bool,
    /// Whether who has no DNS name is refused by templates that want one.
    names: bool,
    at_most: u8,
    beyond: bool,
}

const RULES: [Rule; 6] = [
    Rule {
        makes: EdgeKind::ADCSESC1,
        template: |template| template.open() && template.authenticates() && template.supplies_subject == Some(true),
        authority: |_, _| true,
        domain: |_, _| true,
        names: false,
        at_most: 100,
        beyond: false,
    },
    Rule {
        makes: EdgeKind::ADCSESC6a,
        template: |template| {
            template.open() && template.authenticates() && template.no_security_extension == Some(true)
        },
        authority: names_any_subject,
        domain: |_, _| true,
        names: true,
        at_most: 100,
        beyond: false,
    },
    Rule {
        makes: EdgeKind::ADCSESC6b,
        template: |template| template.open() && template.authenticates_tls(),
        authority: names_any_subject,
        domain: |work, domain| weak(work, domain, Weakness::Mapping),
        names: true,
        at_most: 100,
        beyond: false,
    },
    Rule {
        makes: EdgeKind::ADCSESC2,
        template: |template| {
            template.open()
                && (template.has_usage(ANY_PURPOSE) || template.unrestricted())
                && template.supplies_subject == Some(false)
        },
        authority: |_, _| true,
        domain: |_, _| true,
        names: true,
        at_most: 100,
        beyond: true,
    },
    Rule {
        makes: EdgeKind::ADCSESC15,
        template: |template| {
            template.unapproved()
                && template.schema == Some(1)
                && template.supplies_subject == Some(true)
                && template.authentication == Some(false)
        },
        authority: |_, _| true,
        domain: |_, _| true,
        names: false,
        at_most: UPDATE_UNKNOWN,
        beyond: true,
    },
    Rule {
        makes: EdgeKind::ADCSESC16,
        template: |template| template.open() && template.authenticates(),
        authority: |work, authority| names_any_subject(work, authority) && leaves_extension_out(work, authority),
        domain: |_, _| true,
        names: true,
        at_most: 100,
        beyond: true,
    },
];

/// `EDITF_ATTRIBUTESUBJECTALTNAME2`: requests may name a subject.
fn names_any_subject(work: &Work<'_>, authority: NodeId) -> bool {
    work.flag(authority, "isuserspecifiessanenabledcollected") == Some(true)
        && work.flag(authority, "isuserspecifiessanenabled") == Some(true)
}

/// The authority leaves the security extension out of every certificate.
pub(super) fn leaves_extension_out(work: &Work<'_>, authority: NodeId) -> bool {
    let disabled = work.node(authority).map(|node| node.list("disabledextensions")).unwrap_or_default();
    disabled.iter().any(|extension| extension == SECURITY_EXTENSION)
}

/// The edges through one authority.
pub(super) fn derive(work: &mut Work<'_>, pki: &mut Pki<'_>, authority: usize) {
    let Some(offers) = pki.authorities.get(authority).map(|authority| authority.published.clone()) else { return };
    for offer in offers {
        let ours = pki.mode == Mode::Ours;
        for rule in RULES.iter().filter(|rule| ours || !rule.beyond) {
            apply(work, pki, authority, offer, rule);
        }
        issuance_policy(work, pki, authority, offer);
    }
}

fn apply(work: &mut Work<'_>, pki: &mut Pki<'_>, authority: usize, offer: EdgeKey, rule: &Rule) {
    let serves = |pki: &Pki<'_>| {
        let at: &Authority = pki.authorities.get(authority)?;
        let template = pki.templates.get(&offer.source)?;
        ((rule.template)(template) && !at.targets().is_empty() && (rule.authority)(work, at.id)).then_some(())
    };
    if serves(pki).is_none() {
        return;
    }
    let mut holders = pki.enrollers(work, offer.source, authority);
    if rule.names {
        holders = pki.with_names(work, offer.source, holders);
    }
    let Some(at) = pki.authorities.get(authority) else { return };
    for who in holders.iter() {
        let enrolment = pki.enrolment(work, who, offer, at);
        for believer in at.targets() {
            if (rule.domain)(work, believer.domain) {
                let composition = enrolment.iter().chain(&believer.chain).copied().collect();
                work.make_sure(who, rule.makes, believer.domain, composition, rule.at_most);
            }
        }
    }
}

/// ESC13: whoever enrols with a template of a linked issuance policy is in the linked group while the certificate lasts.
fn issuance_policy(work: &mut Work<'_>, pki: &mut Pki<'_>, authority: usize, offer: EdgeKey) {
    let serves = pki.templates.get(&offer.source).is_some_and(|template| template.open() && template.authenticates());
    let mut policies = work.edges_from(offer.source, &[EdgeKind::ExtendedByPolicy]);
    policies.extend(work.made(EdgeKind::ExtendedByPolicy).filter(|key| key.source == offer.source));
    if !serves || policies.is_empty() {
        return;
    }
    let links: Vec<[EdgeKey; 2]> = policies
        .iter()
        .flat_map(|policy| {
            work.edges_from(policy.target, &[EdgeKind::OIDGroupLink]).into_iter().map(|link| [*policy, link])
        })
        .filter(|[_, link]| work.kind(link.target) == NodeKind::Group)
        .collect();
    let holders = pki.enrollers(work, offer.source, authority);
    let holders = pki.with_names(work, offer.source, holders);
    let Some(at) = pki.authorities.get(authority) else { return };
    for [policy, link] in links {
        let believer = at.targets().iter().find(|believer| belongs(work, link.target, believer.domain));
        let Some(believer) = believer else { continue };
        for who in holders.iter() {
            let mut composition = pki.enrolment(work, who, offer, at);
            composition.extend([policy, link]);
            composition.extend(&believer.chain);
            work.make(who, EdgeKind::ADCSESC13, link.target, composition);
        }
    }
}

/// Whether a group lies in a domain or in one of its forest.
fn belongs(work: &Work<'_>, group: NodeId, domain: NodeId) -> bool {
    let own = work.text(group, "domainsid");
    own.is_empty() || forest(work, domain).iter().any(|id| work.domain_sid(*id) == own || work.id(*id) == own)
}

/// The domain and those of its forest that trust it, near or far.
pub(super) fn forest(work: &Work<'_>, domain: NodeId) -> Vec<NodeId> {
    let mut found = vec![domain];
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        for key in work.edges_into(id, &[EdgeKind::SameForestTrust]) {
            if !found.contains(&key.source) {
                found.push(key.source);
            }
        }
    }
    found
}
