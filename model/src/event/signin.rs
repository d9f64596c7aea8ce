//! Sign-ins from outside: VPN and RADIUS, cloud applications, mail, remote desktop gateways.

use serde::{Deserialize, Serialize};

/// The family of a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// A VPN or RADIUS session.
    #[default]
    Vpn,
    /// A cloud application.
    Cloud,
    /// Remote desktop.
    Rdp,
    /// Mail.
    Mail,
}

/// A place on earth, as a source or a geo-IP database gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The city's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Degrees north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// The radius in which the true place lies, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_km: Option<f64>,
}

/// A sign-in. The actor is the user; the source's address is the public one, the outcome as the application says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SignIn {
    /// The family.
    pub kind: SignInKind,
    /// The application or NAS.
    #[serde(default)]
    pub application: String,
    /// Where the address lies.
    #[serde(default)]
    pub place: Place,
    /// The autonomous system's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// The device's id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Whether a second factor was satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_factor: Option<bool>,
    /// The inside address that the VPN assigned (RADIUS `Framed-IP-Address`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<std::net::IpAddr>,
    /// RADIUS `Acct-Status-Type` (1 start, 2 stop, 3 interim); `None` for other sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting_status: Option<u32>,
    /// The session's id at the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}
