//! The coverage matrix: which detection needs which source, and which ATT&CK technique it answers, read out of the headers
//! and the code of the detections themselves, so that it cannot drift; and what a given set of sources can and cannot see
//! of it.
//!
//! The kinds of activity that a detection looks at are found by their names in its file. That says what it can use, not
//! that each of them alone is enough: the header's *Evidence it needs* does.

use std::collections::{BTreeMap, BTreeSet};

use crate::frame::Meta;

/// A detection's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it says of itself.
    pub slug: &'static str,
    /// Its title.
    pub title: &'static str,
    /// ATT&CK technique ids.
    pub techniques: &'static [&'static str],
    /// Whether packets show it.
    pub wire: bool,
    /// The Windows event ids that show it.
    pub event_ids: BTreeSet<u32>,
    /// Whether Samba's audit log shows it.
    pub samba: bool,
    /// Whether VPN, RADIUS or cloud sign-ins are its source.
    pub sign_ins: bool,
    /// Whether it reads the directory.
    pub directory: bool,
    /// Whether it compares with learned habits.
    pub habits: bool,
    /// The kinds of activity that it looks at, as in the events' field `what`.
    pub kinds: BTreeSet<&'static str>,
}

/// How much of a detection the present sources show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// None of the kinds of activity that it looks at was ever reported.
    Blind,
    /// Some were, some were not.
    Partial,
    /// All of them were.
    Whole,
}

/// The variants of `model::Activity` with their short names, as the files spell the one and events the other.
const KINDS: &[(&str, &str)] = &[
    ("AccountChange", "account_change"),
    ("Anomaly", "anomaly"),
    ("AsExchange", "as_exchange"),
    ("AuditTampering", "audit_tampering"),
    ("CertificateRequest", "certificate_request"),
    ("DirectoryAccess", "directory_access"),
    ("DirectoryChange", "directory_change"),
    ("DnsQuery", "dns_query"),
    ("GroupChange", "group_change"),
    ("LdapBind", "ldap_bind"),
    ("LdapSearch", "ldap_search"),
    ("Logoff", "logoff"),
    ("Logon", "logon"),
    ("NameObserved", "name_observed"),
    ("NtlmLogon", "ntlm_logon"),
    ("Opaque", "opaque"),
    ("PrivilegeAssignment", "privilege_assignment"),
    ("ProcessStart", "process_start"),
    ("RpcCall", "rpc_call"),
    ("ServiceInstall", "service_install"),
    ("ShareAccess", "share_access"),
    ("SignIn", "sign_in"),
    ("SmbFile", "smb_file"),
    ("SmbSession", "smb_session"),
    ("TaskRegistration", "task_registration"),
    ("TgsExchange", "tgs_exchange"),
    ("TicketUse", "ticket_use"),
];

/// Kinds that merely feed tables: nothing is judged by them.
const FEEDING: &[&str] = &["name_observed", "opaque"];

/// What shared parts of the rules look at for them.
const THROUGH: &[(&str, &[&str])] = &[
    ("Attempt", &["as_exchange", "ntlm_logon", "logon", "ldap_bind"]),
    ("written(", &["directory_change", "account_change"]),
];

/// Every detection's row, by slug.
#[must_use]
pub fn rows() -> Vec<Row> {
    crate::ALL.iter().map(|factory| row(factory.meta())).collect()
}

/// The row of one detection.
#[must_use]
pub fn row(meta: &'static Meta) -> Row {
    let evidence = section(meta.source, "Evidence it needs");
    let decides = section(meta.source, "How it decides");
    let all = format!("{evidence} {decides}").to_lowercase();
    let lower = evidence.to_lowercase();
    let code = code(meta.source);
    Row {
        slug: meta.slug,
        title: meta.title,
        techniques: meta.techniques,
        wire: ["wire", "captur", "packet", "traffic"].iter().any(|word| lower.contains(word)),
        event_ids: event_ids(&evidence),
        samba: lower.contains("samba"),
        sign_ins: ["vpn", "radius", "sign-in"].iter().any(|word| lower.contains(word)),
        directory: code.contains("snapshot")
            && (all.contains("director") || all.contains("graph") || all.contains("tier")),
        habits: ["learn", "baseline", "habit", "histor"].iter().any(|word| all.contains(word)),
        kinds: kinds(&code),
    }
}

impl Row {
    /// How much of it sources show that reported these kinds of activity so often.
    #[must_use]
    pub fn sight(&self, seen: &BTreeMap<String, u64>) -> Sight {
        let missing = self.missing(seen).len();
        match (missing, self.kinds.len()) {
            // A detection over the graph alone is shown by whatever changes the graph.
            (_, 0) | (0, _) => Sight::Whole,
            (missing, all) if missing == all => Sight::Blind,
            _ => Sight::Partial,
        }
    }

    /// The kinds of activity that it looks at and that were never reported.
    #[must_use]
    pub fn missing(&self, seen: &BTreeMap<String, u64>) -> BTreeSet<&'static str> {
        self.kinds.iter().filter(|kind| seen.get(**kind).is_none_or(|count| *count == 0)).copied().collect()
    }
}

