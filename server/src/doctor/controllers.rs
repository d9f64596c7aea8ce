//! Whether each domain controller is heard: by its log, by its traffic, and by the right time.

use super::{Check, Level, Patient, Symptom, span};
use crate::heard::{Answering, Reporter, same_host};

/// A controller that said nothing for so long has fallen silent, in seconds: Kerberos traffic never pauses for an hour.
const SILENT_AFTER_SECS: u64 = 3_600;
/// Kerberos refuses clients whose clock is off by five minutes (`[MS-KILE] 3.3.2`, `MaxClockSkew`); half of it is a warning.
const SKEW_PROBLEM_MILLIS: u64 = 300_000;
/// See [`SKEW_PROBLEM_MILLIS`].
const SKEW_WARNING_MILLIS: u64 = 150_000;

/// A domain controller with what was heard of it.
pub(super) struct Controller<'a> {
    pub(super) name: String,
    pub(super) log: Option<&'a Reporter>,
    pub(super) traffic: Option<&'a Answering>,
}

impl Controller<'_> {
    /// Its log, where it is Windows': other servers' logs have no event ids, and no audit policy of Windows.
    pub(super) fn windows_log(&self) -> Option<&Reporter> {
        self.log.filter(|log| log.ids.keys().any(|id| *id != 0))
    }
}

