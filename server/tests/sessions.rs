//! Logins, sessions, and what outlives a restart.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use common::{PASSWORD, alert, at, data, finding, login, logon, query, state};
use hopwatch::auth;
use hopwatch::state::ChangeKind;
use hopwatch::store::{EventFilter, Store};
use hopwatch_model::Severity;
use serde_json::json;

const LOGIN: &str =
    "mutation ($name: String!, $password: String!) { login(name: $name, password: $password) { expiresAt } }";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_passwords_are_told_alike_and_slowed_down() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let wrong = query(&state, "", LOGIN, json!({ "name": "vic", "password": "nope" })).await;
    let unknown = query(&state, "", LOGIN, json!({ "name": "nobody", "password": PASSWORD })).await;
    assert_eq!(wrong.json()["errors"][0]["message"], unknown.json()["errors"][0]["message"]);
    assert_eq!((wrong.code(), unknown.code()), ("UNAUTHENTICATED".into(), "UNAUTHENTICATED".into()));
    for _ in 0..3 {
        query(&state, "", LOGIN, json!({ "name": "vic", "password": "nope" })).await;
    }
    let slowed = query(&state, "", LOGIN, json!({ "name": "vic", "password": PASSWORD })).await;
    assert_eq!(slowed.code(), "LIMIT_EXCEEDED");
    assert!(slowed.headers.get("set-cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_out_of_reach_and_ends_with_the_logout() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let answer = query(&state, "", LOGIN, json!({ "name": "vic", "password": PASSWORD })).await;
    let header = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(header.contains("HttpOnly") && header.contains("SameSite=Strict"), "{header}");
    assert!(!String::from_utf8_lossy(&answer.body).contains(header.split(['=', ';']).nth(1).unwrap()));
    let cookie = login(&state, "vic").await;
    assert_eq!(
        data(&state, &cookie, "{ viewer { name role } }", json!({})).await,
        json!({ "viewer": { "name": "vic", "role": "VIEWER" } })
    );
    assert_eq!(data(&state, &cookie, "mutation { logout }", json!({})).await, json!({ "logout": true }));
    assert_eq!(data(&state, &cookie, "{ viewer { name } }", json!({})).await, json!({ "viewer": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_sessions_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "mutation ($new: String!, $old: String!) { changePassword(current: $old, new: $new) }";
    let short = query(&state, &cookie, text, json!({ "old": PASSWORD, "new": "short" })).await;
    assert_eq!(short.code(), "BAD_USER_INPUT");
    data(&state, &cookie, text, json!({ "old": PASSWORD, "new": "another long password" })).await;
    assert_eq!(data(&state, &cookie, "{ viewer { name } }", json!({})).await, json!({ "viewer": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_administrator_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    assert!(auth::bootstrap(&store).await.unwrap().is_some());
    assert!(auth::bootstrap(&store).await.unwrap().is_none());
    let users = store.users().await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["admin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_acknowledged_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = state(folder.path()).await;
    let events: Vec<_> = (0..200).map(|n: i64| logon("ann", n, n.cast_unsigned())).collect();
    assert_eq!(first.events.append(&events).await.unwrap().stored, 200);
    let opened = first.take_alert(ChangeKind::Opened, &alert("ann", 60, Severity::High)).await.unwrap();
    first.store.replace_findings(&[finding()]).await.unwrap();
    let cookie = login(&first, "ana").await;
    let triage = "mutation ($id: ID!) { triageAlert(input: { id: $id, state: IN_PROGRESS, assignee: \"ana\", comment: \"mine\" }) { id } }";
    data(&first, &cookie, triage, json!({ "id": opened.id })).await;
    first.store.close().await;
    drop(first);

    let second = state(folder.path()).await;
    let again = second.events.append(&events).await.unwrap();
    assert_eq!((again.stored, again.repeated), (0, 200), "a repeated import changes nothing");
    assert_eq!(second.events.count(&EventFilter::default()).await.unwrap(), 200);
    // The same attack goes on: the engine's part is renewed, the user's part stays.
    let mut more = alert("ann", 60, Severity::High);
    more.last_at = at(4000);
    more.events = 9;
    let stored = second.take_alert(ChangeKind::Updated, &more).await.unwrap();
    assert_eq!((stored.id.as_str(), stored.alert.events), (opened.id.as_str(), 9));
    assert_eq!((stored.assignee.as_deref(), stored.comment.as_deref()), (Some("ana"), Some("mine")));
    let page = data(&second, &cookie, "{ alerts { totalCount nodes { state } } findings { title } }", json!({})).await;
    assert_eq!(page["alerts"], json!({ "totalCount": 1, "nodes": [{ "state": "IN_PROGRESS" }] }));
    assert_eq!(page["findings"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gives_every_event_once_in_time_order() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let events: Vec<_> = (0..150).map(|n: i64| logon("ann", (n * 37) % 150, 1000 + n.cast_unsigned())).collect();
    state.events.append(&events).await.unwrap();
    let (mut times, mut place) = (Vec::new(), (hopwatch_model::Timestamp::MIN, 0));
    loop {
        let batch = state.events.replay(place.0, place.1, 40).await.unwrap();
        let Some(last) = batch.last() else { break };
        place = (last.event.time, last.row);
        times.extend(batch.into_iter().map(|stored| stored.event.time));
    }
    assert_eq!(times.len(), 150);
    assert!(times.is_sorted());
}
