//! Who can be made to enrol: the accounts that have every right to. And, beyond BloodHound, what an authority that takes
//! relayed logons means for the domain: ESC8 through web enrolment, ESC11 through unencrypted remote procedure calls.

use hopwatch_model::{EdgeKind, NodeKind};

use super::template::Template;
use super::{Authority, ENROLL, Pki, sources};
use crate::derive::set::Set;
use crate::derive::work::Work;
use crate::ids::NodeId;

/// The accounts that can enrol with a template at an authority, groups unrolled. Where Authenticated Users or Everyone
/// may at one end, all who may at the other end can; where they may at both, those who are named besides them.
pub(in crate::derive) fn victims(work: &Work<'_>, pki: &Pki<'_>, at: &Authority, template: NodeId) -> Set {
    let on_template = work.sources(template, &ENROLL);
    let at_authority = sources(&at.enroll);
    if on_template.is_empty() || at_authority.is_empty() {
        return Set::default();
    }
    let everyone = |named: &[NodeId]| named.iter().any(|id| pki.membership.names_everyone(*id));
    let (mut template_accounts, authority_accounts) =
        (pki.membership.accounts(&on_template), pki.membership.accounts(&at_authority));
    match (everyone(&on_template), everyone(&at_authority)) {
        (false, false) => {
            template_accounts.intersect(&authority_accounts);
            template_accounts
        }
        (true, false) => authority_accounts,
        (false, true) => template_accounts,
        (true, true) => {
            template_accounts.unite(&authority_accounts);
            template_accounts
        }
    }
}

/// ESC8 and ESC11: a controller that is coerced to such an authority enrols for itself, and its certificate is the
/// domain.
pub(super) fn derive(work: &mut Work<'_>, pki: &Pki<'_>, authority: usize) {
    let Some(at) = pki.authorities.get(authority).filter(|at| !at.targets().is_empty()) else { return };
    let ways = [
        (EdgeKind::ADCSESC8, work.flag(at.id, "hasvulnerableendpoint")),
        (EdgeKind::ADCSESC11, work.flag(at.id, "rpcencryptionenforced").map(|enforced| !enforced)),
    ];
    for (makes, open) in ways {
        match open {
            Some(true) => relayed(work, pki, at, makes),
            Some(false) => {}
            None => work.gap(format!(
                "authority {}: whether {} is possible was not collected",
                work.id(at.id),
                makes.name()
            )),
        }
    }
}

fn relayed(work: &mut Work<'_>, pki: &Pki<'_>, at: &Authority, makes: EdgeKind) {
    for offer in &at.published {
        let serves = |template: &Template| template.open() && template.authenticates();
        if !pki.templates.get(&offer.source).is_some_and(serves) {
            continue;
        }
        let victims = victims(work, pki, at, offer.source);
        for believer in at.targets() {
            let controllers = work.edges_into(believer.domain, &[EdgeKind::DCFor]);
            let coerced = controllers.into_iter().find(|controller| {
                victims.contains(controller.source)
                    && work.kind(controller.source) == NodeKind::Computer
                    && work.flag(controller.source, "restrictoutboundntlm") == Some(false)
            });
            let name = work.text(believer.domain, "name").to_uppercase();
            if let (Some(controller), Some(everyone)) = (coerced, work.find(&format!("{name}-S-1-5-11"))) {
                let mut composition = pki.enrolment(work, controller.source, *offer, at);
                composition.push(controller);
                composition.extend(&believer.chain);
                work.make(everyone, makes, believer.domain, composition);
            }
        }
    }
}
