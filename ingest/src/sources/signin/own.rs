//! Tables of one's own: any object or row that has a time, a user and an address under a name that people use for them.
//! Names are compared without case, spaces and punctuation.

use hopwatch_model::Outcome;
use hopwatch_model::Timestamp;
use hopwatch_model::event::SignIn;
use hopwatch_model::event::signin::{Place, SignInKind};
use hopwatch_wire::event_xml::time;

use super::{Draft, Json, Reading, address, coordinates, some, user};

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Time,
    User,
    Address,
    Country,
    City,
    Latitude,
    Longitude,
    Accuracy,
    Asn,
    Device,
    UserAgent,
    Outcome,
    /// A truth value: whether it succeeded.
    Succeeded,
    /// A number: 0 is success.
    Code,
    Application,
    Kind,
    MultiFactor,
    Session,
    Assigned,
}

/// Normalised names, the better ones first.
const NAMES: &[(&str, Column)] = &[
    ("time", Column::Time),
    ("ts", Column::Time),
    ("timestamp", Column::Time),
    ("datetime", Column::Time),
    ("date", Column::Time),
    ("createdat", Column::Time),
    ("eventtime", Column::Time),
    ("logintime", Column::Time),
    ("logintimestamp", Column::Time),
    ("signintime", Column::Time),
    ("starttime", Column::Time),
    ("dateutc", Column::Time),
    ("user", Column::User),
    ("username", Column::User),
    ("userprincipalname", Column::User),
    ("upn", Column::User),
    ("account", Column::User),
    ("accountname", Column::User),
    ("login", Column::User),
    ("email", Column::User),
    ("userid", Column::User),
    ("address", Column::Address),
    ("ip", Column::Address),
    ("ipaddress", Column::Address),
    ("sourceip", Column::Address),
    ("srcip", Column::Address),
    ("clientip", Column::Address),
    ("remoteip", Column::Address),
    ("sourceaddress", Column::Address),
    ("clientaddress", Column::Address),
    ("remoteaddress", Column::Address),
    ("publicip", Column::Address),
    ("country", Column::Country),
    ("countrycode", Column::Country),
    ("countryorregion", Column::Country),
    ("city", Column::City),
    ("latitude", Column::Latitude),
    ("lat", Column::Latitude),
    ("longitude", Column::Longitude),
    ("lon", Column::Longitude),
    ("lng", Column::Longitude),
    ("accuracykm", Column::Accuracy),
    ("accuracy", Column::Accuracy),
    ("asn", Column::Asn),
    ("asnumber", Column::Asn),
    ("autonomoussystemnumber", Column::Asn),
    ("device", Column::Device),
    ("deviceid", Column::Device),
    ("devicename", Column::Device),
    ("useragent", Column::UserAgent),
    ("useragentstring", Column::UserAgent),
    ("ua", Column::UserAgent),
    ("outcome", Column::Outcome),
    ("result", Column::Outcome),
    ("status", Column::Outcome),
    ("success", Column::Succeeded),
    ("succeeded", Column::Succeeded),
    ("loginsuccessful", Column::Succeeded),
    ("resulttype", Column::Code),
    ("errorcode", Column::Code),
    ("application", Column::Application),
    ("app", Column::Application),
    ("appdisplayname", Column::Application),
    ("service", Column::Application),
    ("resource", Column::Application),
    ("nas", Column::Application),
    ("kind", Column::Kind),
    ("signintype", Column::Kind),
    ("mfa", Column::MultiFactor),
    ("multifactor", Column::MultiFactor),
    ("session", Column::Session),
    ("sessionid", Column::Session),
    ("assigned", Column::Assigned),
    ("assignedip", Column::Assigned),
    ("framedipaddress", Column::Assigned),
];

/// What a name means; the rank tells the better of two names for the same thing.
pub(super) fn column(name: &str) -> Option<(Column, usize)> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().enumerate().find(|(_, (known, _))| *known == name).map(|(rank, (_, column))| (*column, rank))
}

/// Whether columns are enough for a sign-in.
pub(super) fn suffices(columns: &[Column]) -> bool {
    [Column::Time, Column::User, Column::Address].iter().all(|needed| columns.contains(needed))
}