/// The controllers that the directory names, and those that were seen at work as one.
pub(super) fn of<'a>(patient: &Patient<'a>) -> Vec<Controller<'a>> {
    let snapshot = patient.snapshot;
    let mut names: Vec<String> = snapshot
        .domain_controllers()
        .into_iter()
        .filter_map(|id| {
            let node = snapshot.node(id)?;
            let name = node.text("dnshostname").filter(|name| !name.is_empty()).unwrap_or_else(|| node.label());
            Some(name.trim_end_matches('$').to_lowercase())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let heard = patient.coverage.heard();
    names
        .into_iter()
        .map(|name| {
            let log = heard.reporters().filter(|(reporter, _)| same_host(reporter, &name));
            let traffic = heard.answering().filter(|(host, _)| same_host(host, &name));
            let log = log.map(|(_, log)| log).max_by_key(|log| log.last_at);
            Controller { log, traffic: traffic.map(|(_, seen)| seen).max_by_key(|seen| seen.last_at), name }
        })
        .collect()
}

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Symptom> {
    let controllers = of(patient);
    let mut symptoms: Vec<Symptom> = controllers.iter().flat_map(|controller| silent(controller, patient)).collect();
    symptoms.extend(clocks(&controllers, patient));
    symptoms.extend(directory(&controllers, patient));
    symptoms
}

fn directory(controllers: &[Controller<'_>], patient: &Patient<'_>) -> Option<Symptom> {
    let snapshot = patient.snapshot;
    let domains = snapshot.nodes().filter(|id| {
        snapshot.kind(*id) == hopwatch_model::NodeKind::Domain
            && snapshot.node(*id).is_some_and(|node| node.described_at.is_some())
    });
    let symptom = |level, text: &str| Symptom {
        check: Check::Directory,
        level,
        subject: "directory".into(),
        text: text.into(),
        remedy:
            "collect it by `hopwatch collect ldaps://CONTROLLER -o directory.zip` or with SharpHound, and `hopwatch \
                 import directory.zip`; repeat it daily"
                .into(),
    };
    match (domains.count(), controllers.len()) {
        (0, 0) => {
            Some(symptom(Level::Problem, "no directory was imported and no controller was seen: nothing can be missed"))
        }
        (0, _) => Some(symptom(
            Level::Problem,
            "no directory was imported: there are no rights, no paths to Tier Zero, and silent controllers cannot be known",
        )),
        (_, 0) => Some(symptom(Level::Warning, "the directory names no domain controller: it was collected in part")),
        _ => None,
    }
}

fn silent(controller: &Controller<'_>, patient: &Patient<'_>) -> Vec<Symptom> {
    let symptom = |level, text: String, remedy: &str| Symptom {
        check: Check::SilentController,
        level,
        subject: controller.name.clone(),
        text,
        remedy: remedy.into(),
    };
    const FORWARD: &str = "forward its Security and System logs (docs/wef.md), or mirror its traffic to a sensor";
    let last = controller.log.map(|log| log.last_at).max(controller.traffic.map(|seen| seen.last_at));
    let Some(last) = last else {
        let unnamed = patient.coverage.heard().answering().filter(|(host, _)| address(host)).count();
        let perhaps = match unnamed {
            0 => String::new(),
            count => format!("; {count} addresses without a name answer as controllers, and it may be one of them"),
        };
        let text =
            format!("the directory names this controller, and neither its log nor its traffic ever came{perhaps}");
        return vec![symptom(Level::Problem, text, FORWARD)];
    };
    let mut symptoms = Vec::new();
    let silence = patient.until.since(last).as_secs();
    if silence >= SILENT_AFTER_SECS {
        let text = format!("nothing came of it for {}, the last at {last}", span(silence));
        symptoms.push(symptom(
            Level::Warning,
            text,
            "look whether it runs, and whether its log or its traffic still comes",
        ));
    }
    match (controller.log, controller.traffic) {
        (None, Some(_)) => symptoms.push(symptom(
            Level::Warning,
            "its traffic is seen and its log is not: changes of groups, accounts and rights are invisible where LDAP is sealed"
                .into(),
            "forward its Security and System logs (docs/wef.md)",
        )),
        (Some(_), None) => symptoms.push(symptom(
            Level::Notice,
            "its log is read and its traffic is not seen: LDAP searches, SAMR, DNS and tickets used elsewhere are invisible"
                .into(),
            "mirror its traffic to a sensor (`hopwatch capture`), or import captures of it",
        )),
        _ => {}
    }
    symptoms
}

/// Clocks that are off by the controllers' own word in Kerberos errors, and logs from the future.
fn clocks(controllers: &[Controller<'_>], patient: &Patient<'_>) -> Vec<Symptom> {
    const REMEDY: &str = "compare `w32tm /query /status` on it, on the domain's PDC emulator and on the sensor; events of one \
                          act are joined by time, and Kerberos fails at five minutes";
    let symptom = |level, subject: &str, text: String| Symptom {
        check: Check::ClockSkew,
        level,
        subject: subject.to_owned(),
        text,
        remedy: REMEDY.into(),
    };
    let level = |millis: u64| match millis {
        SKEW_PROBLEM_MILLIS.. => Some(Level::Problem),
        SKEW_WARNING_MILLIS.. => Some(Level::Warning),
        _ => None,
    };
    let mut symptoms = Vec::new();
    for (host, seen) in patient.coverage.heard().answering() {
        let ahead = seen.clock_ahead_millis().unwrap_or(0);
        if let Some(level) = level(ahead.unsigned_abs()) {
            let side = if ahead > 0 { "ahead of" } else { "behind" };
            let off = span(ahead.unsigned_abs() / 1_000);
            symptoms.push(symptom(level, host, format!("its clock is {off} {side} that of the capture")));
        }
        if seen.skew_refusals > 0 {
            let text = format!("it refused clients {} times because its clock and theirs disagree", seen.skew_refusals);
            symptoms.push(symptom(Level::Notice, host, text));
        }
    }
    for (host, log) in patient.coverage.heard().reporters() {
        let ahead = log.last_at.since(patient.now);
        let millis = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        if let Some(level) = level(millis) {
            let worse = controllers.iter().any(|controller| same_host(&controller.name, host));
            let level = if worse { level } else { Level::Warning };
            symptoms.push(symptom(level, host, format!("its log is {} ahead of our clock", span(ahead.as_secs()))));
        }
    }
    symptoms
}

fn address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}
