//! What the server's tests share: a small estate, a state over it, and a client that speaks to the routes in process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of this module"
)]

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use hopwatch::auth;
use hopwatch::config::Config;
use hopwatch::state::{AppState, State};
use hopwatch::store::{Role, Store};
use hopwatch_graph::Estate;
use hopwatch_model::alert::ScorePart;
use hopwatch_model::directory::{DeltaKind, Properties};
use hopwatch_model::event::Logon;
use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{
    Account, Activity, Alert, DirectoryDelta, DirectoryEdge, DirectoryNode, EdgeKind, Event, Evidence, Finding, Host,
    NodeKind, Outcome, PropertyValue, Provenance, Record, Severity, Timestamp,
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The password of every test user.
pub const PASSWORD: &str = "correct horse battery";
/// The domain's SID.
pub const DOMAIN: &str = "S-1-5-21-1-2-3";

/// A time in seconds after 2026-11-16T00:00:00Z, a Monday.
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_794_787_200 + secs)
}

/// A SID of the domain.
pub fn sid(rid: u32) -> String {
    format!("{DOMAIN}-{rid}")
}

fn node(id: &str, kind: NodeKind, properties: &[(&str, &str)]) -> DirectoryNode {
    let mut all: Properties = [("domain", "LAB.EXAMPLE"), ("domainsid", DOMAIN)]
        .iter()
        .chain(properties)
        .map(|(name, value)| ((*name).to_owned(), PropertyValue::Text((*value).to_owned())))
        .collect();
    if matches!(kind, NodeKind::User | NodeKind::Computer) {
        all.insert("enabled".into(), PropertyValue::Bool(true));
    }
    DirectoryNode { id: id.into(), kind, properties: all }
}

fn edge(source: &str, kind: EdgeKind, target: &str) -> DirectoryEdge {
    DirectoryEdge { source: source.into(), kind, target: target.into(), properties: Properties::new() }
}

/// Ann is in the help desk, which may do anything to svc_backup, which is a domain administrator. Bob is in no group
/// but the first; Eve reaches nothing.
pub fn estate() -> Estate {
    let user = |rid: u32, name: &str| {
        let upper = format!("{}@LAB.EXAMPLE", name.to_uppercase());
        node(&sid(rid), NodeKind::User, &[("name", &upper), ("samaccountname", name)])
    };
    let group = |rid: u32, name: &str| {
        let upper = format!("{}@LAB.EXAMPLE", name.to_uppercase());
        node(&sid(rid), NodeKind::Group, &[("name", &upper), ("samaccountname", name)])
    };
    let nodes = vec![
        node(DOMAIN, NodeKind::Domain, &[("name", "LAB.EXAMPLE")]),
        group(512, "Domain Admins"),
        group(1200, "Help Desk"),
        user(1101, "ann"),
        user(1102, "bob"),
        user(1103, "eve"),
        user(1104, "svc_backup"),
        node(
            &sid(1001),
            NodeKind::Computer,
            &[("name", "WS1.LAB.EXAMPLE"), ("samaccountname", "WS1$"), ("dnshostname", "ws1.lab.example")],
        ),
    ];
    let edges = vec![
        edge(&sid(1101), EdgeKind::MemberOf, &sid(1200)),
        edge(&sid(1102), EdgeKind::MemberOf, &sid(1200)),
        edge(&sid(1200), EdgeKind::GenericAll, &sid(1104)),
        edge(&sid(1104), EdgeKind::MemberOf, &sid(512)),
        edge(&sid(512), EdgeKind::GenericAll, DOMAIN),
        edge(&sid(1001), EdgeKind::HasSession, &sid(1101)),
    ];
    let mut estate = Estate::default();
    let delta = DirectoryDelta {
        time: at(0),
        source: "lab.zip".into(),
        kind: DeltaKind::Merge,
        nodes,
        edges,
        ..DirectoryDelta::default()
    };
    estate.apply(&delta);
    estate
}

