//! `Authentication` (a credential was checked) and `Authorization` (a session was opened).
//!
//! | service, description | event |
//! |---|---|
//! | `Kerberos KDC` | AS exchange; NTSTATUS becomes the Kerberos error code |
//! | `LDAP`, `simple bind` | LDAP bind (the password is not in the record) |
//! | `SMB`, `SMB2`, `LDAP`, `DCE/RPC` with NTLM | NTLM logon, and where it fails also a failed logon as in 4625 |
//! | `SamLogon` | NTLM logon that the DC validates for a member |
//! | `NETLOGON`, `ServerAuthenticate` | the RPC call |
//! | `Authorization` with `krb5` or `NTLMSSP` | logon |

use hopwatch_model::event::{
    AccountChange, AccountChangeKind, AsExchange, AuthLevel, BindMethod, LdapBind, Logon, LogonType, NtlmLogon,
    NtlmVersion, Principal, RpcArguments, RpcCall, RpcTransport,
};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Activity, Certainty, Guid, Host, Outcome, Resolution};

use super::Report;

pub(super) fn authentication(report: &mut Report<'_, '_>) {
    let service = report.body.text("serviceDescription").unwrap_or_default().to_owned();
    let description = report.body.text("authDescription").unwrap_or_default().to_owned();
    match service.as_str() {
        "Kerberos KDC" => kerberos(report, &description),
        "winbind" => report.context.counters.ignore("winbind's view of a logon"),
        "NETLOGON" => netlogon(report, &description),
        "SamLogon" => member_logon(report),
        "SAMR Password Change" | "kpasswd" => password_change(report),
        "LDAP" if description.starts_with("simple bind") => simple_bind(report, &description),
        "SMB" | "SMB2" => ntlm(report, "smb"),
        "LDAP" => ntlm(report, "ldap"),
        "DCE/RPC" => ntlm(report, "rpc"),
        "HTTP" | "winbindd" | "NTLM" => ntlm(report, "http"),
        _ => other(report, &service),
    }
}

/// The account: as it was resolved, else as the client wrote it.
fn account(report: &Report<'_, '_>) -> Option<Account> {
    let body = report.body;
    let became = body.text("becameAccount").map(|name| (name, body.text("becameDomain")));
    let written = body.text("clientAccount").map(|name| (name, body.text("clientDomain")));
    let (name, domain) = became.or(written)?;
    let mut account = Account::named(name).in_domain(domain.unwrap_or_default());
    account.sid = report.sid("becameSid");
    Some(account)
}

fn kerberos(report: &mut Report<'_, '_>, description: &str) {
    let Some(written) = report.body.text("clientAccount") else {
        return report.context.counters.drop("samba authentication without account");
    };
    let client = Account::named(written);
    let realm = client.domain.clone().unwrap_or_default();
    let mut actor = account(report).unwrap_or_else(|| client.clone());
    actor.domain = client.domain.clone().or(actor.domain);
    let etype = report.body.text("passwordType").and_then(etype);
    let encrypted_timestamp = description.starts_with("ENC-TS");
    let padata = match description {
        d if d.starts_with("ENC-TS") => vec![2],
        d if d.starts_with("PKINIT") || d.starts_with("PK-INIT") => vec![16],
        d if d.starts_with("ENC-CHALLENGE") || d.starts_with("Encrypted Challenge") || d.starts_with("FAST") => {
            vec![138]
        }
        _ => Vec::new(),
    };
    let exchange = AsExchange {
        cname: Principal { name_type: 0, name: client.name, realm: realm.clone() },
        sname: Principal { name_type: 2, name: format!("krbtgt/{realm}"), realm },
        padata,
        timestamp_etype: etype.filter(|_| encrypted_timestamp),
        reply_etype: etype,
        requests: 1,
        ..AsExchange::default()
    };
    let outcome = match status(report) {
        Outcome::Failure(code) => Outcome::Failure(kerberos_error(code)),
        other => other,
    };
    let hosts = report.hosts();
    report.emit(Some(actor), hosts, outcome, Activity::AsExchange(Box::new(exchange)));
}

