//! What users say of alerts and what follows: incidents, suppression and re-opening, exclusions, calibration; and history
//! that stays history after a crash.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use common::{alert, at, data, login, logon, query, state};
use hopwatch::config::Config;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::ChangeKind;
use hopwatch::store::{AlertFilter, AlertState, EventHistory, Store};
use hopwatch_detections::Mode;
use hopwatch_model::{Event, Outcome, Severity};
use serde_json::{Value, json};

const TRIAGE: &str = "mutation ($input: TriageInput!) { triageAlert(input: $input) { state classification } }";

/// More activity of an alert.
fn later(mut alert: hopwatch_model::Alert, secs: i64) -> hopwatch_model::Alert {
    alert.last_at = at(secs);
    alert.events += 1;
    alert
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_one_account_are_an_incident_that_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{ incidents(first: 5) { totalCount nodes { id title severity score alertCount state phases { name alerts } \
                steps { detection phase actor source target } alerts { id incident { id } } entities { name } \
                map { nodes { name } } } } }";
    let first = {
        let state = state(folder.path()).await;
        let cookie = login(&state, "vic").await;
        state.take_alert(ChangeKind::Opened, &alert("ann", 3600, Severity::High)).await.unwrap();
        let mut roast = alert("ann", 600, Severity::Medium);
        roast.detection = "kerberoasting".into();
        roast.key = "kerberoasting|ann".into();
        state.take_alert(ChangeKind::Opened, &roast).await.unwrap();
        let mut eve = alert("eve", 900, Severity::Low);
        eve.source = Some(hopwatch_model::Host::reported("ws9"));
        state.take_alert(ChangeKind::Opened, &eve).await.unwrap();
        let found = data(&state, &cookie, text, json!({})).await;
        assert_eq!(found["incidents"]["totalCount"], 2);
        let both = &found["incidents"]["nodes"][0];
        assert_eq!(both["title"], "ann: from credential access to domain dominance");
        assert_eq!((both["alertCount"].as_u64(), both["state"].as_str()), (Some(2), Some("OPEN")));
        assert_eq!(both["steps"][0]["detection"], "kerberoasting");
        assert_eq!(both["alerts"][0]["incident"]["id"], both["id"]);
        let names: Vec<&str> = both["entities"].as_array().unwrap().iter().filter_map(|e| e["name"].as_str()).collect();
        assert!(names.iter().any(|name| name.starts_with("ANN@")), "{names:?}");
        state.store.close().await;
        found
    };
    let state = state(folder.path()).await;
    let cookie = login(&state, "vic").await;
    assert_eq!(data(&state, &cookie, text, json!({})).await, first);
    // A third alert after the restart joins the same incident.
    let mut more = alert("ann", 7200, Severity::Medium);
    more.detection = "pass-the-hash".into();
    state.take_alert(ChangeKind::Opened, &more).await.unwrap();
    let found = data(&state, &cookie, "{ incidents { nodes { alertCount } } }", json!({})).await;
    assert_eq!(found["incidents"]["nodes"][0]["alertCount"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_alert_opens_again_unless_it_was_dismissed_or_is_suppressed() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let cookie = login(&state, "ana").await;
    let first = alert("ann", 3600, Severity::Medium);
    let id = state.take_alert(ChangeKind::Opened, &first).await.unwrap().id.clone();
    let close = |class: Value| json!({ "input": { "id": id, "state": "CLOSED", "classification": class } });
    let seen = |secs: i64| later(first.clone(), secs);

    data(&state, &cookie, TRIAGE, close(Value::Null)).await;
    let again = state.take_alert(ChangeKind::Updated, &first).await.unwrap();
    assert_eq!((again.state, again.reopened), (AlertState::Closed, 0), "the same activity once more opens nothing");
    let again = state.take_alert(ChangeKind::Updated, &seen(4000)).await.unwrap();
    assert_eq!((again.state, again.reopened), (AlertState::Open, 1));

    data(&state, &cookie, TRIAGE, close(json!("FALSE_POSITIVE"))).await;
    let again = state.take_alert(ChangeKind::Updated, &seen(4100)).await.unwrap();
    assert_eq!(again.state, AlertState::Closed, "it was dismissed");
    let graver = hopwatch_model::Alert { severity: Severity::High, ..seen(4200) };
    assert_eq!(state.take_alert(ChangeKind::Updated, &graver).await.unwrap().state, AlertState::Open);

    let text = "mutation ($id: ID!, $until: DateTime!) { suppressAlert(id: $id, until: $until, reason: \"pentest\") \
                { state suppressedUntil comment } }";
    let until = at(10_000).to_string();
    let done = data(&state, &cookie, text, json!({ "id": id, "until": until })).await;
    assert_eq!(
        (&done["suppressAlert"]["state"], &done["suppressAlert"]["comment"]),
        (&json!("CLOSED"), &json!("pentest"))
    );
    let graver = hopwatch_model::Alert { severity: Severity::High, ..seen(9000) };
    assert_eq!(state.take_alert(ChangeKind::Updated, &graver).await.unwrap().state, AlertState::Closed);
    let mut other = alert("ann", 9500, Severity::High);
    other.first_at = at(9400);
    let other = state.take_alert(ChangeKind::Opened, &other).await.unwrap();
    assert_eq!(other.state, AlertState::Closed, "another alert of the key is suppressed with it");
    let again = state.take_alert(ChangeKind::Updated, &seen(11_000)).await.unwrap();
    assert_eq!((again.state, again.suppressed_until), (AlertState::Open, None), "the suppression has ended");

    let vic = login(&state, "vic").await;
    assert_eq!(query(&state, &vic, text, json!({ "id": id, "until": until })).await.code(), "FORBIDDEN");
}

/// Wrong passwords for an account, close together.
fn guesses(from: i64, count: i64) -> Vec<Event> {
    let wrong = |n: i64| {
        let mut event = logon("bob", from + n * 5, 5_000 + (from + n).cast_unsigned());
        event.outcome = Outcome::Failure(0xC000_006A);
        event
    };
    (0..count).map(wrong).collect()
}

fn config(folder: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.server.data_dir = folder.to_owned();
    config
}

async fn alerts(pipeline: &Pipeline) -> u64 {
    pipeline.state().store.alert_count(&AlertFilter::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exclusion_silences_from_the_next_event_on_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    drop(state(folder.path()).await);
    let mut pipeline = Pipeline::open(config(folder.path())).await.unwrap();
    let state = hopwatch::state::State::clone(pipeline.state());
    let cookie = login(&state, "ana").await;
    let text = "mutation ($input: [ExclusionInput!]!) { addExclusions(input: $input) { id accounts createdBy } }";
    let nothing = json!({ "input": [{ "reason": "everything" }] });
    assert_eq!(query(&state, &cookie, text, nothing).await.code(), "BAD_USER_INPUT");
    let input =
        json!({ "input": [{ "accounts": ["bob", "eve"], "detections": ["brute-force"], "reason": "known script" }] });
    let added = data(&state, &cookie, text, input).await;
    assert_eq!(added["addExclusions"][0]["createdBy"], "ana");
    pipeline.events(&guesses(0, 30), Mode::Judging).await.unwrap();
    assert_eq!(alerts(&pipeline).await, 0);
    let ids = json!({ "ids": [added["addExclusions"][0]["id"]] });
    data(&state, &cookie, "mutation ($ids: [ID!]!) { removeExclusions(ids: $ids) }", ids.clone()).await;
    let gone = query(&state, &cookie, "mutation ($ids: [ID!]!) { removeExclusions(ids: $ids) }", ids).await;
    assert_eq!(gone.code(), "NOT_FOUND");
    let listed = data(&state, &cookie, "{ exclusions { reason removedBy } }", json!({})).await;
    assert_eq!(listed["exclusions"], json!([{ "reason": "known script", "removedBy": "ana" }]));
    pipeline.events(&guesses(20_000, 30), Mode::Judging).await.unwrap();
    assert_eq!(alerts(&pipeline).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dismissed_comes_back_with_less_weight() {
    let folder = tempfile::tempdir().unwrap();
    drop(state(folder.path()).await);
    let mut pipeline = Pipeline::open(config(folder.path())).await.unwrap();
    let state = hopwatch::state::State::clone(pipeline.state());
    let cookie = login(&state, "ana").await;
    pipeline.events(&guesses(0, 30), Mode::Judging).await.unwrap();
    let listed = data(&state, &cookie, "{ alerts { nodes { id severity } } }", json!({})).await;
    assert_eq!(listed["alerts"]["nodes"][0]["severity"], "MEDIUM");
    let input = json!({ "input": { "id": listed["alerts"]["nodes"][0]["id"], "state": "CLOSED", "classification": "FALSE_POSITIVE" } });
    data(&state, &cookie, TRIAGE, input).await;
    pipeline.events(&guesses(200_000, 30), Mode::Judging).await.unwrap();
    let text = "{ alerts(first: 1) { totalCount nodes { severity reasons { name text } } } }";
    let listed = data(&state, &cookie, text, json!({})).await;
    assert_eq!(listed["alerts"]["totalCount"], 2);
    assert_eq!(listed["alerts"]["nodes"][0]["severity"], "LOW");
    let reasons = listed["alerts"]["nodes"][0]["reasons"].to_string();
    assert!(reasons.contains("dismissed by an analyst"), "{reasons}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_a_crash_left_unseen_is_learned_from_and_not_judged() {
    for (mode, expected) in [(Mode::Learning, 0), (Mode::Judging, 1)] {
        let folder = tempfile::tempdir().unwrap();
        // Stored and then killed: nothing was shown to the detections, no checkpoint was written.
        let store = Store::open(folder.path()).await.unwrap();
        store.events().append_as(&guesses(0, 30), mode).await.unwrap();
        store.close().await;
        let mut pipeline = Pipeline::open(config(folder.path())).await.unwrap();
        assert_eq!(alerts(&pipeline).await, expected, "{mode:?}");
        if mode == Mode::Learning {
            // Nor does history count towards an alert about what comes next.
            pipeline.events(&guesses(160, 3), Mode::Judging).await.unwrap();
            assert_eq!(alerts(&pipeline).await, 0);
        }
    }
}
