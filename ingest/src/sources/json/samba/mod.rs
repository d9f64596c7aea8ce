//! Samba's JSON audit log (`auth_json_audit`, `dsdb_json_audit`, `dsdb_password_json_audit`, `dsdb_group_json_audit`; formats
//! of `auth/auth_log.c` and `source4/dsdb/samdb/ldb_modules/audit_log.c`, described in Samba's `smb.conf(5)`).
//!
//! It says nothing of TGS requests, LDAP searches, RPC calls and DNS: those need the network. winbind's view of a logon
//! repeats the server's and is passed over; so is the server's own bookkeeping (`lastLogon`, `repsTo` …).

mod authentication;
mod directory;

use std::net::IpAddr;
use std::sync::Arc;

use hopwatch_model::provenance::SourceKind;
use hopwatch_model::{Account, Activity, Event, Host, Outcome, Provenance, Sid, Timestamp};
use hopwatch_wire::event_xml::time;

use super::{Json, Origin};
use crate::secrets::content_digest;
use crate::sources::Context;

/// Whether a text that does not start with JSON holds Samba's records all the same.
pub(super) fn recognises(head: &[u8]) -> bool {
    String::from_utf8_lossy(head)
        .lines()
        .take(64)
        .any(|line| line.contains("{\"timestamp\": \"") && line.contains("\"type\": \""))
}

/// Reads the record where it is one of Samba's; false where it is something else.
pub(super) fn read(json: &Json<'_>, origin: Origin<'_>, context: &mut Context<'_>) -> bool {
    let (Some(kind), Some(stamp)) = (json.text("type"), json.text("timestamp")) else { return false };
    let Some(body) = json.get(kind).filter(|body| matches!(body, Json::Object(_))) else { return false };
    let reader: fn(&mut Report<'_, '_>) = match kind {
        "Authentication" => authentication::authentication,
        "Authorization" => authentication::authorization,
        "dsdbChange" => directory::change,
        "groupChange" => directory::group_change,
        "passwordChange" => directory::password_change,
        "dsdbTransaction" | "replicatedUpdate" | "KDC Authorization" => {
            context.counters.ignore("samba record without use");
            return true;
        }
        _ => return false,
    };
    match time::parse(stamp) {
        Some(time) => reader(&mut Report { body, time, origin, context, made: 0 }),
        None => context.counters.drop("samba record without time"),
    }
    true
}

/// One record in the making of its events.
struct Report<'r, 'c> {
    body: &'r Json<'r>,
    time: Timestamp,
    origin: Origin<'r>,
    context: &'r mut Context<'c>,
    made: u64,
}

impl Report<'_, '_> {
    fn emit(
        &mut self,
        actor: Option<Account>,
        hosts: (Option<Host>, Option<Host>),
        outcome: Outcome,
        activity: Activity,
    ) {
        let (source, target) = hosts;
        self.made += 1;
        let event = Event {
            time: self.time,
            provenance: Provenance {
                kind: SourceKind::SambaAudit,
                source: Arc::clone(&self.context.name),
                record: self.origin.place,
                digest: content_digest(self.origin.bytes).wrapping_add(self.made),
                event_id: self.body.integer("eventId").and_then(|id| u32::try_from(id).ok()).filter(|id| *id != 0),
                reporter: self.body.text("logonServer").map(Arc::from),
            },
            actor,
            source,
            target,
            outcome,
            activity,
        };
        self.context.emit(event);
    }

    fn sid(&self, key: &str) -> Option<Sid> {
        self.body.text(key)?.parse().ok()
    }

    /// `remoteAddress` and `localAddress`: the client and the server.
    fn hosts(&self) -> (Option<Host>, Option<Host>) {
        (self.host("remoteAddress"), self.host("localAddress"))
    }

    fn host(&self, key: &str) -> Option<Host> {
        let (address, port) = address(self.body.text(key)?)?;
        Some(Host { port, ..Host::at(address) })
    }
}

/// `ipv4:10.0.0.1:445`, `ipv6:fe80::1:445`; `unix:` is no address.
fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let (family, rest) = text.split_once(':')?;
    if !family.starts_with("ipv") {
        return None;
    }
    let (address, port) = rest.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']).parse().ok()?;
    Some((address, port.parse().ok().filter(|port| *port != 0)))
}

/// The value of a DN's first component, with its escapes resolved (RFC 4514 §3).
fn first_rdn(dn: &str) -> String {
    let dn = dn.rsplit(';').next().unwrap_or(dn);
    let value = dn.split_once('=').map_or(dn, |(_, value)| value);
    let mut name = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => break,
            '\\' => name.extend(chars.next()),
            c => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_with_their_port() {
        assert_eq!(address("ipv4:10.0.0.1:445"), Some(("10.0.0.1".parse().unwrap(), Some(445))));
        assert_eq!(address("ipv6:fe80::1:88"), Some(("fe80::1".parse().unwrap(), Some(88))));
        assert_eq!(address("unix:"), None);
    }

    #[test]
    fn the_first_component_is_unescaped() {
        assert_eq!(first_rdn("CN=Müller\\, Ann,OU=x,DC=y"), "Müller, Ann");
        assert_eq!(first_rdn("<GUID=1>;<SID=S-1-5>;CN=a,DC=y"), "a");
    }
}
