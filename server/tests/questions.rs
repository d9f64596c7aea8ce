//! What users ask of the detections: why one did not fire, what the sources show, what a Sigma rule would have found.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use common::{at, data, login, logon, query, state};
use hopwatch::config::Config;
use hopwatch::feed::Feed;
use hopwatch::pipeline::Pipeline;
use hopwatch::state::State;
use hopwatch_detections::Mode;
use hopwatch_model::{Event, Outcome};
use serde_json::json;

/// Wrong passwords for bob from ws1, close together.
fn guesses(count: i64) -> Vec<Event> {
    let wrong = |n: i64| {
        let mut event = logon("bob", 36_000 + n * 5, 700 + n.cast_unsigned());
        event.provenance.event_id = Some(4625);
        event.outcome = Outcome::Failure(0xC000_006A);
        event
    };
    (0..count).map(wrong).collect()
}

async fn served(folder: &std::path::Path, events: &[Event]) -> (State, Feed) {
    drop(state(folder).await);
    let mut config = Config::default();
    config.server.data_dir = folder.to_owned();
    let pipeline = Pipeline::open(config).await.unwrap();
    let state = State::clone(pipeline.state());
    let feed = Feed::start(pipeline).unwrap();
    feed.events(events.to_vec(), Mode::Judging).await.unwrap();
    (state, feed)
}

const WHY: &str = "query ($entity: String!, $time: DateTime!, $detection: String!) { whyNot(detection: $detection, \
                   entity: $entity, time: $time) { summary thresholds gates { name passed text } } }";

#[tokio::test(flavor = "multi_thread")]
async fn why_not_counts_what_was_missing_and_names_the_exclusion() {
    let folder = tempfile::tempdir().unwrap();
    let (state, feed) = served(folder.path(), &guesses(12)).await;
    let cookie = login(&state, "ana").await;
    let about = |entity: &str, detection: &str| json!({ "entity": entity, "time": at(36_100).to_string(), "detection": detection });
    let found = data(&state, &cookie, WHY, about("bob", "brute-force")).await;
    assert_eq!(found["whyNot"]["summary"], "threshold not reached: 12 of 20 refused passwords within the window");
    let gates = found["whyNot"]["gates"].to_string();
    assert!(gates.contains("evidence seen: 12 of the entity's 12 events (12 logon)"), "{gates}");
    let blind = data(&state, &cookie, WHY, about("bob", "dns-tunnelling")).await;
    let summary = blind["whyNot"]["summary"].as_str().unwrap();
    assert!(summary.starts_with("no source ever reported dns_query"), "{summary}");
    let text = "mutation ($input: [ExclusionInput!]!) { addExclusions(input: $input) { id } }";
    data(&state, &cookie, text, json!({ "input": [{ "accounts": ["bob"], "reason": "a pentest" }] })).await;
    feed.events(guesses(40).split_off(12), Mode::Judging).await.unwrap();
    let found = data(&state, &cookie, WHY, about("bob", "brute-force")).await;
    assert_eq!(found["whyNot"]["summary"], "excluded: a pentest");
    assert_eq!(query(&state, &cookie, WHY, about("bob", "no-such")).await.code(), "NOT_FOUND");
    feed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_says_what_the_present_sources_show() {
    let folder = tempfile::tempdir().unwrap();
    let (state, feed) = served(folder.path(), &guesses(3)).await;
    let cookie = login(&state, "vic").await;
    let found = data(&state, &cookie, "{ coverage { slug wire eventIds sight missing techniques } }", json!({})).await;
    let rows = found["coverage"].as_array().unwrap();
    let named = |slug: &str| rows.iter().find(|row| row["slug"] == slug).unwrap();
    assert_eq!(named("dns-tunnelling")["sight"], "BLIND");
    assert_eq!(named("brute-force")["sight"], "PARTIAL");
    assert!(named("brute-force")["eventIds"].as_array().unwrap().contains(&json!(4625)));
    feed.stop().await;
}

const RULE: &str = "title: Refused network logon of bob\nid: 7b7a0000-0000-4000-8000-000000000001\nlogsource:\n  product: \
                    windows\n  service: security\ndetection:\n  selection:\n    EventID: 4625\n    TargetUserName: BOB\n  \
                    condition: selection\nlevel: medium\ntags:\n  - attack.t1110\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_sigma_rule_is_tried_and_then_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let (state, feed) = served(folder.path(), &guesses(5)).await;
    let cookie = login(&state, "ana").await;
    let text = "query ($yaml: String) { sigmaBacktest(yaml: $yaml) { id hits records days { day hits } samples } }";
    let found = data(&state, &cookie, text, json!({ "yaml": RULE })).await;
    let test = &found["sigmaBacktest"][0];
    assert_eq!((test["hits"].as_u64(), test["records"].as_u64()), (Some(5), Some(5)));
    assert_eq!(test["days"], json!([{ "day": at(0).to_string(), "hits": 5 }]));
    let text =
        "mutation ($yaml: String!) { addSigmaRules(yaml: $yaml) { rules { id enabled reach } refused { reason } } }";
    let both = format!(
        "{RULE}---\ntitle: Of another product\nlogsource:\n  product: linux\ndetection:\n  a:\n    b: c\n  condition: a\n"
    );
    let added = data(&state, &cookie, text, json!({ "yaml": both })).await;
    assert_eq!(added["addSigmaRules"]["rules"][0]["enabled"], false);
    assert_eq!(added["addSigmaRules"]["rules"][0]["reach"], "WHOLE");
    assert!(added["addSigmaRules"]["refused"][0]["reason"].as_str().unwrap().contains("linux"));
    let id = added["addSigmaRules"]["rules"][0]["id"].clone();
    let alerts = "{ alerts { totalCount nodes { detection kind title severity techniques eventCount } } }";
    feed.events(guesses(7).split_off(5), Mode::Judging).await.unwrap();
    assert_eq!(data(&state, &cookie, alerts, json!({})).await["alerts"]["totalCount"], 0, "it is still off");
    let text = "mutation ($ids: [ID!]!) { enableSigmaRules(ids: $ids, enabled: true) }";
    data(&state, &cookie, text, json!({ "ids": [id] })).await;
    feed.events(guesses(9).split_off(7), Mode::Judging).await.unwrap();
    let found = data(&state, &cookie, alerts, json!({})).await;
    let alert = &found["alerts"]["nodes"][0];
    assert_eq!((alert["kind"].as_str(), alert["eventCount"].as_u64()), (Some("RULE"), Some(2)));
    assert_eq!(alert["techniques"], json!(["T1110"]));
    let vic = login(&state, "vic").await;
    assert_eq!(query(&state, &vic, text, json!({ "ids": [] })).await.code(), "FORBIDDEN");
    feed.stop().await;
}
