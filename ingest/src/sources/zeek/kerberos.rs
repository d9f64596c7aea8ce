//! `kerberos.log`: one row an exchange with the KDC, or a ticket presented to a service (`AP`).
//!
//! Zeek's `cipher` is the etype of the ticket. Tickets are told apart by the hashes that the policy script
//! `protocols/krb/ticket-logging` adds; without it a presented ticket is no event. The size of a ticket is not logged.

use std::collections::VecDeque;
use std::time::Duration;

use hopwatch_model::event::{AsExchange, Principal, TgsExchange, Ticket, TicketDigest, TicketUse};
use hopwatch_model::{Activity, Outcome, Timestamp};

use super::smb::carrier;
use super::{Line, Row};

/// PA-ENC-TIMESTAMP (RFC 4120 §7.5.2): stands for whatever proved the client.
const ENC_TIMESTAMP: i32 = 2;
/// KDC_ERR_PREAUTH_FAILED and KDC_ERR_PREAUTH_REQUIRED: the account cannot do without.
const ASKED_FOR_PROOF: [u32; 2] = [24, 25];
/// KDC options forwardable and renewable (RFC 4120 §5.4.1).
const FORWARDABLE: u32 = 0x4000_0000;
const RENEWABLE: u32 = 0x0080_0000;

/// Clients of whom the KDC asked proof: their next success was proved, though the log does not show it.
#[derive(Debug, Default)]
pub(super) struct Challenged {
    clients: VecDeque<(String, Timestamp)>,
}

/// The most clients that are remembered, and for how long: logons follow within seconds, cached answers within hours.
const MAX_CHALLENGED: usize = 4096;
const CHALLENGE_LASTS: Duration = Duration::from_secs(36_000);

impl Challenged {
    fn note(&mut self, client: String, time: Timestamp) {
        self.clients.retain(|(known, _)| *known != client);
        self.clients.push_back((client, time));
        if self.clients.len() > MAX_CHALLENGED {
            self.clients.pop_front();
        }
    }

    fn proved(&self, client: &str, time: Timestamp) -> bool {
        self.clients.iter().any(|(known, at)| known == client && time.since(*at) <= CHALLENGE_LASTS)
    }
}

pub(super) fn read(row: &Row<'_>, line: &mut Line<'_, '_>) {
    match row.get("request_type").as_deref() {
        Some("AS") => as_exchange(row, line),
        Some("TGS") => tgs_exchange(row, line),
        Some("AP") => ticket_use(row, line),
        _ => line.ignore("zeek kerberos row without request type"),
    }
}

fn as_exchange(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let client = row.get("client").unwrap_or_default();
    let cname = client_principal(&client);
    let sname = service_principal(&row.get("service").unwrap_or_default());
    let outcome = outcome(row);
    // Under whatever spelling of the realm the client asks again.
    let key = cname.name.to_lowercase();
    let state = &mut line.context.zeek.challenged;
    if outcome.code().is_some_and(|code| ASKED_FOR_PROOF.contains(&code)) {
        state.note(key.clone(), line.time);
    }
    let tried = outcome.code() == Some(24) || (outcome.succeeded() && state.proved(&key, line.time));
    let ticket_etype = row.get("cipher").and_then(|name| etype(&name)).filter(|_| outcome.succeeded());
    let exchange = AsExchange {
        padata: if tried { vec![ENC_TIMESTAMP] } else { Vec::new() },
        kdc_options: options(row),
        till: row.time("till").filter(|till| till.as_secs() > 0),
        ticket: ticket(row, "new_ticket", &sname, line),
        ticket_etype,
        requests: 1,
        cname,
        sname,
        ..AsExchange::default()
    };
    let actor = Some(exchange.cname.account()).filter(|account| !account.name.is_empty());
    line.emit(actor, outcome, Activity::AsExchange(Box::new(exchange)));
}