pub(super) fn read(json: &Json<'_>) -> Option<Reading> {
    let mut best: Vec<(Column, usize, &Json<'_>)> = Vec::new();
    for (key, value) in json.entries().iter().take(256) {
        let Some((column, rank)) = column(key) else { continue };
        match best.iter_mut().find(|(known, _, _)| *known == column) {
            Some(known) if known.1 > rank => *known = (column, rank, value),
            Some(_) => {}
            None => best.push((column, rank, value)),
        }
    }
    let columns: Vec<Column> = best.iter().map(|(column, _, _)| *column).collect();
    if !suffices(&columns) {
        return None;
    }
    let value = |column: Column| {
        let (_, _, value) = best.iter().find(|(known, _, _)| *known == column)?;
        value.as_scalar().map(|text| text.into_owned())
    };
    Some(reading(&value))
}

/// Makes the sign-in of a row.
pub(super) fn reading(value: &dyn Fn(Column) -> Option<String>) -> Reading {
    let text = |column| some(value(column).as_deref().map(str::trim));
    let number = |column| text(column).and_then(|text| text.parse::<f64>().ok());
    let Some(time) = text(Column::Time).and_then(|text| parse_time(&text)) else {
        return Reading::Dropped("sign-in without time");
    };
    let Some(address) = text(Column::Address).and_then(|text| address(&text)) else {
        return Reading::Dropped("sign-in without address");
    };
    let (latitude, longitude) = coordinates(number(Column::Latitude), number(Column::Longitude));
    let asn = text(Column::Asn).and_then(|text| text.trim_start_matches(['A', 'S', 'a', 's']).parse().ok());
    Reading::SignIn(Box::new(Draft {
        time: Some(time),
        user: user(text(Column::User).as_deref()),
        address: Some(address),
        outcome: outcome(value),
        sign_in: SignIn {
            kind: kind(text(Column::Kind).as_deref()),
            application: text(Column::Application).unwrap_or_default(),
            place: Place {
                country: text(Column::Country),
                city: text(Column::City),
                latitude,
                longitude,
                accuracy_km: number(Column::Accuracy),
            },
            asn,
            device: text(Column::Device),
            user_agent: text(Column::UserAgent),
            multi_factor: text(Column::MultiFactor).and_then(|text| truth(&text)),
            session: text(Column::Session),
            assigned: text(Column::Assigned).and_then(|text| super::address(&text)),
            ..SignIn::default()
        },
    }))
}

/// A time; simulators count small numbers of seconds from zero.
fn parse_time(text: &str) -> Option<Timestamp> {
    time::parse(text).or_else(|| time::epoch(text))
}

fn kind(text: Option<&str>) -> SignInKind {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("vpn" | "radius") => SignInKind::Vpn,
        Some("rdp" | "rdgateway" | "remote desktop") => SignInKind::Rdp,
        Some("mail" | "imap" | "smtp" | "exchange") => SignInKind::Mail,
        _ => SignInKind::Cloud,
    }
}

fn outcome(value: &dyn Fn(Column) -> Option<String>) -> Outcome {
    if let Some(success) = value(Column::Succeeded).and_then(|text| truth(&text)) {
        return if success { Outcome::Success } else { Outcome::Failure(1) };
    }
    if let Some(code) = value(Column::Code).and_then(|text| text.trim().parse::<u32>().ok()) {
        return if code == 0 { Outcome::Success } else { Outcome::Failure(code) };
    }
    match value(Column::Outcome) {
        Some(text) => match (truth(&text), text.trim().parse::<u32>()) {
            (_, Ok(0)) => Outcome::Success,
            (_, Ok(code)) => Outcome::Failure(code),
            (Some(true), _) => Outcome::Success,
            (Some(false), _) => Outcome::Failure(1),
            (None, Err(_)) => Outcome::Unseen,
        },
        None => Outcome::Unseen,
    }
}

fn truth(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    match text.as_str() {
        "ok" | "success" | "successful" | "succeeded" | "true" | "1" | "yes" | "y" | "allow" | "allowed" | "accept"
        | "accepted" | "granted" | "pass" | "passed" => Some(true),
        "fail" | "failed" | "failure" | "false" | "0" | "no" | "n" | "deny" | "denied" | "reject" | "rejected"
        | "error" | "blocked" | "invalid" => Some(false),
        _ => None,
    }
}