/// A logon of an account from ws1 to srv1.
pub fn logon(name: &str, secs: i64, digest: u64) -> Event {
    Event {
        time: at(secs),
        provenance: Provenance {
            kind: SourceKind::WindowsEvent,
            source: "Security.evtx".into(),
            record: Record::Record(digest),
            digest,
            event_id: Some(4624),
            reporter: None,
        },
        actor: Some(Account { name: name.into(), domain: Some("LAB".into()), sid: None }),
        source: Some(Host::reported("ws1.lab.example")),
        target: Some(Host::reported("srv1.lab.example")),
        outcome: Outcome::Success,
        activity: Activity::Logon(Box::new(Logon { package: "NTLM".into(), ..Logon::default() })),
    }
}

/// An alert on an account that used ws1.
pub fn alert(name: &str, secs: i64, severity: Severity) -> Alert {
    let event = logon(name, secs, u64::try_from(secs).unwrap());
    Alert {
        detection: "malicious-replication".into(),
        key: format!("malicious-replication|{name}"),
        external_id: Some(2006),
        severity,
        first_at: at(secs),
        last_at: at(secs + 60),
        actor: event.actor.clone(),
        source: event.source.clone(),
        target_host: event.target.clone(),
        target: None,
        explanation: format!("{name} asked srv1 for the directory's secrets from ws1, which is no domain controller."),
        reasons: vec![ScorePart {
            name: "controller".into(),
            value: 0.0,
            contribution: 60.0,
            text: "ws1 is no domain controller".into(),
        }],
        score: 80.0,
        techniques: vec!["T1003.006".into()],
        actions: vec!["disable the account".into()],
        evidence: vec![Evidence { provenance: event.provenance, time: event.time, note: "DRSGetNCChanges".into() }],
        events: 1,
    }
}

/// A finding about svc_backup.
pub fn finding() -> Finding {
    Finding {
        detection: "kerberoastable-accounts".into(),
        severity: Severity::Medium,
        title: "1 account of Tier Zero can be roasted".into(),
        exposed: vec![sid(1104)],
        remediation: "give it a managed password".into(),
        evidence: vec!["serviceprincipalname of svc_backup".into()],
        seen_at: at(0),
    }
}

/// The state of a server over the estate, in a folder, with a viewer `vic`, an analyst `ana` and an administrator `adm`.
pub async fn state(folder: &Path) -> State {
    state_with(folder, Config::default()).await
}

/// The same with a configuration.
pub async fn state_with(folder: &Path, config: Config) -> State {
    let store = Store::open(folder).await.unwrap();
    if store.users().await.unwrap().is_empty() {
        for (name, role) in [("vic", Role::Viewer), ("ana", Role::Analyst), ("adm", Role::Admin)] {
            auth::add_user(&store, name, role, PASSWORD).await.unwrap();
        }
    }
    AppState::new(config, store, estate()).await.unwrap()
}

/// What a server answered.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or("none").to_owned()
    }
}

/// Sends a request to the routes.
pub async fn send(state: &State, request: Request<Body>) -> Answer {
    let response = hopwatch::http::router(state).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 64 << 20).await.unwrap().to_vec() }
}

/// Sends a GraphQL request with a cookie.
pub async fn query(state: &State, cookie: &str, text: &str, variables: Value) -> Answer {
    let body = json!({ "query": text, "variables": variables }).to_string();
    let request = Request::post("/graphql").header("content-type", "application/json").header("cookie", cookie);
    send(state, request.body(Body::from(body)).unwrap()).await
}

/// Logs in; the cookie.
pub async fn login(state: &State, name: &str) -> String {
    let text = "mutation ($name: String!, $password: String!) { login(name: $name, password: $password) { viewer { name role } } }";
    let answer = query(state, "", text, json!({ "name": name, "password": PASSWORD })).await;
    let cookie = answer.headers.get("set-cookie").unwrap_or_else(|| panic!("{}", answer.json())).to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// The data of a query that must succeed.
pub async fn data(state: &State, cookie: &str, text: &str, variables: Value) -> Value {
    let answer = query(state, cookie, text, variables).await.json();
    assert!(answer["errors"].is_null(), "{answer:#}");
    sorted(&answer["data"])
}

/// The same with the fields of every object by name: the server writes them in the order in which they were resolved.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: std::collections::BTreeMap<_, _> = fields.iter().collect();
            fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
