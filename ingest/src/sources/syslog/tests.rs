//! Headers of syslog messages of both RFCs and of the habits of devices.

use hopwatch_model::Timestamp;

use super::parse;

fn check(text: &str, expect: (&str, &str, &str, &str)) {
    let now = Timestamp::from_secs(1_767_700_000);
    let header = parse(text, now);
    let time = header.time.map(|time| time.to_string()).unwrap_or_default();
    assert_eq!((time.as_str(), header.host.unwrap_or_default(), header.tag, header.body), expect, "{text}");
}

#[test]
fn headers_of_every_habit_are_read() {
    let at = "2026-01-05T08:52:35.000000Z";
    check("<34>Jan  5 08:52:35 fw1 sshd[12]: body: x", (at, "fw1", "sshd", "body: x"));
    check("<166>Jan 05 2026 08:52:35: %ASA-6-1: t", (at, "", "", "%ASA-6-1: t"));
    check("<166>Jan 05 2026 08:52:35 fw1 : %ASA-6-1: t", (at, "fw1", "", "%ASA-6-1: t"));
    check("<166>Jan  5 08:52:35 10.0.0.1 %ASA-6-1: t", (at, "10.0.0.1", "", "%ASA-6-1: t"));
    check("2026-01-05T09:52:35+01:00 vpn openvpn[9]: x y", (at, "vpn", "openvpn", "x y"));
    check("<13>1 2026-01-05T08:52:35Z dc1 nxlog - - [a@1 k=\"x ] y\"][b@1] body", (at, "dc1", "nxlog", "body"));
    check("<13>1 - dc1 - - - - body", ("", "dc1", "", "body"));
    check("CEF:0|a|b|", ("", "", "", "CEF:0|a|b|"));
}

#[test]
fn a_month_that_is_to_come_was_last_years() {
    check("<1>Dec 31 23:59:59 h t: b", ("2025-12-31T23:59:59.000000Z", "h", "t", "b"));
    check("<1>Jan  7 11:00:00 h t: b", ("2026-01-07T11:00:00.000000Z", "h", "t", "b"));
}