fn tgs_exchange(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let cname = client_principal(&row.get("client").unwrap_or_default());
    let sname = service_principal(&row.get("service").unwrap_or_default());
    let outcome = outcome(row);
    let krbtgt = Principal { name_type: 2, name: format!("krbtgt/{}", cname.realm), realm: cname.realm.clone() };
    let exchange = TgsExchange {
        // The row's cipher is the issued ticket's; that of the presented one is not logged.
        tgt: ticket(row, "auth_ticket", &krbtgt, line).map(|tgt| Ticket { etype: 0, ..tgt }),
        kdc_options: options(row),
        ticket: ticket(row, "new_ticket", &sname, line),
        ticket_etype: row.get("cipher").and_then(|name| etype(&name)).filter(|_| outcome.succeeded()),
        cname,
        sname,
        ..TgsExchange::default()
    };
    let actor = Some(exchange.cname.account()).filter(|account| !account.name.is_empty());
    line.emit(actor, outcome, Activity::TgsExchange(Box::new(exchange)));
}

fn ticket_use(row: &Row<'_>, line: &mut Line<'_, '_>) {
    let sname = service_principal(&row.get("service").unwrap_or_default());
    let Some(ticket) = ticket(row, "auth_ticket", &sname, line) else {
        return line.ignore("zeek kerberos AP row without ticket hash");
    };
    let used = TicketUse { ticket, carrier: carrier(line.server_port()).into(), ap_options: 0 };
    let outcome = outcome(row);
    line.emit(None, outcome, Activity::TicketUse(Box::new(used)));
}

/// The ticket of a hash; the SHA-256 where there are both.
fn ticket(row: &Row<'_>, field: &str, sname: &Principal, line: &Line<'_, '_>) -> Option<Ticket> {
    let hash = row.get(&format!("{field}_sha256")).or_else(|| row.get(field))?;
    let digest = line.context.key.digest("zeek ticket", hash.as_bytes());
    Some(Ticket {
        digest: TicketDigest(digest),
        etype: row.get("cipher").and_then(|name| etype(&name)).unwrap_or(0),
        kvno: None,
        sname: sname.clone(),
        cipher_bytes: 0,
    })
}

fn outcome(row: &Row<'_>) -> Outcome {
    match (row.truth("success"), row.get("error_msg")) {
        (Some(true), _) => Outcome::Success,
        (_, Some(name)) => Outcome::Failure(error(&name)),
        (Some(false), None) => Outcome::Failure(GENERIC),
        (None, None) => Outcome::Unseen,
    }
}

fn options(row: &Row<'_>) -> u32 {
    let bit = |name, bit| if row.truth(name) == Some(true) { bit } else { 0 };
    bit("forwardable", FORWARDABLE) | bit("renewable", RENEWABLE)
}

/// `name/REALM`: what stands behind the last slash is the realm, also behind a service's own slashes.
fn client_principal(text: &str) -> Principal {
    let (name, realm) = text.rsplit_once('/').unwrap_or((text, ""));
    Principal { name_type: 0, name: name.to_owned(), realm: realm.to_owned() }
}

/// A service as Zeek joins its components; it names no realm.
fn service_principal(text: &str) -> Principal {
    let realm = text.split_once('/').filter(|(first, _)| first.eq_ignore_ascii_case("krbtgt")).map(|(_, realm)| realm);
    Principal { name_type: 0, name: text.to_owned(), realm: realm.unwrap_or_default().to_owned() }
}

/// The names of etypes as IANA's registry spells them.
const ETYPES: &[(&str, i32)] = &[
    ("des-cbc-crc", 1),
    ("des-cbc-md4", 2),
    ("des-cbc-md5", 3),
    ("des3-cbc-md5", 5),
    ("des3-cbc-sha1", 7),
    ("des3-cbc-sha1-kd", 16),
    ("aes128-cts-hmac-sha1-96", 17),
    ("aes256-cts-hmac-sha1-96", 18),
    ("aes128-cts-hmac-sha256-128", 19),
    ("aes256-cts-hmac-sha384-192", 20),
    ("rc4-hmac", 23),
    ("rc4-hmac-exp", 24),
];

fn etype(name: &str) -> Option<i32> {
    ETYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number).or_else(|| {
        // What Zeek has no name for is written with its number: `unknown-135`.
        name.rsplit_once("unknown-").and_then(|(_, number)| number.parse().ok())
    })
}

/// KRB_ERR_GENERIC.
const GENERIC: u32 = 60;

