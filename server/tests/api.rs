//! The API over a small estate: what it answers, to whom, and what it refuses.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use common::{alert, at, data, finding, login, logon, query, send, sid, state, state_with};
use hopwatch::config::Config;
use hopwatch::state::ChangeKind;
use hopwatch_model::Severity;
use serde_json::{Value, json};

async fn ready(folder: &std::path::Path) -> hopwatch::state::State {
    let state = state(folder).await;
    let events: Vec<_> = (0..8).map(|n: i64| logon("ann", n * 600, 100 + n.cast_unsigned())).collect();
    state.events.append(&events).await.unwrap();
    state.take_alert(ChangeKind::Opened, &alert("ann", 3600, Severity::High)).await.unwrap();
    state.take_alert(ChangeKind::Opened, &alert("bob", 7200, Severity::Low)).await.unwrap();
    state.store.replace_findings(&[finding()]).await.unwrap();
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_counts_what_is_open_and_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "{ overview { openAlerts openHigh exposurePercent exposedPrincipals principals tierZero \
                alertHistogram(buckets: 4) { low medium high } fixFirst(first: 2) { principalsCutOff edge { id } parallel { id } } } }";
    insta::assert_json_snapshot!(data(&state, &cookie, text, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_names_each_hop_with_its_cost() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "query ($input: PathInput!) { paths(input: $input) { reason paths { cost length hops { kind cost origin \
                source { name } target { name tierZero } } } graph { nodes { name } edges { kind } truncated } } }";
    insta::assert_json_snapshot!(
        data(&state, &cookie, text, json!({ "input": { "from": sid(1101), "count": 3 } })).await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn excluding_the_only_edge_gives_the_reason_for_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "query ($input: PathInput!) { paths(input: $input) { reason paths { cost } } }";
    let excluded = format!("{}|GenericAll|{}", sid(1200), sid(1104));
    let input = json!({ "input": { "from": sid(1101), "excludeEdges": [excluded] } });
    let found = data(&state, &cookie, text, input).await;
    assert_eq!(found["paths"], json!({ "reason": "what was excluded cuts every path", "paths": [] }));
    let eve = data(&state, &cookie, text, json!({ "input": { "from": sid(1103) } })).await;
    assert!(eve["paths"]["reason"].as_str().unwrap().contains("leads out of the start"), "{eve}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_shows_exposure_alerts_and_activity() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "query ($id: ID!) { entity(id: $id) { id kind name domain enabled tierZero distanceToTierZero exposurePercent \
                impact risk { score likelihood impact parts { name } } outbound { totalCount nodes { kind target { name } } } \
                inbound { totalCount nodes { kind observed source { name } } } alerts { totalCount nodes { explanation } } \
                events(first: 2) { totalCount pageInfo { hasNextPage } nodes { what outcome json } } \
                activity { own peerCount } peers { name } } }";
    let mut found = data(&state, &cookie, text, json!({ "id": sid(1101) })).await;
    let own = found["entity"]["activity"]["own"].take();
    let hours: Vec<i64> = own[0].as_array().unwrap().iter().map(|count| count.as_i64().unwrap()).collect();
    assert_eq!(hours.get(..3), Some(&[6, 2, 0][..]), "eight logons, ten minutes apart from Monday 00:00");
    for event in found["entity"]["events"]["nodes"].as_array_mut().unwrap() {
        let whole: Value = serde_json::from_str(event["json"].as_str().unwrap()).unwrap();
        assert_eq!(whole["actor"]["name"], "ann");
        event["json"] = Value::Null;
    }
    insta::assert_json_snapshot!(found);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_mapped_onto_the_graph() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "{ alerts(filter: { severities: [HIGH] }) { totalCount nodes { detection title state severity explanation \
                actor { name entity { id } } source { name certainty entity { name } } evidence { record sourceKind eventId } \
                map { nodes { name } edges { kind } } path { length hops { kind } } related { explanation } \
                timeline { time what } manual { slug whatToDo } } } }";
    insta::assert_json_snapshot!(data(&state, &cookie, text, json!({})).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_alerts_join_without_gap_or_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    for n in 0..7 {
        state.take_alert(ChangeKind::Opened, &alert(&format!("user{n}"), n * 100, Severity::Low)).await.unwrap();
    }
    let cookie = login(&state, "vic").await;
    let text = "query ($after: String) { alerts(first: 3, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }";
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = data(&state, &cookie, text, json!({ "after": after })).await["alerts"].clone();
        ids.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let whole = data(&state, &cookie, "{ alerts { nodes { id } } }", json!({})).await;
    let whole: Vec<_> =
        whole["alerts"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    assert_eq!(ids, whole);
    assert_eq!(ids.len(), 7);
    let back =
        "query ($before: String) { alerts(last: 2, before: $before) { nodes { id } pageInfo { hasPreviousPage } } }";
    let page = data(&state, &cookie, back, json!({ "before": after })).await;
    let expected: Vec<&String> = ids.get(3..5).unwrap().iter().collect();
    assert_eq!(
        page["alerts"],
        json!({ "nodes": [{ "id": expected[0] }, { "id": expected[1] }], "pageInfo": { "hasPreviousPage": true } })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_text_kind_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    state.events.append(&[logon("zoe", 50, 999)]).await.unwrap();
    let cookie = login(&state, "vic").await;
    let text = "query ($filter: EventFilter) { events(filter: $filter) { totalCount nodes { summary } } }";
    for (filter, count) in [
        (json!({ "text": "ZO" }), 1),
        (json!({ "text": "srv1" }), 9),
        (json!({ "what": ["logon"] }), 9),
        (json!({ "what": ["tgs_exchange"] }), 0),
        (json!({ "entity": sid(1101) }), 8),
        (json!({ "since": at(600).to_string(), "until": at(1200).to_string() }), 1),
    ] {
        let found = data(&state, &cookie, text, json!({ "filter": filter })).await;
        assert_eq!(found["events"]["totalCount"], json!(count), "{filter}");
        assert_eq!(found["events"]["nodes"].as_array().unwrap().len(), count, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_around_a_node_is_cut_at_its_limit_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    let cookie = login(&state, "vic").await;
    let text = "query ($input: GraphInput!) { graph(input: $input) { truncated nodes { name } edges { kind } hidden { entity count } } }";
    let whole = data(&state, &cookie, text, json!({ "input": { "focus": [sid(1200)] } })).await;
    assert_eq!(whole["graph"]["truncated"], json!(false));
    assert_eq!(whole["graph"]["nodes"].as_array().unwrap().len(), 4);
    let cut = data(&state, &cookie, text, json!({ "input": { "focus": [sid(1200)], "limit": 2 } })).await;
    assert_eq!(cut["graph"]["truncated"], json!(true));
    assert_eq!(cut["graph"]["nodes"].as_array().unwrap().len(), 2);
    let ways = data(&state, &cookie, text, json!({ "input": { "focus": [] } })).await;
    assert!(ways["graph"]["edges"].as_array().unwrap().iter().any(|edge| edge["kind"] == "GenericAll"), "{ways}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_without_a_login_and_viewers_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = ready(folder.path()).await;
    for text in
        ["{ health { version } }", "{ alerts { totalCount } }", "{ overview { openAlerts } }", "{ edgeKinds { kind } }"]
    {
        assert_eq!(query(&state, "", text, json!({})).await.code(), "UNAUTHENTICATED", "{text}");
    }
    assert_eq!(data(&state, "", "{ viewer { name } }", json!({})).await, json!({ "viewer": null }));
    let viewer = login(&state, "vic").await;
    let tag = format!("mutation {{ tagEntity(id: \"{}\", owned: true) {{ owned }} }}", sid(1101));
    for text in [
        tag.as_str(),
        "mutation { runReport(name: \"risk\") { id } }",
        "mutation { triageAlert(input: { id: \"x\" }) { id } }",
    ] {
        assert_eq!(query(&state, &viewer, text, json!({})).await.code(), "FORBIDDEN", "{text}");
    }
    let analyst = login(&state, "ana").await;
    assert_eq!(data(&state, &analyst, &tag, json!({})).await, json!({ "tagEntity": { "owned": true } }));
    assert!(
        state.store.audit_log(10).await.unwrap().iter().any(|(_, user, action, ..)| user == "ana" && action == "tag")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_codes_and_limits_hold() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.server.query_depth = 8;
    let state = state_with(folder.path(), config).await;
    let cookie = login(&state, "ana").await;
    let nested = "{ entities { nodes { outbound { nodes { target { outbound { nodes { target { outbound { nodes { id } } } } } } } } } } }";
    for (text, code) in [
        ("{ nonsense }", "BAD_USER_INPUT"),
        ("{ alerts(first: 1000000) { totalCount } }", "LIMIT_EXCEEDED"),
        ("{ alerts(first: 0) { totalCount } }", "BAD_USER_INPUT"),
        ("{ alerts(after: \"!\") { totalCount } }", "BAD_USER_INPUT"),
        ("{ graph(input: { focus: [\"S-1-5-21-9\"] }) { truncated } }", "NOT_FOUND"),
        ("{ graph(input: { focus: [], depth: 9 }) { truncated } }", "BAD_USER_INPUT"),
        ("{ graph(input: { focus: [], limit: 900000 }) { truncated } }", "LIMIT_EXCEEDED"),
        ("{ entities(first: 500) { nodes { outbound(first: 500) { nodes { id } } } } }", "LIMIT_EXCEEDED"),
        (nested, "LIMIT_EXCEEDED"),
        ("mutation { runReport(name: \"no\") { id } }", "NOT_FOUND"),
        ("mutation { triageAlert(input: { id: \"no\", state: CLOSED }) { id } }", "NOT_FOUND"),
        ("{ events(filter: { since: \"yesterday\" }) { totalCount } }", "BAD_USER_INPUT"),
        ("{ entities(filter: { kinds: [Nothing] }) { totalCount } }", "BAD_USER_INPUT"),
    ] {
        assert_eq!(query(&state, &cookie, text, json!({})).await.code(), code, "{text}");
    }
    assert_eq!(
        data(&state, &cookie, "{ entity(id: \"S-1-5-21-9\") { id } alert(id: \"x\") { id } }", json!({})).await,
        json!({ "entity": null, "alert": null })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_forms_and_large_bodies_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let post = |headers: &[(&str, &str)], body: String| {
        let mut request = axum::http::Request::post("/graphql");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::from(body)).unwrap()
    };
    let text = r#"{ "query": "{ viewer { name } }" }"#;
    let json = ("content-type", "application/json");
    let status = async |headers: &[(&str, &str)], body: String| send(&state, post(headers, body)).await.status.as_u16();
    assert_eq!(status(&[json], text.into()).await, 200);
    assert_eq!(status(&[json, ("host", "hopwatch"), ("origin", "http://hopwatch")], text.into()).await, 200);
    assert_eq!(status(&[json, ("host", "hopwatch"), ("origin", "http://evil")], text.into()).await, 403);
    assert_eq!(status(&[json, ("host", "hopwatch"), ("origin", "null")], text.into()).await, 403);
    assert_eq!(status(&[("content-type", "text/plain")], text.into()).await, 415);
    assert_eq!(status(&[("content-type", "multipart/form-data; boundary=x")], text.into()).await, 415);
    assert_eq!(status(&[json], format!("{{ \"query\": \"{}\" }}", " ".repeat(2 << 20))).await, 413);
    assert_eq!(status(&[json], "[]x".into()).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_bears_the_headers_that_browsers_obey() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    for path in ["/healthz", "/", "/alerts/some/page", "/assets/none.js"] {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = send(&state, request).await;
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
    }
    let request = axum::http::Request::get("/healthz").body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&state, request).await.json()["status"], "ok");
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&state, request).await.status.as_u16(), 404, "metrics are for this host only");
}
