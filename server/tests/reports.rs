//! The risk report: what its cells hold, what it says of an empty estate, and that no name becomes a formula.

#![allow(clippy::unwrap_used, clippy::panic, clippy::get_unwrap, reason = "a test says by a panic that it fails")]

mod common;

use std::io::Cursor;

use axum::body::Body;
use axum::http::Request;
use calamine::{Data, Reader, Xlsx};
use common::{alert, at, data, finding, login, send, state};
use hopwatch::reports::{AlertRow, Inputs, gather, risk};
use hopwatch::state::ChangeKind;
use hopwatch_model::Severity;
use serde_json::json;

fn dump(bytes: Vec<u8>) -> String {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    for name in book.sheet_names() {
        text.push_str(&format!("== {name}\n"));
        for row in book.worksheet_range(&name).unwrap().rows() {
            let cells: Vec<String> = row.iter().map(cell).collect();
            text.push_str(&format!("{}\n", cells.join(" | ")));
        }
    }
    text
}

fn cell(cell: &Data) -> String {
    match cell {
        Data::DateTime(time) => format!("<{}>", time.as_f64()),
        other => other.to_string().replace('\n', "\\n"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workbook_holds_what_the_state_holds() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    state.take_alert(ChangeKind::Opened, &alert("bob", 7200, Severity::Low)).await.unwrap();
    state.take_alert(ChangeKind::Opened, &alert("ann", 3600, Severity::High)).await.unwrap();
    state.store.replace_findings(&[finding()]).await.unwrap();
    let inputs = gather(&state, at(86_400)).await.unwrap();
    insta::assert_snapshot!(dump(risk::xlsx(&inputs).unwrap()));
}

#[test]
fn a_name_that_looks_like_a_formula_stays_a_text() {
    let mut hostile = alert("=cmd|'/c calc'!A1", 0, Severity::High);
    hostile.explanation = "=1+1".into();
    hostile.actor.as_mut().unwrap().domain = None;
    let inputs = Inputs { created_at: at(0), ..Inputs::default() }.with_alerts(vec![AlertRow::from(hostile)]);
    let bytes = risk::xlsx(&inputs).unwrap();
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    let cells = book.worksheet_range("Alerts").unwrap();
    let texts: Vec<&str> = cells
        .rows()
        .flatten()
        .filter_map(|cell| if let Data::String(text) = cell { Some(text.as_str()) } else { None })
        .collect();
    assert!(texts.contains(&"=1+1") && texts.iter().any(|text| text.starts_with("=cmd|")));
    assert!(book.worksheet_formula("Alerts").unwrap().is_empty());
}

#[test]
fn the_page_escapes_names_and_needs_nothing_from_outside() {
    let mut hostile = alert("ann", 0, Severity::High);
    hostile.explanation = "<script>alert(1)</script>".into();
    let inputs = Inputs { created_at: at(0), ..Inputs::default() }.with_alerts(vec![AlertRow::from(hostile)]);
    let page = risk::html(&inputs).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("alert(1)"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
}

#[test]
fn an_empty_estate_is_told_as_such() {
    let page = risk::html(&Inputs { created_at: at(0), ..Inputs::default() }).unwrap();
    for sentence in ["No alert was raised.", "No finding.", "No coverage gap is known."] {
        assert!(page.contains(sentence), "{sentence}");
    }
    assert!(dump(risk::xlsx(&Inputs::default()).unwrap()).contains("== Choke points"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_run_can_be_downloaded_by_who_is_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path()).await;
    let cookie = login(&state, "ana").await;
    let text = "mutation { runReport(name: \"risk\") { id name trigger files { format url sizeBytes } } }";
    let report = data(&state, &cookie, text, json!({})).await["runReport"].clone();
    assert_eq!((&report["name"], &report["trigger"]), (&json!("risk"), &json!("ana")));
    for file in report["files"].as_array().unwrap() {
        let url = file["url"].as_str().unwrap();
        let get = |cookie: &str| Request::get(url).header("cookie", cookie).body(Body::empty()).unwrap();
        let answer = send(&state, get(&cookie)).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert_eq!(json!(answer.body.len()), file["sizeBytes"]);
        assert_eq!(send(&state, get("")).await.status.as_u16(), 401);
    }
    let id = report["id"].as_str().unwrap();
    let outside = Request::get(format!("/reports/{id}/..%2F..%2Fhopwatch.db"))
        .header("cookie", &cookie)
        .body(Body::empty())
        .unwrap();
    assert_eq!(send(&state, outside).await.status.as_u16(), 404);
    let listed = data(
        &state,
        &cookie,
        "{ reports { totalCount nodes { id } } reportSchedules { name cron nextRunAt lastRunAt } }",
        json!({}),
    )
    .await;
    assert_eq!(listed["reports"], json!({ "totalCount": 1, "nodes": [{ "id": id }] }));
    assert!(listed["reportSchedules"][0]["lastRunAt"].is_string());
}
