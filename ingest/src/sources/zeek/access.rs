//! `radius.log`, `rdp.log` and `conn.log`.

use hopwatch_model::event::{Opaque, OpaqueProtocol, SignIn, SignInKind};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Activity, Certainty, Host, Outcome};

use super::{Line, Row};

/// `username`, `mac`, `framed_addr`, `tunnel_client`, `connect_info`, `reply_msg`, `result`.
pub(super) fn radius(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let Some(user) = row.get("username") else { return line.ignore("zeek radius row without user") };
    let outcome = match row.get("result").as_deref() {
        Some("success") => Outcome::Success,
        Some("failed" | "failure") => Outcome::Failure(1),
        _ => Outcome::Unseen,
    };
    let station = row.get("mac");
    let client = ["tunnel_client", "remote_ip", "mac"].iter().find_map(|field| row.address(field));
    let server = line.source.take();
    let sign_in = SignIn {
        kind: SignInKind::Vpn,
        application: server.as_ref().map(Host::key).unwrap_or_default(),
        device: station.filter(|_| row.address("mac").is_none()).map(Into::into),
        assigned: row.address("framed_addr"),
        ..SignIn::default()
    };
    // Packets go from the access server to the RADIUS server; the user goes from outside to the access server.
    line.source = client.map(Host::at);
    line.target = server;
    line.emit(Some(Account::named(&user)), outcome, Activity::SignIn(Box::new(sign_in)));
}

/// `cookie` (the user's name, cut to nine characters), `client_name`, `result`. Whether the logon succeeded is sealed.
pub(super) fn rdp(row: &Row<'_>, line: &mut Line<'_, '_>) {
    if let (Some(name), Some(address)) = (row.get("client_name"), line.source.as_ref().and_then(|host| host.address)) {
        line.name(&name, address, Certainty::Medium, ResolutionMethod::Tls);
    }
    let Some(cookie) = row.get("cookie") else { return line.ignore("zeek rdp row without cookie") };
    let device = row.get("client_name").map(Into::into);
    let sign_in = SignIn { kind: SignInKind::Rdp, application: "rdp".into(), device, ..SignIn::default() };
    line.emit(Some(Account::named(&cookie)), Outcome::Unseen, Activity::SignIn(Box::new(sign_in)));
}

/// `service`, `orig_pkts`, `resp_pkts`: connections of directory services under TLS, which nobody can look into.
pub(super) fn conn(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let sealed = matches!(line.server_port(), 636 | 3269 | 5986 | 9389)
        && row.get("service").is_some_and(|service| service.split(',').any(|name| matches!(name, "ssl" | "tls")));
    if !sealed {
        return line.ignore("zeek connection without use");
    }
    let packets = |name| row.number::<u32>(name).unwrap_or(0);
    let messages = packets("orig_pkts").saturating_add(packets("resp_pkts")).max(1);
    let opaque = Opaque { protocol: OpaqueProtocol::Tls, messages };
    line.emit(None, Outcome::Unseen, Activity::Opaque(Box::new(opaque)));
}