/// The docs page: detection × source, then technique × detection.
#[must_use]
pub fn page() -> String {
    use std::fmt::Write as _;
    let rows = rows();
    let mut page = String::from(
        "# Coverage\n\nWhich detection needs which source, and which ATT&CK technique it answers. Printed from the \
         detections' own files. `hopwatch detections coverage --data-dir DIR` and the API's `coverage` say what the \
         present sources show of it.\n\n| detection | packets | Windows event ids | Samba log | sign-ins | directory | \
         habits | ATT&CK |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mark = |set: bool| if set { "●" } else { "" };
    for row in &rows {
        let ids: Vec<String> = row.event_ids.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            page,
            "| [{slug}](detections/{slug}.md) | {} | {} | {} | {} | {} | {} | {} |",
            mark(row.wire),
            ids.join(", "),
            mark(row.samba),
            mark(row.sign_ins),
            mark(row.directory),
            mark(row.habits),
            row.techniques.join(", "),
            slug = row.slug,
        );
    }
    let mut techniques: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &rows {
        row.techniques.iter().for_each(|technique| techniques.entry(technique).or_default().push(row.slug));
    }
    page.push_str("\n## By technique\n\n| ATT&CK | detections |\n|---|---|\n");
    for (technique, slugs) in techniques {
        let _ = writeln!(page, "| {technique} | {} |", slugs.join(", "));
    }
    page
}

/// The text of a section of a header, in one line.
fn section(source: &str, heading: &str) -> String {
    let header = crate::manual::header(source);
    let mut lines = header.lines().skip_while(|line| *line != format!("## {heading}")).skip(1);
    let section: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("## ")).collect();
    section.join(" ")
}

/// The code of a file without header and tests.
fn code(source: &str) -> String {
    let body = source.split("#[cfg(test)]").next().unwrap_or(source);
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn kinds(code: &str) -> BTreeSet<&'static str> {
    let named = |name: &str| {
        code.match_indices(&format!("Activity::{name}"))
            .any(|(at, text)| !code[at + text.len()..].starts_with(|next: char| next.is_ascii_alphanumeric()))
    };
    let mut found: BTreeSet<&'static str> =
        KINDS.iter().filter(|(name, _)| named(name)).map(|(_, kind)| *kind).collect();
    for (part, through) in THROUGH {
        if code.contains(part) {
            found.extend(through.iter().copied());
        }
    }
    found.retain(|kind| !FEEDING.contains(kind));
    found
}

/// Event ids in a text: numbers of three to four digits that stand alone, ranges as `4720 … 4781` not filled in; `Sysmon 1`.
fn event_ids(text: &str) -> BTreeSet<u32> {
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-')).collect();
    let mut found = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        let word = word.trim_matches(['.', '-']);
        let alone = word.len() <= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        let Some(id) = alone.then(|| word.parse::<u32>().ok()).flatten() else { continue };
        let before = at.checked_sub(1).and_then(|before| words.get(before)).copied().unwrap_or_default();
        let spec = ["RFC", "MS", "port", "error", "errors", "type", "class", "opnum", "port:", "§"].contains(&before);
        if before == "Sysmon" || (!spec && known(id)) {
            found.insert(id);
        }
    }
    found
}

/// Ids of records that a source can give; a number of three digits in prose is rarely one.
fn known(id: u32) -> bool {
    use crate::sigma::record::KEPT;
    KEPT.iter().any(|(_, ids)| id >= 100 && ids.contains(&id))
        || matches!(id, 4649 | 4663 | 4674 | 4703 | 4704 | 5805 | 5829 | 4964 | 2889 | 3039)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(slug: &str) -> Row {
        rows().into_iter().find(|row| row.slug == slug).unwrap()
    }

    #[test]
    fn a_row_says_what_the_header_says() {
        let row = named("brute-force");
        assert!(row.wire && row.samba && row.habits && !row.sign_ins);
        assert!(row.event_ids.is_superset(&[4771, 4776, 4625].into()));
        assert!(row.kinds.is_superset(&["as_exchange", "ntlm_logon", "logon"].into()), "{:?}", row.kinds);
        assert!(named("impossible-travel").sign_ins);
        assert!(named("malicious-replication").kinds.contains("rpc_call"));
    }

    #[test]
    fn every_detection_has_a_source() {
        for row in rows() {
            let source = row.wire || row.samba || row.sign_ins || !row.event_ids.is_empty() || row.kinds.is_empty();
            assert!(source, "{} names no source under *Evidence it needs*", row.slug);
        }
    }

    #[test]
    fn what_was_never_reported_cannot_be_seen() {
        let row = named("malicious-replication");
        assert_eq!(row.sight(&BTreeMap::new()), Sight::Blind);
        let one = BTreeMap::from([("rpc_call".to_owned(), 1)]);
        assert_eq!(row.sight(&one), if row.kinds.len() == 1 { Sight::Whole } else { Sight::Partial });
        let all = row.kinds.iter().map(|kind| ((*kind).to_owned(), 1)).collect();
        assert_eq!(row.sight(&all), Sight::Whole);
    }

    #[test]
    fn the_kinds_are_those_of_the_events() {
        let event = crate::testing::as_exchange(0, "a", "b", hopwatch_model::Outcome::Success);
        assert!(KINDS.iter().any(|(_, kind)| *kind == event.activity.name()));
        assert!(page().contains("| [brute-force](detections/brute-force.md) | ● |"));
    }
}
