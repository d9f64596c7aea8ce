//! Certificate services: templates and authorities by which an account outside Tier Zero gets a certificate of another.
//! The numbers ESC1 … are those under which the weaknesses were published.

use hopwatch_graph::{Hop, Node, NodeId, Snapshot};
use hopwatch_model::{EdgeKind, NodeKind, Severity};

use super::scan::{holders, of_kind, outside_control, outsider};
use super::{Check, Exposed};

/// Client authentication, smart card logon, PKINIT client, any purpose: usages with which one logs on.
const LOGON_USAGES: [&str; 4] = ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.2.3.4", ANY_PURPOSE];
/// Any purpose (RFC 5280 §4.2.1.12).
const ANY_PURPOSE: &str = "2.5.29.37.0";
/// Certificate request agent.
const REQUEST_AGENT: &str = "1.3.6.1.4.1.311.20.2.1";

/// Templates that an authority offers and that an outsider may enrol in without approval.
fn open_templates(snapshot: &Snapshot) -> impl Iterator<Item = (NodeId, &Node, Vec<Hop>)> {
    of_kind(snapshot, NodeKind::CertTemplate).filter_map(|(id, node)| {
        let offered = snapshot.outgoing(id).any(|hop| hop.kind == EdgeKind::PublishedTo);
        let free = node.flag("requiresmanagerapproval") == Some(false)
            && node.integer("authorizedsignatures").unwrap_or(0) == 0;
        let enrolling = snapshot.incoming(id).filter(|hop| {
            matches!(hop.kind, EdgeKind::Enroll | EdgeKind::GenericAll | EdgeKind::AllExtendedRights)
                && outsider(snapshot, hop.source)
        });
        let who: Vec<Hop> = enrolling.collect();
        (offered && free && !who.is_empty()).then_some((id, node, who))
    })
}

fn usages(node: &Node) -> &[String] {
    let effective = node.list("effectiveekus");
    if effective.is_empty() { node.list("ekus") } else { effective }
}

fn any_purpose(node: &Node) -> bool {
    usages(node).is_empty() || usages(node).iter().any(|usage| usage == ANY_PURPOSE)
}

fn logs_on(node: &Node) -> bool {
    let by_usage = || any_purpose(node) || usages(node).iter().any(|usage| LOGON_USAGES.contains(&usage.as_str()));
    node.flag("authenticationenabled").unwrap_or_else(by_usage)
}

fn supplies_subject(node: &Node) -> bool {
    node.flag("enrolleesuppliessubject") == Some(true)
}

fn templates(snapshot: &Snapshot, test: fn(&Node) -> bool) -> Vec<Exposed> {
    let weak = open_templates(snapshot).filter(|(_, node, _)| test(node));
    weak.filter_map(|(id, _, who)| Exposed::of(snapshot, id, &holders(snapshot, &who))).collect()
}

/// ESC1.
pub static ESC1: Check = Check {
    slug: "certificate-esc1",
    title: "A template lets anyone enrol for any subject (ESC1)",
    severity: Severity::High,
    remediation: "Forbid subjects supplied by the enrollee, require approval, or restrict who may enrol.",
    needs: &["enrolleesuppliessubject", "Enroll", "PublishedTo"],
    exposed: |snapshot| templates(snapshot, |node| supplies_subject(node) && logs_on(node)),
};

/// ESC2.
pub static ESC2: Check = Check {
    slug: "certificate-esc2",
    title: "A template gives certificates for any purpose (ESC2)",
    severity: Severity::High,
    remediation: "Restrict the template's usages.",
    needs: &["ekus", "Enroll", "PublishedTo"],
    exposed: |snapshot| templates(snapshot, any_purpose),
};

/// ESC3.
pub static ESC3: Check = Check {
    slug: "certificate-esc3",
    title: "A template makes anyone an enrolment agent (ESC3)",
    severity: Severity::High,
    remediation: "Restrict who may enrol, and restrict enrolment agents at the authority.",
    needs: &["ekus", "Enroll", "PublishedTo"],
    exposed: |snapshot| templates(snapshot, |node| usages(node).iter().any(|usage| usage == REQUEST_AGENT)),
};

/// ESC4.
pub static ESC4: Check = Check {
    slug: "certificate-esc4",
    title: "Accounts outside Tier Zero may rewrite a certificate template (ESC4)",
    severity: Severity::High,
    remediation: "Remove the access control entries from the template.",
    needs: &["isacl"],
    exposed: |snapshot| {
        of_kind(snapshot, NodeKind::CertTemplate)
            .filter_map(|(id, _)| {
                // AllExtendedRights on a template is enrolment.
                let rewrites = outside_control(snapshot, id).filter(|hop| hop.kind != EdgeKind::AllExtendedRights);
                let flags = snapshot.incoming(id).filter(|hop| {
                    matches!(hop.kind, EdgeKind::WritePKIEnrollmentFlag | EdgeKind::WritePKINameFlag)
                        && outsider(snapshot, hop.source)
                });
                let hops: Vec<Hop> = rewrites.chain(flags).collect();
                (!hops.is_empty()).then(|| Exposed::of(snapshot, id, &holders(snapshot, &hops)))?
            })
            .collect()
    },
};

