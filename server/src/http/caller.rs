//! Who sends a request, from where and over what; and whether a browser sends it for another site.

use std::net::SocketAddr;
use std::time::Duration;

use async_graphql::Data;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};

use crate::auth::api_token::{self, Standing};
use crate::auth::token::{Token, Transport, from_cookies};
use crate::auth::{self, Identity};
use crate::clock;
use crate::graphql::request::{Deadline, Peer};
use crate::state::State;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What is known of a caller.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) identity: Option<Identity>,
    /// Why there is no identity.
    pub(super) refusal: &'static str,
    token: Option<Token>,
    peer: Peer,
    transport: Transport,
}

impl Caller {
    /// The caller of a request.
    pub(super) async fn of(state: &State, socket: Option<SocketAddr>, headers: &HeaderMap) -> Self {
        let trusted = state.config.server.trust_proxy;
        let forwarded = |name: HeaderName| text(headers, name).filter(|_| trusted);
        let (identity, token, refusal) = match bearer(headers) {
            Some(secret) => {
                let (identity, refusal) = of_bearer(state, secret).await;
                (identity, None, refusal)
            }
            None => {
                let token = headers.get_all(COOKIE).iter().find_map(|value| from_cookies(value.to_str().ok()?));
                (of_session(state, token.as_ref()).await, token, "send a token as `Authorization: Bearer`, or log in")
            }
        };
        let nearest = socket.map_or_else(|| "local".to_owned(), |peer| peer.ip().to_canonical().to_string());
        // A proxy appends: only the last entry is its own word.
        let claimed =
            forwarded(FORWARDED_FOR).and_then(|list| list.rsplit(',').next()).map(|last| last.trim().to_owned());
        let secure = forwarded(FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        Self {
            identity,
            refusal,
            token,
            peer: Peer(claimed.unwrap_or(nearest)),
            transport: if secure { Transport::Tls } else { Transport::Plain },
        }
    }

    /// What resolvers are given of the caller.
    pub(super) fn data(&self, budget: Option<Duration>) -> Data {
        let mut data = Data::default();
        if let Some(identity) = &self.identity {
            data.insert(identity.clone());
        }
        if let Some(token) = &self.token {
            data.insert(token.clone());
        }
        if let Some(budget) = budget {
            data.insert(Deadline(clock::instant() + budget));
        }
        data.insert(self.peer.clone());
        data.insert(self.transport);
        data
    }
}

/// The token of a program, which goes before any cookie.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = text(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

async fn of_bearer(state: &State, secret: &str) -> (Option<Identity>, &'static str) {
    let refusal = match api_token::standing(&state.store, secret).await {
        Ok(Standing::Good(identity)) => return (Some(identity), ""),
        Ok(Standing::Unknown) => "the token is not known here",
        Ok(Standing::Expired) => "the token has expired",
        Ok(Standing::Revoked) => "the token was revoked",
        Err(error) => {
            tracing::error!(error = %crate::graphql::error::chain(&error), "a token could not be looked up");
            "the token could not be looked up"
        }
    };
    metrics::counter!("hopwatch_requests_refused_total", "reason" => "token").increment(1);
    (None, refusal)
}

async fn of_session(state: &State, token: Option<&Token>) -> Option<Identity> {
    auth::identify(&state.store, &token?.0).await.unwrap_or_else(|error| {
        tracing::error!(error = %crate::graphql::error::chain(&error), "a session could not be looked up");
        None
    })
}

/// The address at the other end of the connection.
pub(super) fn socket(request: &Request) -> Option<SocketAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}

/// True where a browser sends the request from a page of this server, or no browser does: browsers name the page's
/// origin on every POST and every WebSocket, and scripts of other sites cannot change it.
pub(super) fn same_origin(state: &State, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let proxied = text(headers, FORWARDED_HOST).filter(|_| state.config.server.trust_proxy);
    let host = proxied.or_else(|| text(headers, HOST));
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
    authority.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
