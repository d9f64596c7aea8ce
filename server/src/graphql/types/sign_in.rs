//! Sign-ins from outside, with the place from which they came.

use async_graphql::{Enum, SimpleObject};

/// The family of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "hopwatch_model::event::SignInKind")]
pub enum SignInKind {
    /// A VPN or RADIUS session.
    Vpn,
    /// A cloud application.
    Cloud,
    /// Remote desktop.
    Rdp,
    /// Mail.
    Mail,
}

/// What a sign-in from outside says of its place and its means.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignIn {
    /// The family.
    pub kind: SignInKind,
    /// The application or NAS.
    pub application: String,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The city's name.
    pub city: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// The autonomous system's number.
    pub asn: Option<u32>,
    /// The device's id or name.
    pub device: Option<String>,
    /// The user agent.
    pub user_agent: Option<String>,
}

impl From<&hopwatch_model::event::SignIn> for SignIn {
    fn from(sign_in: &hopwatch_model::event::SignIn) -> Self {
        let place = &sign_in.place;
        Self {
            kind: sign_in.kind.into(),
            application: sign_in.application.clone(),
            country: place.country.clone(),
            city: place.city.clone(),
            latitude: place.latitude,
            longitude: place.longitude,
            asn: sign_in.asn,
            device: sign_in.device.clone(),
            user_agent: sign_in.user_agent.clone(),
        }
    }
}
