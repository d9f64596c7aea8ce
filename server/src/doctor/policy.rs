//! The audit policy, as far as events show it: what a controller should log by the subcategories of *Advanced Audit Policy
//! Configuration*, and which of it never came. The list is that of Microsoft's own readiness check for Defender for Identity
//! (subcategories of event collection), with the Kerberos and logon events that an estate without captures needs.

use hopwatch_model::Timestamp;

use super::controllers::{self, Controller};
use super::{Check, Level, Patient, Symptom, span};
use crate::heard::Reporter;

/// How often a healthy controller logs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// All the time: its absence says that it is off.
    Always,
    /// When somebody does it: its absence may say that nobody did.
    Now,
}

/// A subcategory of the audit policy.
struct Subcategory {
    name: &'static str,
    /// The ids that are read of it.
    ids: &'static [u32],
    pace: Pace,
    /// Whether captured traffic of the controller shows the same.
    on_the_wire: bool,
    /// What does not see without it.
    serves: &'static str,
    /// What else is needed beside the subcategory.
    beside: &'static str,
}

const SUBCATEGORIES: &[Subcategory] = &[
    Subcategory {
        name: "Kerberos Authentication Service",
        ids: &[4768, 4771],
        pace: Pace::Always,
        on_the_wire: true,
        serves: "brute force, password spray, AS-REP roasting, golden tickets",
        beside: "",
    },
    Subcategory {
        name: "Kerberos Service Ticket Operations",
        ids: &[4769, 4770],
        pace: Pace::Always,
        on_the_wire: true,
        serves: "Kerberoasting, delegation abuse, lateral movement paths",
        beside: "",
    },
    Subcategory {
        name: "Credential Validation",
        ids: &[4776],
        pace: Pace::Always,
        on_the_wire: true,
        serves: "NTLM brute force, account enumeration, pass-the-hash",
        beside: "",
    },
    Subcategory {
        name: "Logon",
        ids: &[4624, 4625, 4648],
        pace: Pace::Always,
        on_the_wire: false,
        serves: "sessions in the graph, whence a change was made",
        beside: "",
    },
    Subcategory {
        name: "Security Group Management",
        ids: &[4728, 4729, 4732, 4733, 4756, 4757],
        pace: Pace::Now,
        on_the_wire: false,
        serves: "changes of sensitive groups",
        beside: "",
    },
    Subcategory {
        name: "User Account Management",
        ids: &[4720, 4722, 4723, 4724, 4725, 4726, 4738, 4740, 4765, 4766, 4767, 4781, 4794],
        pace: Pace::Now,
        on_the_wire: false,
        serves: "password resets by rights, re-enabled accounts, SID history, renames",
        beside: "",
    },
    Subcategory {
        name: "Computer Account Management",
        ids: &[4741, 4742, 4743],
        pace: Pace::Now,
        on_the_wire: false,
        serves: "noPac, Certifried, resource-based delegation",
        beside: "",
    },
    Subcategory {
        name: "Directory Service Access",
        ids: &[4662],
        pace: Pace::Now,
        on_the_wire: true,
        serves: "malicious replication, reads of secrets",
        beside: "; auditing entries (SACL) for Everyone on the domain's users, groups and computers are needed too",
    },
    Subcategory {
        name: "Directory Service Changes",
        ids: &[5136, 5137, 5138, 5139, 5141],
        pace: Pace::Now,
        on_the_wire: false,
        serves: "dangerous rights added, shadow credentials, AdminSDHolder changes, DCShadow",
        beside: "; auditing entries (SACL) for Everyone on the domain's users, groups and computers are needed too",
    },
    Subcategory {
        name: "Security System Extension",
        ids: &[4697, 7045],
        pace: Pace::Now,
        on_the_wire: false,
        serves: "suspicious service creation",
        beside: "; forward event 7045 of the System log",
    },
];

/// NTLM auditing is no subcategory but three options of *Security Options*.
const NTLM_AUDIT: &[u32] = &[8001, 8002, 8003, 8004, 8005, 8006];

/// How long a log must have come before the absence of rare events is worth a warning, in seconds: a week has a change of
/// nearly every kind even in a quiet estate.
const RARE_AFTER_SECS: u64 = 7 * 86_400;

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    for controller in controllers::of(patient) {
        // A controller whose log does not come at all is told of as silent; what its log lacks cannot be known.
        if let Some(log) = controller.windows_log() {
            missing(&controller, log, &mut symptoms);
        }
    }
    symptoms
}

fn missing(controller: &Controller<'_>, log: &Reporter, symptoms: &mut Vec<Symptom>) {
    let heard_secs = log.last_at.since(log.first_at).as_secs();
    for subcategory in SUBCATEGORIES.iter().filter(|subcategory| !log.any(subcategory.ids)) {
        let seen_otherwise = subcategory.on_the_wire && controller.traffic.is_some();
        let level = match subcategory.pace {
            _ if seen_otherwise => Level::Notice,
            Pace::Always => Level::Problem,
            Pace::Now if heard_secs >= RARE_AFTER_SECS => Level::Warning,
            Pace::Now => Level::Notice,
        };
        let instead = if seen_otherwise { "; its traffic shows the same" } else { "" };
        symptoms.push(Symptom {
            check: Check::AuditPolicy,
            level,
            subject: controller.name.clone(),
            text: format!(
                "{} never came in {} of its log ({} events, the last {}): {} see less{instead}",
                ids(subcategory.ids),
                span(heard_secs),
                log.events(),
                time(log.last_at),
                subcategory.serves
            ),
            remedy: format!(
                "on every controller: auditpol /set /subcategory:\"{}\" /success:enable /failure:enable, or the same by \
                 group policy, and forward {}{}",
                subcategory.name,
                ids(subcategory.ids),
                subcategory.beside
            ),
        });
    }
    if !log.any(NTLM_AUDIT) {
        symptoms.push(Symptom {
            check: Check::AuditPolicy,
            level: Level::Notice,
            subject: controller.name.clone(),
            text: "8004 never came: NTLM logons of other servers are seen without the server to which they went".into(),
            remedy: "set `Network security: Restrict NTLM: Audit NTLM authentication in this domain` to `Enable all` on the \
                     controllers, and forward Microsoft-Windows-NTLM/Operational"
                .into(),
        });
    }
}

fn ids(ids: &[u32]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn time(time: Timestamp) -> String {
    time.to_string()
}