/// The names of the errors of RFC 4120 §7.5.9 without their prefixes.
const ERRORS: &[(u32, &str)] = &[
    (1, "NAME_EXP"),
    (2, "SERVICE_EXP"),
    (3, "BAD_PVNO"),
    (4, "C_OLD_MAST_KVNO"),
    (5, "S_OLD_MAST_KVNO"),
    (6, "C_PRINCIPAL_UNKNOWN"),
    (7, "S_PRINCIPAL_UNKNOWN"),
    (8, "PRINCIPAL_NOT_UNIQUE"),
    (9, "NULL_KEY"),
    (10, "CANNOT_POSTDATE"),
    (11, "NEVER_VALID"),
    (12, "POLICY"),
    (13, "BADOPTION"),
    (14, "ETYPE_NOSUPP"),
    (15, "SUMTYPE_NOSUPP"),
    (16, "PADATA_TYPE_NOSUPP"),
    (17, "TRTYPE_NOSUPP"),
    (18, "CLIENT_REVOKED"),
    (19, "SERVICE_REVOKED"),
    (20, "TGT_REVOKED"),
    (21, "CLIENT_NOTYET"),
    (22, "SERVICE_NOTYET"),
    (23, "KEY_EXPIRED"),
    (24, "PREAUTH_FAILED"),
    (25, "PREAUTH_REQUIRED"),
    (26, "SERVER_NOMATCH"),
    (27, "MUST_USE_USER2USER"),
    (28, "PATH_NOT_ACCEPTED"),
    (29, "SVC_UNAVAILABLE"),
    (31, "BAD_INTEGRITY"),
    (32, "TKT_EXPIRED"),
    (33, "TKT_NYV"),
    (34, "REPEAT"),
    (35, "NOT_US"),
    (36, "BADMATCH"),
    (37, "SKEW"),
    (38, "BADADDR"),
    (39, "BADVERSION"),
    (40, "MSG_TYPE"),
    (41, "MODIFIED"),
    (42, "BADORDER"),
    (44, "BADKEYVER"),
    (45, "NOKEY"),
    (46, "MUT_FAIL"),
    (47, "BADDIRECTION"),
    (48, "METHOD"),
    (49, "BADSEQ"),
    (50, "INAPP_CKSUM"),
    (52, "RESPONSE_TOO_BIG"),
    (60, "GENERIC"),
    (61, "FIELD_TOOLONG"),
    (62, "CLIENT_NOT_TRUSTED"),
    (63, "KDC_NOT_TRUSTED"),
    (64, "INVALID_SIG"),
    (65, "KEY_TOO_WEAK"),
    (66, "CERTIFICATE_MISMATCH"),
    (67, "NO_TGT"),
    (68, "WRONG_REALM"),
    (69, "USER_TO_USER_REQUIRED"),
    (70, "CANT_VERIFY_CERTIFICATE"),
    (71, "INVALID_CERTIFICATE"),
    (72, "REVOKED_CERTIFICATE"),
];

fn error(name: &str) -> u32 {
    let upper = name.to_ascii_uppercase();
    let bare = ["KDC_ERR_", "KRB_AP_ERR_", "KRB_AP_PATH_", "KRB_ERR_"]
        .iter()
        .find_map(|prefix| upper.strip_prefix(prefix))
        .unwrap_or(&upper);
    let known = ERRORS.iter().find(|(_, known)| *known == bare).map(|(code, _)| *code);
    known.or_else(|| bare.rsplit(['-', ' ', '_']).next()?.parse().ok()).unwrap_or(GENERIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_the_numbers_of_the_wire() {
        assert_eq!((error("KDC_ERR_PREAUTH_REQUIRED"), error("KRB_AP_ERR_TKT_EXPIRED")), (25, 32));
        assert_eq!((error("KRB_ERR_GENERIC"), error("unknown-94"), error("?")), (60, 94, 60));
        assert_eq!((etype("rc4-hmac"), etype("unknown--133"), etype("?")), (Some(23), Some(-133), None));
    }

    #[test]
    fn a_clients_realm_is_behind_its_last_slash() {
        let host = client_principal("host/ws1.lab.example/LAB.EXAMPLE");
        assert_eq!((host.name.as_str(), host.realm.as_str()), ("host/ws1.lab.example", "LAB.EXAMPLE"));
        assert_eq!(client_principal("/LAB").name, "");
    }
}
