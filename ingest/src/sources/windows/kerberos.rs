//! The KDC's own log: 4768 (AS), 4769 (TGS), 4770 (renewal), 4771 (pre-authentication failed). Logged on domain
//! controllers alone, with the audit subcategories *Kerberos Authentication Service* and *Kerberos Service Ticket
//! Operations*.
//!
//! Unlike the wire, a record has no ticket digest and no list of etypes (before 2025); 4769 names the service by its
//! account, not by the SPN that was asked for.

use hopwatch_model::Activity;
use hopwatch_model::event::{AsExchange, Principal, TgsExchange};
use hopwatch_wire::event_xml::EventRecord;

use super::fields::{account, client, computer, number32, sid, status, string, text};
use super::{Made, Maker};

pub(super) fn maker(id: u32) -> Option<Maker> {
    match id {
        4768 | 4771 => Some(as_exchange),
        4769 => Some(tgs_exchange),
        4770 => Some(renewal),
        _ => None,
    }
}

/// 4768: `TargetUserName`, `TargetDomainName`, `TargetSid`, `ServiceName`, `TicketOptions`, `Status`,
/// `TicketEncryptionType`, `PreAuthType`, `IpAddress`, `IpPort`, `CertIssuerName`, `CertSerialNumber`; since the updates
/// of January 2025 also `ClientAdvertizedEncryptionTypes`, `PreAuthEncryptionType`. 4771 has `TargetUserName`,
/// `TargetSid`, `ServiceName`, `TicketOptions`, `Status`, `PreAuthType`, `IpAddress`, `IpPort` and the certificate.
fn as_exchange(record: &EventRecord<'_>) -> Option<Made> {
    let actor = account(record, "TargetUserName", "TargetDomainName", "TargetSid")
        .or_else(|| account(record, "TargetUserName", "TargetDomainName", "TargetUserSid"))?;
    let realm = string(record, "TargetDomainName");
    let sname = service_principal(text(record, "ServiceName").unwrap_or("krbtgt"), &realm);
    let realm = if realm.is_empty() { sname.realm.clone() } else { realm };
    let padata = number32(record, "PreAuthType").and_then(|kind| i32::try_from(kind).ok()).filter(|kind| *kind > 0);
    let exchange = AsExchange {
        cname: Principal { name_type: 0, name: actor.name.clone(), realm },
        sname,
        etypes: etype_names(record.field("ClientAdvertizedEncryptionTypes").unwrap_or_default()),
        padata: padata.into_iter().collect(),
        timestamp_etype: etype(record, "PreAuthEncryptionType"),
        kdc_options: number32(record, "TicketOptions").unwrap_or(0),
        ticket_etype: etype(record, "TicketEncryptionType"),
        certificate: certificate(record),
        requests: 1,
        ..AsExchange::default()
    };
    Some(Made {
        actor: Some(actor),
        source: client(record, "IpAddress", "IpPort", None),
        target: computer(record),
        outcome: status(record, "Status"),
        activity: Activity::AsExchange(Box::new(exchange)),
        session: None,
    })
}

/// 4769: `TargetUserName` (`name@REALM`), `TargetDomainName`, `ServiceName`, `ServiceSid`, `TicketOptions`,
/// `TicketEncryptionType`, `IpAddress`, `IpPort`, `Status`, `LogonGuid`, `TransmittedServices`.
fn tgs_exchange(record: &EventRecord<'_>) -> Option<Made> {
    let mut actor = account(record, "TargetUserName", "TargetDomainName", "TargetUserSid");
    let realm = string(record, "TargetDomainName");
    let service_name = text(record, "ServiceName");
    if actor.is_none() && service_name.is_none() && text(record, "Status").is_none() {
        return None;
    }
    if let (Some(actor), false) = (&mut actor, realm.is_empty()) {
        actor.domain = Some(realm.clone());
    }
    let mut service = service_name.map(|name| hopwatch_model::Account::named(name).in_domain(&realm));
    if let Some(service) = &mut service {
        service.sid = sid(record, "ServiceSid");
    }
    let exchange = TgsExchange {
        cname: Principal {
            name_type: 0,
            name: actor.as_ref().map(|actor| actor.name.clone()).unwrap_or_default(),
            realm: realm.clone(),
        },
        sname: service_principal(service_name.unwrap_or_default(), &realm),
        kdc_options: number32(record, "TicketOptions").unwrap_or(0),
        ticket_etype: etype(record, "TicketEncryptionType"),
        logon_guid: logon_guid(record),
        service,
        transited: text(record, "TransmittedServices").map(str::to_owned),
        ..TgsExchange::default()
    };
    Some(Made {
        actor,
        source: client(record, "IpAddress", "IpPort", None),
        target: computer(record),
        outcome: status(record, "Status"),
        activity: Activity::TgsExchange(Box::new(exchange)),
        session: None,
    })
}

/// 4770: as 4769 without `Status`, `LogonGuid` and `TransmittedServices`.
fn renewal(record: &EventRecord<'_>) -> Option<Made> {
    let mut made = tgs_exchange(record)?;
    if let Activity::TgsExchange(exchange) = &mut made.activity {
        exchange.renewal = true;
    }
    Some(made)
}

/// A service as the wire would spell it: the KDC's own name lacks its realm in successful records.
fn service_principal(name: &str, realm: &str) -> Principal {
    let (name, realm) = match name.split_once('/') {
        Some((first, of)) if first.eq_ignore_ascii_case("krbtgt") && realm.is_empty() => (name.to_owned(), of),
        None if name.eq_ignore_ascii_case("krbtgt") && !realm.is_empty() => (format!("{name}/{realm}"), realm),
        _ => (name.to_owned(), realm),
    };
    Principal { name_type: 0, name, realm: realm.to_owned() }
}

/// An encryption type; 0xffffffff is logged where no ticket was issued.
fn etype(record: &EventRecord<'_>, name: &str) -> Option<i32> {
    number32(record, name).filter(|etype| *etype != u32::MAX).map(u32::cast_signed)
}

/// The etypes of a list of names, one a line, in its order.
fn etype_names(list: &str) -> Vec<i32> {
    list.split(['\n', '\t', ',', ' ']).filter_map(|name| etype_of_name(name.trim())).collect()
}

fn etype_of_name(name: &str) -> Option<i32> {
    let upper = name.to_ascii_uppercase();
    Some(match upper.as_str() {
        "AES256-CTS-HMAC-SHA1-96" | "AES256-SHA96" => 18,
        "AES128-CTS-HMAC-SHA1-96" | "AES128-SHA96" => 17,
        "AES256-CTS-HMAC-SHA384-192" => 20,
        "AES128-CTS-HMAC-SHA256-128" => 19,
        "RC4-HMAC-NT" | "RC4-HMAC" | "RC4" => 23,
        "RC4-HMAC-NT-EXP" | "RC4-HMAC-EXP" => 24,
        "RC4-HMAC-OLD" => -133,
        "RC4-MD4" => -128,
        "RC4-HMAC-OLD-EXP" => -135,
        "DES-CBC-MD5" => 3,
        "DES-CBC-CRC" => 1,
        _ => return None,
    })
}

fn logon_guid(record: &EventRecord<'_>) -> Option<String> {
    super::fields::guid(record, "LogonGuid").map(|guid| guid.to_string())
}

/// `serial issuer` of the client's certificate.
fn certificate(record: &EventRecord<'_>) -> Option<String> {
    let serial = text(record, "CertSerialNumber")?;
    Some(format!("{serial} {}", text(record, "CertIssuerName").unwrap_or_default()).trim_end().to_owned())
}
