//! Access control entries → edges, and the rules of OWNER RIGHTS (`S-1-3-4`): BloodHound `ein.ParseACEData`.
//!
//! Whoever owns an object may rewrite its access control list, unless an entry for OWNER RIGHTS says what owners may do
//! instead; then the owner has those rights and no other. An inherited entry survives a change of owner, an explicit one
//! does not, so that the right to write the owner is worth what the inherited entries leave of it.

use hopwatch_model::directory::Properties;
use hopwatch_model::{EdgeKind, PropertyValue};

use super::Output;
use super::output::kind_named;
use crate::directory::bloodhound::object::{Ace, Object};

/// The suffix of the OWNER RIGHTS identifier.
const OWNER_RIGHTS: &str = "S-1-3-4";

/// The edges of an access control list.
pub(super) fn edges(id: &str, aces: &[&Ace<'_>], properties: &Properties, out: &mut Output) {
    let mut owner = None;
    let mut writers = Vec::new();
    let mut granted = Vec::new();
    let mut inherited = Vec::new();
    for ace in aces {
        let principal = out.id(&ace.principal);
        if principal.is_empty() {
            out.counters.drop("access control entry without a principal");
            continue;
        }
        if principal == id {
            continue;
        }
        let Some(right) = right(ace.right.as_str()) else {
            out.counters.ignore("access control entry that grants no edge");
            continue;
        };
        match right {
            EdgeKind::OwnsRaw => owner = Some((principal, *ace)),
            EdgeKind::WriteOwnerRaw => writers.push((principal, *ace)),
            _ if principal.ends_with(OWNER_RIGHTS) => {
                granted.push(right.name().to_owned());
                if ace.inherited.is_true() {
                    inherited.push(right.name().to_owned());
                }
            }
            _ => push(id, right, principal, ace, inheritance(ace), out),
        }
    }
    let flag = |name: &str| properties.get(name).and_then(PropertyValue::bool) == Some(true);
    let rule = OwnerRule::of(
        !granted.is_empty(),
        !inherited.is_empty(),
        flag("doesanyacegrantownerrights"),
        flag("doesanyinheritedacegrantownerrights"),
    );
    if let Some((principal, ace)) = owner {
        match rule.owner {
            Some(EdgeKind::OwnsLimitedRights) => {
                push(id, EdgeKind::OwnsLimitedRights, principal, ace, privileges(&granted), out);
            }
            Some(kind) => push(id, kind, principal, ace, Properties::new(), out),
            None => {}
        }
    }
    for (principal, ace) in writers {
        let mut properties = inheritance(ace);
        match rule.writer {
            Some(EdgeKind::WriteOwnerLimitedRights) => {
                properties.extend(privileges(&inherited));
                push(id, EdgeKind::WriteOwnerLimitedRights, principal, ace, properties, out);
            }
            Some(kind) => push(id, kind, principal, ace, properties, out),
            None => {}
        }
    }
}

/// Keeps the owner as a property, as BloodHound does.
pub(super) fn owner(object: &Object<'_>, properties: &mut Properties, out: &Output) {
    let owner = object.aces.0.iter().find(|ace| right(ace.right.as_str()) == Some(EdgeKind::OwnsRaw));
    if let Some(ace) = owner {
        properties.insert("ownersid".to_owned(), PropertyValue::Text(out.id(&ace.principal)));
    }
}

/// Which edges ownership and the right to write the owner give.
struct OwnerRule {
    owner: Option<EdgeKind>,
    writer: Option<EdgeKind>,
}

impl OwnerRule {
    /// From whether OWNER RIGHTS is granted something abusable, something abusable by inheritance, anything at all, and
    /// anything by inheritance. The last two come from the collector, which alone sees harmless entries.
    fn of(granted: bool, inherited: bool, any: bool, any_inherited: bool) -> Self {
        match (granted, inherited) {
            (true, true) => {
                Self { owner: Some(EdgeKind::OwnsLimitedRights), writer: Some(EdgeKind::WriteOwnerLimitedRights) }
            }
            (true, false) => Self {
                owner: Some(EdgeKind::OwnsLimitedRights),
                writer: (!any_inherited).then_some(EdgeKind::WriteOwnerRaw),
            },
            (false, _) if any && any_inherited => Self { owner: None, writer: None },
            (false, _) if any => Self { owner: None, writer: Some(EdgeKind::WriteOwnerRaw) },
            (false, _) => Self { owner: Some(EdgeKind::OwnsRaw), writer: Some(EdgeKind::WriteOwnerRaw) },
        }
    }
}

fn push(id: &str, kind: EdgeKind, principal: String, ace: &Ace<'_>, properties: Properties, out: &mut Output) {
    out.reference(&principal, kind_named(ace.kind.as_str()));
    out.edge_owned(principal, kind, id, properties);
}

fn inheritance(ace: &Ace<'_>) -> Properties {
    let mut properties = Properties::new();
    if ace.inherited.is_true() {
        properties.insert("isinherited".to_owned(), PropertyValue::Bool(true));
    }
    properties
}

fn privileges(rights: &[String]) -> Properties {
    Properties::from([("privileges".to_owned(), PropertyValue::List(rights.to_vec()))])
}

/// The edge of a right; `None` where it is none of those that an entry can grant.
fn right(name: &str) -> Option<EdgeKind> {
    let kind = match name {
        "GenericAll" => EdgeKind::GenericAll,
        "GenericWrite" => EdgeKind::GenericWrite,
        "WriteDacl" => EdgeKind::WriteDacl,
        "WriteOwner" | "WriteOwnerRaw" => EdgeKind::WriteOwnerRaw,
        "Owns" | "OwnsRaw" => EdgeKind::OwnsRaw,
        "AllExtendedRights" => EdgeKind::AllExtendedRights,
        "AddKeyCredentialLink" => EdgeKind::AddKeyCredentialLink,
        other => EdgeKind::from_name(other)?,
    };
    match kind {
        EdgeKind::WriteOwner => Some(EdgeKind::WriteOwnerRaw),
        EdgeKind::Owns => Some(EdgeKind::OwnsRaw),
        EdgeKind::GenericAll
        | EdgeKind::GenericWrite
        | EdgeKind::WriteDacl
        | EdgeKind::WriteOwnerRaw
        | EdgeKind::WriteOwnerLimitedRights
        | EdgeKind::OwnsRaw
        | EdgeKind::OwnsLimitedRights
        | EdgeKind::AllExtendedRights
        | EdgeKind::ForceChangePassword
        | EdgeKind::AddMember
        | EdgeKind::AddSelf
        | EdgeKind::AddAllowedToAct
        | EdgeKind::AddKeyCredentialLink
        | EdgeKind::ReadLAPSPassword
        | EdgeKind::ReadGMSAPassword
        | EdgeKind::WriteSPN
        | EdgeKind::WriteGPLink
        | EdgeKind::WriteAccountRestrictions
        | EdgeKind::WriteAltSecurityIdentities
        | EdgeKind::WritePublicInformation
        | EdgeKind::GetChanges
        | EdgeKind::GetChangesAll
        | EdgeKind::GetChangesInFilteredSet
        | EdgeKind::ManageCA
        | EdgeKind::ManageCertificates
        | EdgeKind::Enroll
        | EdgeKind::WritePKIEnrollmentFlag
        | EdgeKind::WritePKINameFlag => Some(kind),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edges of some entries: principal, right, inherited; with the collector's two flags.
    fn check(aces: &[(&str, &str, bool)], flags: (bool, bool), expect: &[(&str, EdgeKind)]) {
        let text: Vec<String> = aces
            .iter()
            .map(|(principal, right, inherited)| {
                format!(r#"{{"PrincipalSID":"{principal}","RightName":"{right}","IsInherited":{inherited}}}"#)
            })
            .collect();
        let aces: Vec<Ace<'_>> = text.iter().map(|ace| serde_json::from_str(ace).unwrap()).collect();
        let properties = Properties::from([
            ("doesanyacegrantownerrights".to_owned(), PropertyValue::Bool(flags.0)),
            ("doesanyinheritedacegrantownerrights".to_owned(), PropertyValue::Bool(flags.1)),
        ]);
        let mut out = Output::default();
        edges("X", &aces.iter().collect::<Vec<_>>(), &properties, &mut out);
        let got: Vec<(&str, EdgeKind)> = out.edges.iter().map(|edge| (edge.source.as_str(), edge.kind)).collect();
        assert_eq!(got, expect);
    }

    const OWNER: (&str, &str, bool) = ("O", "Owns", false);
    const WRITER: (&str, &str, bool) = ("W", "WriteOwner", false);

    #[test]
    fn without_owner_rights_both_raw_edges_are_made() {
        check(&[OWNER, WRITER], (false, false), &[("O", EdgeKind::OwnsRaw), ("W", EdgeKind::WriteOwnerRaw)]);
    }

    #[test]
    fn an_explicit_right_of_owners_limits_the_owner_and_not_a_new_one() {
        check(
            &[OWNER, WRITER, ("L-S-1-3-4", "GenericAll", false)],
            (true, false),
            &[("O", EdgeKind::OwnsLimitedRights), ("W", EdgeKind::WriteOwnerRaw)],
        );
    }

    #[test]
    fn an_inherited_right_of_owners_limits_both() {
        check(
            &[OWNER, WRITER, ("L-S-1-3-4", "GenericWrite", true)],
            (true, true),
            &[("O", EdgeKind::OwnsLimitedRights), ("W", EdgeKind::WriteOwnerLimitedRights)],
        );
    }

    #[test]
    fn harmless_rights_of_owners_take_the_owner_s_right_away() {
        check(&[OWNER, WRITER], (true, false), &[("W", EdgeKind::WriteOwnerRaw)]);
        check(&[OWNER, WRITER], (true, true), &[]);
        check(&[OWNER, WRITER, ("L-S-1-3-4", "WriteDacl", false)], (true, true), &[("O", EdgeKind::OwnsLimitedRights)]);
    }

    #[test]
    fn an_object_s_right_over_itself_and_a_right_without_an_edge_are_left_out() {
        check(
            &[("X", "GenericAll", false), ("P", "AutoEnroll", false), ("P", "DCSync", false), ("P", "AddSelf", false)],
            (false, false),
            &[("P", EdgeKind::AddSelf)],
        );
    }
}
