//! Whether sources keep up, what they lost, and what of what came cannot be read.

use super::{Check, Level, Patient, Symptom, percent, span};
use crate::store::SourceStatus;

/// Kinds of sources that go on for ever; a file is read once and cannot lag.
const LIVE: &[&str] = &["radius", "sensor", "syslog", "wef"];
/// A live source that gave nothing for so long lags, in seconds.
const LAG_SECS: u64 = 900;
/// A live source that gave nothing for so long has stopped, in seconds.
const STOPPED_SECS: u64 = 86_400;
/// A share of hosts without a name from which detections by host see double, in tenths of a percent.
const UNNAMED_WARNING: u64 = 200;
/// A share of a protocol's messages that cannot be read, from which detections on it see little, in tenths of a percent.
const OPAQUE_WARNING: u64 = 500;
/// A share of lost records from which a source is hurt, in tenths of a percent.
const DROPS_WARNING: u64 = 10;

pub(super) fn examine(patient: &Patient<'_>) -> Vec<Symptom> {
    let mut symptoms: Vec<Symptom> = patient.sources.iter().flat_map(|source| standing(source, patient)).collect();
    symptoms.extend(unnamed(patient));
    symptoms.extend(opaque(patient));
    if patient.sources.is_empty() {
        symptoms.push(Symptom {
            check: Check::SourceLag,
            level: Level::Problem,
            subject: "sources".into(),
            text: "no source was ever read".into(),
            remedy: "import captures and logs by `hopwatch import`, or name sources in the configuration".into(),
        });
    }
    symptoms
}

fn standing(source: &SourceStatus, patient: &Patient<'_>) -> Vec<Symptom> {
    let mut symptoms = Vec::new();
    let symptom = |check, level, text: String, remedy: &str| Symptom {
        check,
        level,
        subject: source.name.clone(),
        text,
        remedy: remedy.into(),
    };
    if let Some(error) = &source.error {
        let remedy = "repair what it names, and import the file again or restart the source";
        symptoms.push(symptom(Check::SourceDrops, Level::Problem, format!("it failed: {error}"), remedy));
    }
    let dropped: u64 = source.dropped.values().sum();
    if dropped > 0 {
        let mut reasons: Vec<(&String, &u64)> = source.dropped.iter().collect();
        reasons.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let told: Vec<String> = reasons.iter().take(5).map(|(reason, count)| format!("{count} × {reason}")).collect();
        let whole = source.read.max(dropped);
        let level = if tenths(dropped, whole) >= DROPS_WARNING { Level::Warning } else { Level::Notice };
        let text = format!("{dropped} of {whole} records were lost ({}): {}", percent(dropped, whole), told.join(", "));
        let remedy = "look at the reasons: cut captures want a larger snap length or a faster sensor, malformed records \
                      another form of export";
        symptoms.push(symptom(Check::SourceDrops, level, text, remedy));
    }
    if LIVE.contains(&source.kind.as_str()) {
        let remedy = "look whether its senders run and reach this server, and whether a firewall stands between";
        match source.last_event_at {
            None => {
                let text = "nothing ever came of it".to_owned();
                symptoms.push(symptom(Check::SourceLag, Level::Warning, text, remedy));
            }
            Some(last) => {
                let secs = patient.until.since(last).as_secs();
                let level = if secs >= STOPPED_SECS { Level::Problem } else { Level::Warning };
                if secs >= LAG_SECS {
                    let text = format!("its latest event is {} old ({last})", span(secs));
                    symptoms.push(symptom(Check::SourceLag, level, text, remedy));
                }
            }
        }
    }
    symptoms
}

fn unnamed(patient: &Patient<'_>) -> Option<Symptom> {
    let (unnamed, hosts) = patient.coverage.unnamed();
    if unnamed == 0 {
        return None;
    }
    let level = if tenths(unnamed, hosts) >= UNNAMED_WARNING { Level::Warning } else { Level::Notice };
    Some(Symptom {
        check: Check::NameResolution,
        level,
        subject: "name resolution".into(),
        text: format!(
            "{unnamed} of {hosts} hosts in events are known by their address only ({})",
            percent(unnamed, hosts)
        ),
        remedy:
            "import what tells names: DHCP and DNS traffic of the controllers, logs with computer names, the directory"
                .into(),
    })
}

fn opaque(patient: &Patient<'_>) -> Vec<Symptom> {
    let symptom = |(protocol, sealed, readable): (&str, u64, u64)| {
        let whole = sealed.saturating_add(readable);
        let level = if tenths(sealed, whole) >= OPAQUE_WARNING { Level::Warning } else { Level::Notice };
        Symptom {
            check: Check::Opaque,
            level,
            subject: protocol.to_owned(),
            text: format!(
                "{} of its {whole} messages are sealed or encrypted and cannot be read",
                percent(sealed, whole)
            ),
            remedy: "the controllers' logs tell what the wire does not: forward Security (4662, 5136, 4624, 5145) and \
                     Directory Service (1644)"
                .into(),
        }
    };
    patient.coverage.opaque().map(symptom).collect()
}

fn tenths(part: u64, whole: u64) -> u64 {
    part.saturating_mul(1_000) / whole.max(1)
}
