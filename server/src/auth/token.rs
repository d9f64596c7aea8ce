//! Session tokens and the cookie that carries them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hopwatch_model::Timestamp;
use rand::RngCore;

/// The name of the cookie.
pub const COOKIE: &str = "hopwatch_session";
/// Random bytes of a token.
const BYTES: usize = 32;

/// The token of the cookie that a request brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(pub String);

/// A new token.
#[must_use]
pub fn generate() -> String {
    let mut bytes = [0; BYTES];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is kept of a token: with 256 random bits no salt is needed.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

/// Whether the cookie is to be sent over TLS only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// The request came over plain HTTP, as on loopback.
    #[default]
    Plain,
    /// The request came over TLS, which a proxy in front ended.
    Tls,
}

/// The header value that sets the cookie.
#[must_use]
pub fn set_cookie(token: &str, now: Timestamp, expires_at: Timestamp, transport: Transport) -> String {
    cookie(token, expires_at.since(now).as_secs(), transport)
}

/// The header value that takes the cookie back.
#[must_use]
pub fn clear_cookie(transport: Transport) -> String {
    cookie("", 0, transport)
}

/// The token in the value of a `Cookie` header.
#[must_use]
pub fn from_cookies(header: &str) -> Option<Token> {
    let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, value)| *name == COOKIE && !value.is_empty()).map(|(_, value)| value);
    values.next().map(|value| Token(value.to_owned()))
}

fn cookie(value: &str, max_age_secs: u64, transport: Transport) -> String {
    let secure = match transport {
        Transport::Plain => "",
        Transport::Tls => "; Secure",
    };
    format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_secs}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(from_cookies("a=b; hopwatch_session=xyz; c=d"), Some(Token("xyz".into())));
        assert_eq!(from_cookies("a=b; xhopwatch_session=xyz"), None);
        assert_eq!(from_cookies("hopwatch_session="), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let value = set_cookie("t", Timestamp::from_secs(0), Timestamp::from_secs(60), Transport::Tls);
        assert_eq!(value, "hopwatch_session=t; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure");
    }
}