/// ESC6.
pub static ESC6: Check = Check {
    slug: "certificate-esc6",
    title: "An authority accepts subject alternative names from any request (ESC6)",
    severity: Severity::High,
    remediation: "Clear EDITF_ATTRIBUTESUBJECTALTNAME2 at the authority and restart it.",
    needs: &["isuserspecifiessanenabled"],
    exposed: |snapshot| {
        of_kind(snapshot, NodeKind::EnterpriseCA)
            .filter(|(_, node)| node.flag("isuserspecifiessanenabled") == Some(true))
            .filter_map(|(id, _)| Exposed::of(snapshot, id, "EDITF_ATTRIBUTESUBJECTALTNAME2 is set"))
            .collect()
    },
};

/// ESC7.
pub static ESC7: Check = Check {
    slug: "certificate-esc7",
    title: "Accounts outside Tier Zero manage a certification authority (ESC7)",
    severity: Severity::High,
    remediation: "Remove the rights to manage the authority and its certificates.",
    needs: &["ManageCA", "ManageCertificates"],
    exposed: |snapshot| {
        of_kind(snapshot, NodeKind::EnterpriseCA)
            .filter_map(|(id, _)| {
                let manage = snapshot.incoming(id).filter(|hop| {
                    matches!(hop.kind, EdgeKind::ManageCA | EdgeKind::ManageCertificates)
                        && outsider(snapshot, hop.source)
                });
                let hops: Vec<Hop> = manage.collect();
                (!hops.is_empty()).then(|| Exposed::of(snapshot, id, &holders(snapshot, &hops)))?
            })
            .collect()
    },
};

/// Who an edge that was derived for a weakness lets in.
fn derived(snapshot: &Snapshot, kinds: &[EdgeKind]) -> Vec<Exposed> {
    let domains = of_kind(snapshot, NodeKind::Domain);
    let hops = domains.flat_map(|(id, _)| snapshot.incoming(id)).filter(|hop| kinds.contains(&hop.kind));
    hops.filter_map(|hop| Exposed::of(snapshot, hop.source, hop.kind.help())).collect()
}

/// ESC8.
pub static ESC8: Check = Check {
    slug: "certificate-esc8",
    title: "Web enrolment accepts relayed logons (ESC8)",
    severity: Severity::High,
    remediation: "Require HTTPS with channel binding, or remove web enrolment.",
    needs: &["httpenrollmentendpoints"],
    exposed: |snapshot| derived(snapshot, &[EdgeKind::ADCSESC8, EdgeKind::CoerceAndRelayNTLMToADCS]),
};

/// ESC9.
pub static ESC9: Check = Check {
    slug: "certificate-esc9",
    title: "A template leaves out the security extension (ESC9)",
    severity: Severity::Medium,
    remediation: "Clear CT_FLAG_NO_SECURITY_EXTENSION and enforce strong certificate binding.",
    needs: &["nosecurityextension", "Enroll", "PublishedTo"],
    exposed: |snapshot| templates(snapshot, |node| node.flag("nosecurityextension") == Some(true) && logs_on(node)),
};

/// ESC11.
pub static ESC11: Check = Check {
    slug: "certificate-esc11",
    title: "An authority accepts relayed logons over RPC (ESC11)",
    severity: Severity::High,
    remediation: "Set IF_ENFORCEENCRYPTICERTREQUEST at the authority.",
    needs: &["ADCSESC11"],
    exposed: |snapshot| derived(snapshot, &[EdgeKind::ADCSESC11]),
};

/// ESC13.
pub static ESC13: Check = Check {
    slug: "certificate-esc13",
    title: "A certificate gives membership of a privileged group (ESC13)",
    severity: Severity::Medium,
    remediation: "Clear msDS-OIDToGroupLink of the issuance policy, or restrict who may enrol.",
    needs: &["OIDGroupLink"],
    exposed: |snapshot| {
        let groups = of_kind(snapshot, NodeKind::Group).filter(|(id, _)| super::scan::tier_zero(snapshot, *id));
        let hops = groups.flat_map(|(id, _)| snapshot.incoming(id)).filter(|hop| hop.kind == EdgeKind::ADCSESC13);
        let outside = hops.filter(|hop| outsider(snapshot, hop.source));
        outside.filter_map(|hop| Exposed::of(snapshot, hop.source, hop.kind.help())).collect()
    },
};

/// ESC15.
pub static ESC15: Check = Check {
    slug: "certificate-esc15",
    title: "A version 1 template lets the enrollee add usages (ESC15)",
    severity: Severity::Medium,
    remediation: "Install the update for CVE-2024-49019, or duplicate the template.",
    needs: &["schemaversion", "enrolleesuppliessubject", "Enroll", "PublishedTo"],
    exposed: |snapshot| templates(snapshot, |node| node.integer("schemaversion") == Some(1) && supplies_subject(node)),
};