/// The encryption type of a key's name as Heimdal spells it.
fn etype(name: &str) -> Option<i32> {
    Some(match name {
        "arcfour-hmac-md5" => 23,
        "aes256-cts-hmac-sha1-96" => 18,
        "aes128-cts-hmac-sha1-96" => 17,
        "des-cbc-md5" => 3,
        "des-cbc-crc" => 1,
        _ => return None,
    })
}

/// The Kerberos error (RFC 4120 §7.5.9) that the KDC answers with for an NTSTATUS.
fn kerberos_error(status: u32) -> u32 {
    match status {
        NO_SUCH_USER => 6,
        WRONG_PASSWORD | LOGON_FAILURE => 24,
        ACCOUNT_LOCKED_OUT | ACCOUNT_DISABLED | ACCOUNT_EXPIRED => 18,
        PASSWORD_EXPIRED | PASSWORD_MUST_CHANGE => 23,
        INVALID_WORKSTATION | INVALID_LOGON_HOURS | ACCOUNT_RESTRICTION => 12,
        TIME_DIFFERENCE_AT_DC => 37,
        _ => 60,
    }
}

const NO_SUCH_USER: u32 = 0xC000_0064;
const WRONG_PASSWORD: u32 = 0xC000_006A;
const LOGON_FAILURE: u32 = 0xC000_006D;
const ACCOUNT_RESTRICTION: u32 = 0xC000_006E;
const INVALID_LOGON_HOURS: u32 = 0xC000_006F;
const INVALID_WORKSTATION: u32 = 0xC000_0070;
const PASSWORD_EXPIRED: u32 = 0xC000_0071;
const ACCOUNT_DISABLED: u32 = 0xC000_0072;
const TIME_DIFFERENCE_AT_DC: u32 = 0xC000_0133;
const ACCOUNT_EXPIRED: u32 = 0xC000_0193;
const PASSWORD_MUST_CHANGE: u32 = 0xC000_0224;
const ACCOUNT_LOCKED_OUT: u32 = 0xC000_0234;

/// The outcome by the name of the NTSTATUS (`[MS-ERREF] 2.3.1`); Samba prints unknown ones as `NT code 0x…`.
fn status(report: &Report<'_, '_>) -> Outcome {
    let Some(name) = report.body.text("status") else { return Outcome::Unseen };
    let code = match name {
        "NT_STATUS_OK" => return Outcome::Success,
        "NT_STATUS_NO_SUCH_USER" => NO_SUCH_USER,
        "NT_STATUS_WRONG_PASSWORD" => WRONG_PASSWORD,
        "NT_STATUS_LOGON_FAILURE" => LOGON_FAILURE,
        "NT_STATUS_ACCOUNT_RESTRICTION" => ACCOUNT_RESTRICTION,
        "NT_STATUS_INVALID_LOGON_HOURS" => INVALID_LOGON_HOURS,
        "NT_STATUS_INVALID_WORKSTATION" => INVALID_WORKSTATION,
        "NT_STATUS_PASSWORD_EXPIRED" => PASSWORD_EXPIRED,
        "NT_STATUS_ACCOUNT_DISABLED" => ACCOUNT_DISABLED,
        "NT_STATUS_TIME_DIFFERENCE_AT_DC" => TIME_DIFFERENCE_AT_DC,
        "NT_STATUS_ACCOUNT_EXPIRED" => ACCOUNT_EXPIRED,
        "NT_STATUS_PASSWORD_MUST_CHANGE" => PASSWORD_MUST_CHANGE,
        "NT_STATUS_ACCOUNT_LOCKED_OUT" => ACCOUNT_LOCKED_OUT,
        "NT_STATUS_ACCESS_DENIED" => 0xC000_0022,
        "NT_STATUS_INVALID_PARAMETER" => 0xC000_000D,
        "NT_STATUS_NO_LOGON_SERVERS" => 0xC000_005E,
        "NT_STATUS_NO_TRUST_SAM_ACCOUNT" => 0xC000_018B,
        "NT_STATUS_NTLM_BLOCKED" => 0xC000_0418,
        _ => name.rsplit_once("0x").and_then(|(_, digits)| u32::from_str_radix(digits, 16).ok()).unwrap_or(0xC000_0001),
    };
    Outcome::Failure(code)
}

