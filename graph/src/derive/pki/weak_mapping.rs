//! Escalations by renaming an account before it enrols, where controllers map certificates weakly: ESC9 through Kerberos
//! (`StrongCertificateBindingEnforcement`), ESC10 through Schannel (`CertificateMappingMethods`), with the user
//! principal name (a) or a computer's DNS name (b). Beyond BloodHound: ESC16, where the authority leaves the extension
//! out of every certificate, and ESC14, writing a mapping into the account itself.
//!
//! *Blind spots*: Windows updates of February 2025 and later ignore a weak setting of the registry; the update level is
//! not collected.

use hopwatch_model::{EdgeKind, NodeKind};

use super::issuance::{forest, leaves_extension_out};
use super::template::Template;
use super::{Authority, ENROLL, Pki, relay};
use crate::derive::cross::grant;
use crate::derive::membership::without_users;
use crate::derive::set::Set;
use crate::derive::work::Work;
use crate::estate::{EdgeKey, Mode};
use crate::ids::NodeId;

/// Rights with which an account can be renamed and used.
const CONTROL: [EdgeKind; 5] =
    [EdgeKind::GenericAll, EdgeKind::GenericWrite, EdgeKind::Owns, EdgeKind::WriteOwner, EdgeKind::WriteDacl];

/// `CertificateMappingMethods`: the user principal name maps.
const MAPPING_UPN: i64 = 4;

/// Which setting of controllers is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weakness {
    /// Kerberos accepts certificates without a strong mapping.
    Binding,
    /// Schannel maps the user principal name.
    Mapping,
}

/// Whether a controller of the domain or of one of its forest has the weak setting.
pub(super) fn weak(work: &Work<'_>, domain: NodeId, weakness: Weakness) -> bool {
    forest(work, domain).into_iter().any(|id| {
        work.edges_into(id, &[EdgeKind::DCFor]).iter().any(|controller| {
            let setting = |name: &str| work.node(controller.source).and_then(|node| node.integer(name));
            match weakness {
                // −1: the value is not there, and compatibility mode is the default.
                Weakness::Binding => {
                    setting("strongcertificatebindingenforcementraw").is_some_and(|value| (-1..=1).contains(&value))
                }
                Weakness::Mapping => setting("certificatemappingmethodsraw")
                    .is_some_and(|value| value != -1 && value & MAPPING_UPN == MAPPING_UPN),
            }
        })
    })
}

/// What names the account in the certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Principal,
    DnsName,
}

/// The edges through one authority.
pub(super) fn derive(work: &mut Work<'_>, pki: &Pki<'_>, authority: usize) {
    let Some(at) = pki.authorities.get(authority).filter(|at| !at.targets().is_empty()) else { return };
    let no_extension = pki.mode == Mode::Ours && leaves_extension_out(work, at.id);
    for offer in &at.published {
        let Some(template) = pki.templates.get(&offer.source) else { continue };
        for by in [By::Principal, By::DnsName] {
            if !names_account(template, by) {
                continue;
            }
            let kerberos = template.authenticates() && template.no_security_extension == Some(true);
            let (esc9, esc10) = match by {
                By::Principal => (EdgeKind::ADCSESC9a, EdgeKind::ADCSESC10a),
                By::DnsName => (EdgeKind::ADCSESC9b, EdgeKind::ADCSESC10b),
            };
            if kerberos {
                attackers(work, pki, at, *offer, by, esc9, Weakness::Binding);
            } else if no_extension && template.authenticates() {
                attackers(work, pki, at, *offer, by, EdgeKind::ADCSESC16, Weakness::Binding);
            }
            if template.authenticates_tls() {
                attackers(work, pki, at, *offer, by, esc10, Weakness::Mapping);
            }
        }
    }
    if pki.mode == Mode::Ours {
        explicit_mapping(work, pki, at);
    }
}

/// Whether the authority takes the account's name from the directory, in this form.
fn names_account(template: &Template, by: By) -> bool {
    let open = template.open() && template.supplies_subject == Some(false);
    open && match by {
        By::Principal => template.upn == Some(true) || template.spn == Some(true),
        By::DnsName => template.dns == Some(true),
    }
}

fn attackers(
    work: &mut Work<'_>,
    pki: &Pki<'_>,
    at: &Authority,
    offer: EdgeKey,
    by: By,
    makes: EdgeKind,
    weakness: Weakness,
) {
    let targets: Vec<_> = at.targets().iter().filter(|believer| weak(work, believer.domain, weakness)).collect();
    if targets.is_empty() {
        return;
    }
    let mut victims: Set = relay::victims(work, pki, at, offer.source);
    let template = pki.templates.get(&offer.source);
    if by == By::Principal && template.is_none_or(Template::wants_dns_name) {
        without_users(work, &mut victims);
    }
    let (on_template, at_authority) = (work.edges_into(offer.source, &ENROLL), &at.enroll);
    for victim in victims.iter() {
        if by == By::DnsName && work.kind(victim) != NodeKind::Computer {
            continue;
        }
        let control = work.edges_into(victim, &CONTROL);
        if control.is_empty() {
            continue;
        }
        let mut enrolment = grant(pki.membership, victim, &on_template);
        enrolment.push(offer);
        enrolment.extend(grant(pki.membership, victim, at_authority));
        for right in control {
            for believer in &targets {
                let composition = enrolment.iter().chain(&believer.chain).chain([&right]).copied().collect();
                work.make(right.source, makes, believer.domain, composition);
            }
        }
    }
}

/// ESC14: whoever may write `altSecurityIdentities` maps a certificate of its own to the account.
fn explicit_mapping(work: &mut Work<'_>, pki: &Pki<'_>, at: &Authority) {
    let authenticates = |offer: &&EdgeKey| {
        pki.templates.get(&offer.source).is_some_and(|template| template.open() && template.authenticates())
    };
    let Some(offer) = at.published.iter().find(authenticates).copied() else { return };
    for kind in [EdgeKind::WriteAltSecurityIdentities, EdgeKind::WritePublicInformation] {
        for right in work.raw(kind).to_vec() {
            let sid = work.text(right.target, "domainsid");
            let believer = at.targets().iter().find(|believer| work.domain_sid(believer.domain) == sid);
            if let Some(believer) = believer {
                let composition = believer.chain.iter().chain([&right, &offer]).copied().collect();
                work.make(right.source, EdgeKind::ADCSESC14, right.target, composition);
            }
        }
    }
}
