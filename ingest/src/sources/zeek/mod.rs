//! Zeek's logs (docs.zeek.org, *Log Files*), as tab-separated text with `#fields` headers and as JSON lines in the spellings
//! of shippers. They become the events that our own analysers make of the same traffic, as far as Zeek writes it down.
//!
//! What Zeek does not log stays empty: padata and offered etypes of Kerberos (a reply after an error that asked for
//! pre-authentication counts as proved), stubs and authentication levels of RPC, NTLM versions and flags, SMB dialects
//! other than 1. Logs of no use here (`files`, `ssl`, `x509`, `weird`, `notice` …) are counted as ignored.

mod access;
mod kerberos;
mod ldap;
mod names;
mod row;
mod rpc;
mod smb;
mod tsv;

use std::sync::Arc;

use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Record, Timestamp};

use super::Context;
use super::json::{Json, Origin};
use crate::secrets::content_digest;
pub(super) use row::Row;
pub use tsv::{read, recognises};

/// What the rows of one stream taught for later ones.
#[derive(Debug, Default)]
pub struct State {
    names: names::Reported,
    challenged: kerberos::Challenged,
}

/// Reads one kind of log.
type Reader = fn(&Row<'_>, &mut Line<'_, '_>);

/// The logs by the name that Zeek gives their stream.
const LOGS: &[(&str, Reader)] = &[
    ("conn", access::conn),
    ("kerberos", kerberos::read),
    ("ntlm", smb::ntlm),
    ("smb_files", smb::files),
    ("smb_mapping", smb::mapping),
    ("smb_cmd", smb::command),
    ("dce_rpc", rpc::read),
    ("ldap", ldap::message),
    ("ldap_search", ldap::search),
    ("dns", names::dns),
    ("dhcp", names::dhcp),
    ("radius", access::radius),
    ("rdp", access::rdp),
];

/// The event or events of one row in the making.
struct Line<'l, 'c> {
    time: Timestamp,
    place: Record,
    bytes: &'l [u8],
    reporter: Option<Arc<str>>,
    source: Option<Host>,
    target: Option<Host>,
    made: u64,
    context: &'l mut Context<'c>,
}

impl Line<'_, '_> {
    /// An event between the row's two hosts.
    fn emit(&mut self, actor: Option<Account>, outcome: Outcome, activity: Activity) {
        self.made += 1;
        let event = Event {
            time: self.time,
            provenance: Provenance {
                kind: SourceKind::Zeek,
                source: Arc::clone(&self.context.name),
                record: self.place,
                digest: content_digest(self.bytes).wrapping_add(self.made),
                event_id: None,
                reporter: self.reporter.clone(),
            },
            actor,
            source: self.source.clone(),
            target: self.target.clone(),
            outcome,
            activity,
        };
        self.context.emit(event);
    }

    fn ignore(&mut self, reason: &'static str) {
        self.context.counters.ignore(reason);
    }

    /// The server's port; 0 where the row has none.
    fn server_port(&self) -> u16 {
        self.target.as_ref().and_then(|host| host.port).unwrap_or(0)
    }
}

/// Reads a JSON record where it is a row of Zeek's; false where it is something else.
pub(super) fn json(json: &Json<'_>, origin: Origin<'_>, context: &mut Context<'_>) -> bool {
    if json.get("ts").is_none() {
        return false;
    }
    let row = Row::Json(json);
    let named = ["_path", "@stream", "_zeek_path"].iter().find_map(|key| json.text(key));
    let told = || row.log().or_else(|| told_by_name(&row, &context.name));
    let Some(log) = named.map(known).or_else(told) else { return false };
    line(log, &row, (origin.place, origin.bytes), context);
    true
}

/// Rows of some kinds may hold nothing but the connection (`kerberos` of a token that could not be read): then the file's
/// name tells.
fn told_by_name(row: &Row<'_>, name: &str) -> Option<&'static str> {
    row.get("uid")?;
    row.get("id.orig_h")?;
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.split('.').next().unwrap_or(file);
    let log = LOGS.iter().find(|(log, _)| stem.ends_with(log));
    Some(log.map_or("", |(log, _)| *log))
}

/// The name of a log that is read; empty for any other.
fn known(log: &str) -> &'static str {
    LOGS.iter().find(|(name, _)| *name == log).map_or("", |(name, _)| *name)
}

/// Makes the events of a row.
fn line(log: &str, row: &Row<'_>, (place, bytes): (Record, &[u8]), context: &mut Context<'_>) {
    let Some((_, read)) = LOGS.iter().find(|(known, _)| *known == log) else {
        return context.counters.ignore("zeek log without use");
    };
    let Some(time) = row.time("ts") else { return context.counters.drop("zeek row without time") };
    let host = |address: &str, port: &str| {
        let address = row.address(address)?;
        Some(Host { port: row.number(port), ..Host::at(address) })
    };
    let source = host("id.orig_h", "id.orig_p");
    let target = host("id.resp_h", "id.resp_p");
    let reporter = ["_system_name", "@system", "_node_name"].iter().find_map(|key| row.get(key));
    let reporter = reporter.map(|name| Arc::from(&*name));
    read(row, &mut Line { time, place, bytes, reporter, source, target, made: 0, context });
}