/// LDAP's invalid credentials (RFC 4511 A.1).
const INVALID_CREDENTIALS: u32 = 49;

fn simple_bind(report: &mut Report<'_, '_>, description: &str) {
    let name = report.body.text("clientAccount").unwrap_or_default().to_owned();
    let anonymous = name.is_empty();
    let bind = LdapBind {
        name,
        method: if anonymous { BindMethod::Anonymous } else { BindMethod::Simple { password_digest: 0 } },
        tls: description.ends_with("/TLS"),
        sealed: None,
    };
    let outcome = match status(report) {
        Outcome::Failure(_) => Outcome::Failure(INVALID_CREDENTIALS),
        other => other,
    };
    let actor = account(report).filter(|_| !anonymous);
    let hosts = report.hosts();
    report.emit(actor, hosts, outcome, Activity::LdapBind(Box::new(bind)));
}

fn version(report: &Report<'_, '_>) -> NtlmVersion {
    if report.body.text("becameSid") == Some("S-1-5-7") {
        return NtlmVersion::Anonymous;
    }
    match report.body.text("passwordType") {
        Some("NTLMv2" | "LMv2") => NtlmVersion::V2,
        Some("NTLMv1") => NtlmVersion::V1,
        Some("LANMan") => NtlmVersion::Lm,
        _ => NtlmVersion::Unknown,
    }
}

/// The workstation that the client names.
fn workstation(report: &Report<'_, '_>) -> Option<String> {
    let name = report.body.text("workstation")?.trim_start_matches('\\');
    (!name.is_empty()).then(|| name.to_owned())
}

/// A client at an address that names itself.
fn with_name(host: Option<Host>, name: Option<&str>) -> Option<Host> {
    let Some(name) = name else { return host };
    let mut host = host.unwrap_or_default();
    host.name = Some(name.to_owned());
    host.resolution = Resolution { certainty: Certainty::Medium, method: ResolutionMethod::Ntlm };
    Some(host)
}

fn ntlm(report: &mut Report<'_, '_>, carrier: &str) {
    let workstation = workstation(report);
    let (source, target) = report.hosts();
    let source = with_name(source, workstation.as_deref());
    let (actor, outcome) = (account(report), status(report));
    let version = version(report);
    let logon = NtlmLogon { version, workstation, carrier: carrier.to_owned(), ..NtlmLogon::default() };
    let hosts = (source, target);
    report.emit(actor.clone(), hosts.clone(), outcome, Activity::NtlmLogon(Box::new(logon)));
    if outcome.failed() {
        // A success is followed by its Authorization record, which is the logon.
        let logon = Logon {
            logon_type: LogonType::Network,
            package: "NTLM".into(),
            service: Some(carrier.to_owned()),
            ..Logon::default()
        };
        report.emit(actor, hosts, outcome, Activity::Logon(Box::new(logon)));
    }
}

