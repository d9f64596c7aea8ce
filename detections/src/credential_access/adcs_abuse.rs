//! ## What it finds
//! A certificate asked for in the name of another than who asked.
//!
//! ## Why it matters
//! A certificate for logon is a credential for years that no password change ends. Templates that let the requester name
//! the subject make it any account's.
//!
//! ## Evidence it needs
//! Events of the certification authority: 4886, 4887 with requester, subject and alternative names (audit policy
//! *Certification Services*, audit filter 127).
//!
//! ## How it decides
//! An alternative name (user principal name, or DNS name) names an account that the directory knows and that is not the
//! requester: high where it is of Tier Zero or the certificate was issued, medium for the request alone. A controller's own
//! account that enrols in a template that it did not use while learning, and that is none of the controllers' own: medium
//! (a relay to web enrolment looks so). Pairs of requester and subject seen `usual_times` while learning stay silent.
//!
//! ## Blind spots
//! Authorities that do not audit; records without alternative names (Windows Server before 2019 without the update).
//!
//! ## Likely benign causes
//! Enrolment agents and management servers that enrol for devices (learned), help desks that issue smart cards.
//!
//! ## What to do
//! Revoke the certificate, disable the requester, repair the template.
//!
//! ## References
//! T1649; Defender for Identity 2432, ESC1–ESC15 enrolments; events 4886, 4887.

use hopwatch_graph::{NodeFlags, NodeId, Snapshot};
use hopwatch_model::event::CertificateRequest;
use hopwatch_model::identity::short_name;
use hopwatch_model::{Account, Activity, Event, Severity};
use serde::{Deserialize, Serialize};

use crate::change;
use crate::frame::{Context, Meta, Phase, Rule, Verdict, Verdicts};
use crate::habit::{Habit, Habits};

/// Templates in which controllers enrol by themselves.
const CONTROLLERS: [&str; 5] = [
    "DomainController",
    "DomainControllerAuthentication",
    "DirectoryEmailReplication",
    "KerberosAuthentication",
    "Machine",
];

/// Who enrols for whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdcsAbuse {
    habits: Habits,
}

impl Rule for AdcsAbuse {
    const META: Meta = Meta {
        slug: "adcs-abuse",
        title: "Certificate asked for in another's name",
        phase: Phase::CredentialAccess,
        severity: Severity::High,
        techniques: &["T1649"],
        external_id: Some(2432),
        actions: &[
            "Revoke the certificate and publish the revocation list",
            "Disable the requester's account",
            "Take \"supply in the request\" from the template, or restrict who may enrol",
        ],
        source: include_str!("adcs_abuse.rs"),
    };

    type Config = Habit;

    fn observe(&mut self, config: &Habit, event: &Event, context: &Context<'_>, verdicts: &mut Verdicts) {
        let Activity::CertificateRequest(request) = &event.activity else { return };
        if event.outcome.failed() {
            return;
        }
        let account = Account::named(&request.requester);
        let requester = change::of_account(context.snapshot, &account);
        if let Some((node, name)) = another(request, requester.node, &account, context.snapshot) {
            if self.habits.usual(config, &format!("{}|{}", requester.key, node.0), event, context.mode, verdicts) {
                return;
            }
            let subject = crate::directory::label(context.snapshot, node);
            let privileged = change::privileged(context.snapshot, Some(node));
            let severity = if privileged || request.issued { Severity::High } else { Severity::Medium };
            let what = if request.issued { "got" } else { "asked for" };
            let with = template(request);
            let story = format!("{} {what} a certificate in the name of {subject}{with}.", requester.label);
            let text = format!("the alternative name {name} is {subject}'s, the requester is {}", requester.label);
            verdicts.raise(
                Verdict::of(
                    event,
                    format!("{}|{}", requester.key, subject.to_lowercase()),
                    story,
                    "certificate request",
                )
                .against(subject)
                .because("another-subject", 1.0, 60.0, text)
                .severity(severity)
                .score(if request.issued { 95.0 } else { 80.0 }),
            );
            return;
        }
        let controller =
            requester.node.is_some_and(|node| context.snapshot.flags(node).has(NodeFlags::DOMAIN_CONTROLLER));
        let own =
            request.template.is_empty() || CONTROLLERS.iter().any(|name| name.eq_ignore_ascii_case(&request.template));
        if !controller || own {
            return;
        }
        if self.habits.usual(config, &format!("{}|{}", requester.key, request.template), event, context.mode, verdicts)
        {
            return;
        }
        let story =
            format!("The domain controller {} enrolled{}, which it never did.", requester.label, template(request));
        verdicts.raise(
            Verdict::of(event, format!("{}|{}", requester.key, request.template), story, "certificate request")
                .against(request.template.clone())
                .because(
                    "controller-enrols",
                    1.0,
                    40.0,
                    "a relayed logon of a controller to web enrolment looks so".into(),
                )
                .severity(Severity::Medium)
                .score(65.0),
        );
    }

