//! Escalations by control: of a template (ESC4), and, beyond BloodHound, of the objects that make an authority believed
//! (ESC5), and of the authority's own roles (ESC7).

use hopwatch_model::EdgeKind;

use super::{Authority, ENROLL, Pki, sources};
use crate::derive::cross::{cross, grant};
use crate::derive::work::Work;
use crate::estate::{EdgeKey, Mode};

/// Rights that end in full control of a template.
const CONTROL: [EdgeKind; 4] = [EdgeKind::Owns, EdgeKind::GenericAll, EdgeKind::WriteDacl, EdgeKind::WriteOwner];

/// Rights that end in control of any object.
const WRITE: [EdgeKind; 5] =
    [EdgeKind::Owns, EdgeKind::GenericAll, EdgeKind::WriteDacl, EdgeKind::WriteOwner, EdgeKind::GenericWrite];

/// The edges through one authority.
pub(super) fn derive(work: &mut Work<'_>, pki: &Pki<'_>, authority: usize) {
    let Some(at) = pki.authorities.get(authority).filter(|at| !at.targets().is_empty()) else { return };
    for offer in &at.published {
        template(work, pki, at, *offer);
        if pki.mode == Mode::Ours {
            officer(work, pki, at, *offer);
        }
    }
    if pki.mode == Mode::Ours {
        infrastructure(work, at);
        manager(work, at);
    }
}

/// ESC4: each way of rewriting a template asks for other rights, all of them besides enrolling at the authority.
fn template(work: &mut Work<'_>, pki: &Pki<'_>, at: &Authority, offer: EdgeKey) {
    let Some(template) = pki.templates.get(&offer.source) else { return };
    let rights = |kinds: &[EdgeKind]| work.edges_into(offer.source, kinds);
    let enroll = rights(&[EdgeKind::Enroll, EdgeKind::AllExtendedRights]);
    let (name, enrollment) = (rights(&[EdgeKind::WritePKINameFlag]), rights(&[EdgeKind::WritePKIEnrollmentFlag]));
    if template.supplies_subject.is_none() || template.approval.is_none() {
        return;
    }
    let mut ways: Vec<Vec<Vec<EdgeKey>>> =
        vec![vec![rights(&CONTROL)], vec![rights(&[EdgeKind::GenericWrite]), enroll.clone()]];
    if template.authenticates() && template.unsigned() {
        ways.push(vec![enroll.clone(), name.clone(), enrollment.clone()]);
        if template.supplies_subject == Some(true) {
            ways.push(vec![enroll.clone(), enrollment]);
        }
        if template.unapproved() {
            ways.push(vec![enroll, name]);
        }
    }
    for way in ways {
        // A set that nobody is in admits nobody, also where all others admit everyone.
        if way.iter().any(Vec::is_empty) && pki.mode == Mode::Ours {
            continue;
        }
        let named: Vec<Vec<_>> =
            std::iter::once(sources(&at.enroll)).chain(way.iter().map(|edges| sources(edges))).collect();
        let sets: Vec<&[_]> = named.iter().map(Vec::as_slice).collect();
        for who in cross(pki.membership, pki.mode, &sets).iter() {
            let mut rights: Vec<EdgeKey> =
                way.iter().flat_map(|edges| grant(pki.membership, who, edges)).chain([offer]).collect();
            rights.extend(grant(pki.membership, who, &at.enroll));
            for believer in at.targets() {
                let composition = rights.iter().chain(&believer.chain).copied().collect();
                work.make(who, EdgeKind::ADCSESC4, believer.domain, composition);
            }
        }
    }
}

/// ESC5: whoever writes the authority, the root or the store decides what the domain believes.
fn infrastructure(work: &mut Work<'_>, at: &Authority) {
    for believer in at.targets() {
        let links = believer.chain.iter().flat_map(|key| [key.source, key.target]);
        let mut objects: Vec<_> = links.filter(|id| *id != believer.domain).collect();
        objects.retain(|id| !at.hosts.iter().any(|host| host.source == *id));
        objects.sort_unstable();
        objects.dedup();
        for object in objects {
            for right in work.edges_into(object, &WRITE) {
                let mut composition = believer.chain.clone();
                composition.push(right);
                work.make(right.source, EdgeKind::ADCSESC5, believer.domain, composition);
            }
        }
    }
}

/// ESC7: a manager of the authority makes itself an officer, offers any template and approves its own request.
fn manager(work: &mut Work<'_>, at: &Authority) {
    for right in work.edges_into(at.id, &[EdgeKind::ManageCA]) {
        for believer in at.targets() {
            let mut composition = believer.chain.clone();
            composition.push(right);
            work.make(right.source, EdgeKind::ADCSESC7, believer.domain, composition);
        }
    }
}

/// ESC7: an officer approves its own request for a template that only approval protects.
fn officer(work: &mut Work<'_>, pki: &Pki<'_>, at: &Authority, offer: EdgeKey) {
    let Some(template) = pki.templates.get(&offer.source) else { return };
    let protected = template.approval == Some(true)
        && template.authenticates()
        && template.unsigned()
        && template.supplies_subject == Some(true);
    let approve = work.edges_into(at.id, &[EdgeKind::ManageCertificates]);
    if !protected || approve.is_empty() {
        return;
    }
    let (enroll, approvers) = (work.sources(offer.source, &ENROLL), sources(&approve));
    for who in cross(pki.membership, pki.mode, &[&approvers, &enroll, &sources(&at.enroll)]).iter() {
        let mut rights = pki.enrolment(work, who, offer, at);
        rights.extend(grant(pki.membership, who, &approve));
        for believer in at.targets() {
            let composition = rights.iter().chain(&believer.chain).copied().collect();
            work.make(who, EdgeKind::ADCSESC7, believer.domain, composition);
        }
    }
}