/// The DC validates for a member: the member is the server, and the client's address is not known.
fn member_logon(report: &mut Report<'_, '_>) {
    let workstation = workstation(report);
    let server = report.body.text("netlogonComputer").map(str::to_owned);
    let target = report.host("remoteAddress").map(|mut host| {
        // The port is the one from which the member asks.
        host.port = None;
        if let Some(name) = &server {
            // The member authenticated to NETLOGON as itself.
            host.name = Some(name.clone());
            host.resolution = Resolution { certainty: Certainty::High, method: ResolutionMethod::Ntlm };
        }
        host
    });
    // A member fills in its own name where the client gave none.
    let own = |name: &String| server.as_ref().is_some_and(|server| server.eq_ignore_ascii_case(name));
    let source = workstation.as_ref().filter(|name| !own(name)).and_then(|name| with_name(None, Some(name)));
    let (actor, outcome, version) = (account(report), status(report), version(report));
    let logon =
        NtlmLogon { version, workstation, carrier: "netlogon".into(), server_name: server, ..NtlmLogon::default() };
    report.emit(actor, (source, target), outcome, Activity::NtlmLogon(Box::new(logon)));
}

/// The interface of `[MS-NRPC] 2.1`.
const NETLOGON: Guid = Guid::from_u128(0x1234_5678_1234_abcd_ef00_0123_4567_cffb);

fn netlogon(report: &mut Report<'_, '_>, description: &str) {
    let actor = account(report);
    let arguments = RpcArguments::NetlogonAuthenticate {
        account: report
            .body
            .text("netlogonTrustAccount")
            .or(report.body.text("clientAccount"))
            .unwrap_or_default()
            .to_owned(),
        computer: report.body.text("netlogonComputer").unwrap_or_default().to_owned(),
        zero_credential: false,
    };
    let call = RpcCall {
        interface: Some(NETLOGON),
        interface_name: "netlogon".into(),
        opnum: 26,
        operation: if description == "ServerAuthenticate" { "NetrServerAuthenticate3" } else { description }.to_owned(),
        transport: RpcTransport::Tcp,
        auth_level: AuthLevel::None,
        bind_seen: true,
        arguments,
    };
    let (hosts, outcome) = (report.hosts(), status(report));
    report.emit(actor, hosts, outcome, Activity::RpcCall(Box::new(call)));
}

/// A change by the old password: where it succeeds, `passwordChange` says so too.
fn password_change(report: &mut Report<'_, '_>) {
    let outcome = status(report);
    let Some(account) = account(report).filter(|_| outcome.failed()) else {
        return report.context.counters.ignore("password change that its own record reports");
    };
    let change = AccountChange {
        kind: AccountChangeKind::PasswordChanged,
        account: account.clone(),
        new_name: None,
        attributes: Vec::new(),
    };
    let hosts = report.hosts();
    report.emit(Some(account), hosts, outcome, Activity::AccountChange(Box::new(change)));
}

fn other(report: &mut Report<'_, '_>, service: &str) {
    let number = report.body.integer("logonType").and_then(|number| u32::try_from(number).ok());
    let logon = Logon {
        logon_type: LogonType::from_number(number.unwrap_or(3)),
        package: report.body.text("passwordType").unwrap_or_default().to_owned(),
        service: Some(service.to_owned()),
        ..Logon::default()
    };
    let workstation = workstation(report);
    let (source, target) = report.hosts();
    let hosts = (with_name(source, workstation.as_deref()), target);
    let (actor, outcome) = (account(report), status(report));
    report.emit(actor, hosts, outcome, Activity::Logon(Box::new(logon)));
}

pub(super) fn authorization(report: &mut Report<'_, '_>) {
    let package = match report.body.text("authType") {
        Some("krb5") => "Kerberos",
        Some("NTLMSSP") => "NTLM",
        _ => return report.context.counters.ignore("samba authorization of a transport"),
    };
    let Some(name) = report.body.text("account") else {
        return report.context.counters.drop("samba authorization without account");
    };
    let mut actor = Account::named(name).in_domain(report.body.text("domain").unwrap_or_default());
    actor.sid = report.sid("sid");
    let logon = Logon {
        logon_type: LogonType::Network,
        package: package.into(),
        service: report.body.text("serviceDescription").map(str::to_owned),
        ..Logon::default()
    };
    let hosts = report.hosts();
    report.emit(Some(actor), hosts, Outcome::Success, Activity::Logon(Box::new(logon)));
}
