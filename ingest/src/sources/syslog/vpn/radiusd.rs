//! FreeRADIUS's own log (`radius.log`): `Login OK: [user] (from client nas port 1 cli station)`, `Login incorrect (why): [user] …`.

use hopwatch_model::{Outcome, Record};

use super::{Session, address, between, emit};
use crate::sources::Context;
use crate::sources::syslog::{Header, Reading};

pub(super) fn read(header: &Header<'_>, place: Record, context: &mut Context<'_>) -> Reading {
    let text = header.whole;
    let (outcome, rest) = if let Some((_, rest)) = text.split_once("Login OK: [") {
        (Outcome::Success, rest)
    } else if let Some((_, rest)) = text.split_once("Login incorrect").and_then(|(_, rest)| rest.split_once(": [")) {
        (Outcome::Failure(1), rest)
    } else {
        return Reading::Foreign;
    };
    let (user, rest) = rest.split_once("] (from client ").unwrap_or((rest, ""));
    // `user/password` where the server was told to log passwords: the password goes no further.
    let user =
        user.split_once('/').filter(|(first, _)| !first.eq_ignore_ascii_case("host")).map_or(user, |(user, _)| user);
    let station = between(rest, " cli ", ")").map(|station| station.split(' ').next().unwrap_or_default());
    let session = Session {
        user,
        client: station.and_then(address),
        device: station.filter(|station| address(station).is_none()),
        outcome,
        server: rest.split(' ').next(),
        ..Session::default()
    };
    emit(&session, header, place, context)
}
