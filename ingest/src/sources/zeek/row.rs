//! One row of a log, whatever its carrier: fields by Zeek's own names.

use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;

use hopwatch_model::Timestamp;
use hopwatch_wire::event_xml::time;

use super::tsv::Header;
use crate::sources::json::Json;

/// A row.
pub(in crate::sources) enum Row<'r> {
    /// The cells of a tab-separated line.
    Tsv {
        /// What the columns mean.
        header: &'r Header,
        /// The cells, still escaped.
        cells: Vec<&'r str>,
    },
    /// A JSON object.
    Json(&'r Json<'r>),
}

/// The most items of a list that are read; DNS answers have a few dozen.
const MAX_ITEMS: usize = 1024;

impl<'r> Row<'r> {
    /// A field's text; `None` where it is unset or empty.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'r, str>> {
        match self {
            Self::Tsv { header, cells } => {
                let cell = cells.get(header.column(name)?).copied()?;
                (!header.unset(cell)).then(|| unescape(cell)).filter(|text| !text.is_empty())
            }
            Self::Json(json) => field(json, name)?.as_scalar().filter(|text| !text.is_empty()),
        }
    }

    /// The items of a list.
    pub(super) fn items(&self, name: &str) -> Vec<Cow<'r, str>> {
        match self {
            Self::Tsv { header, cells } => {
                let cell = header.column(name).and_then(|at| cells.get(at)).copied();
                let cell = cell.filter(|cell| !header.unset(cell));
                let items = cell.map(|cell| cell.split(header.set_separator())).into_iter().flatten();
                items.take(MAX_ITEMS).map(unescape).collect()
            }
            Self::Json(json) => match field(json, name) {
                Some(Json::Array(items)) => items.iter().take(MAX_ITEMS).filter_map(Json::as_scalar).collect(),
                Some(single) => single.as_scalar().into_iter().collect(),
                None => Vec::new(),
            },
        }
    }

    pub(super) fn address(&self, name: &str) -> Option<IpAddr> {
        self.get(name)?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }

    pub(super) fn number<N: FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// A truth value, as `T`/`F` or `true`/`false`.
    pub(super) fn truth(&self, name: &str) -> Option<bool> {
        match &*self.get(name)? {
            "T" | "true" => Some(true),
            "F" | "false" => Some(false),
            _ => None,
        }
    }

    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.get(name)?;
        time::parse(&text)
    }

    /// Whether it bears the marks of Zeek's own writers.
    pub(super) fn zeek(&self) -> bool {
        ["uid", "uids", "_write_ts"].iter().any(|name| self.has(name))
    }

    /// Whether the row has such a field, set or not.
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Tsv { header, .. } => header.column(name).is_some(),
            Self::Json(json) => field(json, name).is_some(),
        }
    }

    /// The log that rows with such fields belong to, where the row does not name it.
    pub(super) fn log(&self) -> Option<&'static str> {
        if !self.zeek() {
            return None;
        }
        SHAPES
            .iter()
            .find(|(_, shape)| shape.iter().any(|all| all.iter().all(|name| self.has(name))))
            .map(|(log, _)| *log)
    }
}

/// What tells a row's log: any of the sets of fields, all of whose members are there.
const SHAPES: &[(&str, &[&[&str]])] = &[
    ("smb_cmd", &[&["command", "version", "rtt"], &["command", "sub_command"]]),
    ("smb_files", &[&["action", "name"], &["action", "path"]]),
    ("smb_mapping", &[&["share_type"], &["path", "service"]]),
    ("dce_rpc", &[&["endpoint", "operation"]]),
    ("kerberos", &[&["request_type"], &["service", "cipher"], &["client", "service"]]),
    ("ntlm", &[&["server_nb_computer_name"], &["server_dns_computer_name"], &["server_tree_name"], &["domainname"]]),
    ("ldap_search", &[&["base_object"], &["deref_aliases"], &["scope", "filter"]]),
    ("ldap", &[&["message_id", "opcode"], &["message_id", "version", "result"]]),
    ("dns", &[&["query", "trans_id"], &["qtype", "query"], &["rcode", "trans_id"]]),
    ("dhcp", &[&["msg_types"], &["assigned_ip", "mac"]]),
    ("rdp", &[&["security_protocol"], &["cookie", "result"], &["client_build"]]),
    ("radius", &[&["framed_addr"], &["connect_info"], &["tunnel_client"], &["username", "result"]]),
    ("conn", &[&["conn_state"], &["history", "proto"]]),
];

/// Fields keep their dots, nest, or lose them to underscores.
fn field<'r>(json: &'r Json<'r>, name: &str) -> Option<&'r Json<'r>> {
    json.at(name).or_else(|| name.contains('.').then(|| json.get(&name.replace('.', "_"))).flatten())
}

/// Zeek writes separators and what is no UTF-8 as `\xNN`, and a backslash twice.
fn unescape(cell: &str) -> Cow<'_, str> {
    if !cell.contains('\\') {
        return Cow::Borrowed(cell);
    }
    let mut bytes = Vec::with_capacity(cell.len());
    let mut rest = cell.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = match (first, after) {
            (b'\\', [b'x', high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| (high * 16 + low, 3)),
            (b'\\', [b'\\', ..]) => Some((b'\\', 1)),
            _ => None,
        };
        let (byte, used) = escaped.unwrap_or((*first, 0));
        bytes.push(byte);
        rest = rest.get(used..).unwrap_or_default();
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_resolved_and_other_backslashes_stay() {
        assert_eq!(unescape(r"\\\\dc1\\IPC$"), r"\\dc1\IPC$");
        assert_eq!(unescape(r"a\x2cb\x09c"), "a,b\tc");
        assert_eq!(unescape(r"\svcctl\x"), r"\svcctl\x");
        assert_eq!(unescape(r"m\xc3\xbcller"), "müller");
    }

    #[test]
    fn a_row_is_told_by_its_fields() {
        for (text, log) in [
            (r#"{"ts":1,"uid":"C","id.orig_h":"10.0.0.1","request_type":"AS","client":"a/B"}"#, Some("kerberos")),
            (
                r#"{"ts":1,"uid":"C","id_orig_h":"10.0.0.1","endpoint":"samr","operation":"SamrConnect5"}"#,
                Some("dce_rpc"),
            ),
            (r#"{"ts":1,"uid":"C","id":{"orig_h":"10.0.0.1"},"conn_state":"SF"}"#, Some("conn")),
            (r#"{"ts":1,"user":"ann","ip":"192.0.2.1"}"#, None),
        ] {
            assert_eq!(Row::Json(&Json::parse(text).unwrap()).log(), log, "{text}");
        }
    }
}
