//! Who belongs together and who does not.

use hopwatch_model::{Account, Alert, Host, Severity, Timestamp};

use super::*;
use crate::testing::snapshot;

fn alert(secs: i64, actor: &str, source: &str, target_host: &str, target: &str) -> Alert {
    Alert {
        detection: "x".into(),
        key: format!("{secs}|{actor}|{source}"),
        external_id: None,
        severity: Severity::Medium,
        first_at: Timestamp::from_secs(secs),
        last_at: Timestamp::from_secs(secs + 60),
        actor: (!actor.is_empty()).then(|| Account::named(actor)),
        source: (!source.is_empty()).then(|| Host::reported(source)),
        target_host: (!target_host.is_empty()).then(|| Host::reported(target_host)),
        target: (!target.is_empty()).then(|| target.to_owned()),
        explanation: format!("{actor} acted"),
        reasons: Vec::new(),
        score: 60.0,
        techniques: Vec::new(),
        actions: Vec::new(),
        evidence: Vec::new(),
        events: 1,
    }
}

/// Takes all in order; the ids of the alerts of each incident.
fn grouped(alerts: &[(Phase, Alert)]) -> Vec<Vec<String>> {
    let snapshot = snapshot();
    let mut incidents = Incidents::default();
    for (number, (phase, alert)) in alerts.iter().enumerate() {
        let _ = incidents.take(&format!("a{number}"), alert, *phase, links(alert, &snapshot));
    }
    let ids = |incident: &&Incident| incident.steps.iter().map(|step| step.alert.clone()).collect::<Vec<_>>();
    let mut found: Vec<Vec<String>> = incidents.all().iter().map(ids).collect();
    found.sort();
    found
}

#[test]
fn a_chain_over_a_stolen_account_is_one_incident_in_kill_chain_order() {
    // Ann looks around and roasts svc_sql from ws1; svc_sql moves to srv1; from srv1 the directory is replicated.
    let found = grouped(&[
        (Phase::DomainDominance, alert(9000, "", "srv1", "dc1", "")),
        (Phase::CredentialAccess, alert(2000, "ann", "ws1", "dc1", "svc_sql")),
        (Phase::Reconnaissance, alert(1000, "ann", "ws1", "dc1", "")),
        (Phase::LateralMovement, alert(5000, "svc_sql", "ws2", "srv1", "")),
    ]);
    assert_eq!(found, [["a2", "a1", "a3", "a0"]]);
}

#[test]
fn two_strangers_at_the_same_controller_are_two_incidents() {
    let found = grouped(&[
        (Phase::Reconnaissance, alert(1000, "ann", "ws1", "dc1", "")),
        (Phase::Reconnaissance, alert(1100, "bob", "ws2", "dc1", "")),
    ]);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_host_that_acted_before_it_was_reached_is_no_consequence() {
    let found = grouped(&[
        (Phase::Reconnaissance, alert(1000, "bob", "srv1", "dc1", "")),
        (Phase::LateralMovement, alert(90_000, "ann", "ws1", "srv1", "")),
    ]);
    assert_eq!(found.len(), 2);
}

#[test]
fn three_days_of_quiet_part_two_incidents_and_posture_is_none() {
    let found = grouped(&[
        (Phase::Reconnaissance, alert(1000, "ann", "ws1", "dc1", "")),
        (Phase::Reconnaissance, alert(1000 + 3 * 86_400, "ann", "ws1", "dc1", "")),
        (Phase::Posture, alert(1100, "ann", "ws1", "dc1", "")),
    ]);
    assert_eq!(found, [["a0"], ["a1"]]);
}

#[test]
fn incidents_that_meet_become_the_older_one() {
    let snapshot = snapshot();
    let mut incidents = Incidents::default();
    let mut take = |id: &str, phase, alert: &Alert| incidents.take(id, alert, phase, links(alert, &snapshot)).unwrap();
    let older = take("a", Phase::Reconnaissance, &alert(1000, "ann", "ws1", "dc1", "")).incident.id;
    let newer = take("b", Phase::LateralMovement, &alert(2000, "bob", "ws2", "srv1", "")).incident.id;
    let met = take("c", Phase::CredentialAccess, &alert(1500, "ann", "ws2", "dc1", ""));
    assert_eq!((met.incident.id.as_str(), met.absorbed.as_slice()), (older.as_str(), &[newer][..]));
    assert_eq!(met.incident.severity, Severity::High, "three phases");
    assert_eq!(met.incident.score, 70.0);
    assert_eq!(met.incident.title(), "ann: from reconnaissance to lateral movement");
    // A replay of an alert changes nothing.
    let again = take("c", Phase::CredentialAccess, &alert(1500, "ann", "ws2", "dc1", ""));
    assert_eq!(again.incident, met.incident);
}

#[test]
fn a_flood_of_alerts_stays_bounded_and_is_counted() {
    let snapshot = snapshot();
    let mut incidents = Incidents::default();
    for number in 0..700_i64 {
        let alert = alert(1000 + number, "ann", "ws1", "dc1", &format!("user{number}"));
        let _ = incidents.take(&number.to_string(), &alert, Phase::CredentialAccess, links(&alert, &snapshot));
    }
    let all = incidents.all();
    assert_eq!((all.len(), all[0].steps.len(), all[0].alerts()), (1, MEMBERS, 700));
    for number in 0..i64::try_from(INCIDENTS).unwrap() + 5 {
        let alert = alert(2000 + number, &format!("u{number}"), "", "dc1", "");
        let _ = incidents.take(&format!("s{number}"), &alert, Phase::CredentialAccess, links(&alert, &snapshot));
    }
    assert_eq!(incidents.all().len(), INCIDENTS);
    assert_eq!(incidents.let_go(), 6);
    let restored = Incidents::restore(incidents.all().into_iter().cloned());
    assert_eq!(restored.all(), incidents.all());
}