    fn entries(&self) -> usize {
        self.habits.entries()
    }
}

fn template(request: &CertificateRequest) -> String {
    if request.template.is_empty() { String::new() } else { format!(" with the template {}", request.template) }
}

/// The first alternative name that is another account's, and whose.
fn another(
    request: &CertificateRequest,
    own: Option<NodeId>,
    requester: &Account,
    snapshot: &Snapshot,
) -> Option<(NodeId, String)> {
    request.alternative_names.iter().find_map(|text| {
        let (kind, value) = text.split_once(['=', ':'])?;
        let (kind, value) = (kind.trim().to_lowercase(), value.trim());
        let node = if kind.contains("upn") || kind.contains("principal name") {
            crate::directory::account(snapshot, &Account::named(value))
        } else if kind.contains("dns") {
            let account = Account::named(&format!("{}$", short_name(value)));
            crate::directory::account(snapshot, &account).filter(|_| short_name(value) != short_name(&requester.name))
        } else {
            None
        };
        node.filter(|node| Some(*node) != own).map(|node| (node, value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use hopwatch_model::Outcome;

    use super::*;
    use crate::frame::Sensitivity;
    use crate::testing::{alerts, by, event, run};

    const SLUG: &str = "adcs-abuse";

    fn request(secs: i64, requester: &str, name: &str, template: &str, issued: bool) -> Event {
        let request = CertificateRequest {
            issued,
            requester: format!("LAB\\{requester}"),
            template: template.into(),
            alternative_names: vec![name.into()],
            ..CertificateRequest::default()
        };
        let outcome = if issued { Outcome::Success } else { Outcome::Unseen };
        by(event(secs, Activity::CertificateRequest(Box::new(request))), requester, "ws1", outcome)
    }

    #[test]
    fn a_certificate_in_an_administrators_name_fires_and_request_and_issue_are_one() {
        let events = [
            request(0, "ann", "upn=admin@lab.example", "LabESC1", false),
            request(1, "ann", "Other Name:Principal Name=admin@lab.example", "LabESC1", true),
        ];
        let found = alerts(SLUG, &events[..1]);
        assert_eq!((found.len(), found[0].severity), (1, Severity::High));
        assert_eq!(
            alerts(SLUG, &[events[0].clone(), request(1, "ann", "upn=admin@lab.example", "LabESC1", true)]).len(),
            1
        );
    }

    #[test]
    fn the_own_name_and_a_name_of_nobody_stay_silent() {
        let events = [
            request(0, "ann", "upn=ann@lab.example", "User", true),
            request(1, "WS1$", "dns=ws1.lab.example", "Machine", true),
            request(2, "ann", "dns=www.lab.example", "WebServer", true),
        ];
        assert!(alerts(SLUG, &events).is_empty());
    }

    #[test]
    fn a_controller_in_a_users_template_fires_medium_and_in_its_own_it_does_not() {
        assert_eq!(alerts(SLUG, &[request(0, "DC1$", "", "User", true)])[0].severity, Severity::Medium);
        assert!(alerts(SLUG, &[request(0, "DC1$", "dns=dc1.lab.example", "KerberosAuthentication", true)]).is_empty());
    }

    #[test]
    fn a_management_server_that_enrols_for_others_usually_stays_silent() {
        let enrol = |secs| request(secs, "svc_sql", "upn=bob@lab.example", "Device", true);
        assert!(run(SLUG, Sensitivity::High, &[enrol(-9000)], &[enrol(0)]).is_empty());
    }

    #[test]
    fn a_denied_request_stays_silent() {
        let denied =
            Event { outcome: Outcome::Failure(0xC000_0022), ..request(0, "ann", "upn=admin@lab.example", "x", false) };
        assert!(alerts(SLUG, &[denied]).is_empty());
    }
}
