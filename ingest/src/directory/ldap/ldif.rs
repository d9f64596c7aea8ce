//! LDIF (RFC 2849): what `ldapsearch`, `ldifde` and [`write()`] print of a directory. A file holds a snapshot whole, security
//! descriptors included, so that a later refresh may start from it.
//!
//! Records of changes (`changetype: modify` …) are no content and are counted; values in other files (`:<`) are not read.

use std::io::{BufRead, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::entry::Entry;
use super::{MAX_ENTRIES, RootDse, Snapshot, attributes};
use crate::Counters;

/// The longest line; a descriptor has 64 KiB at most, a list of values one line each.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The source failed.
    #[error("cannot read")]
    Io(#[from] std::io::Error),
    /// A line that is none of LDIF's.
    #[error("line {line} is no LDIF: {reason}")]
    Syntax {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// More records than are plausible.
    #[error("more than {bound} records")]
    TooLarge {
        /// The bound.
        bound: usize,
    },
    /// There is no domain in it.
    #[error("no record is a domain with a SID: ask for objectClass and objectSid of the domain's own object")]
    NoDomain,
}

/// Whether a text that begins so is LDIF: comments, then a version or a distinguished name.
#[must_use]
pub fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', ' ']));
    let first = lines.next().unwrap_or_default();
    let version = first.strip_prefix("version:").is_some_and(|rest| rest.trim().parse::<u8>().is_ok());
    version
        || first.split_once(':').is_some_and(|(name, rest)| {
            name.eq_ignore_ascii_case("dn") && (rest.contains('=') || rest.starts_with(':') || rest.trim().is_empty())
        })
}

/// Writes a snapshot.
///
/// # Errors
/// Where `out` fails.
pub fn write(snapshot: &Snapshot, out: &mut impl Write) -> std::io::Result<()> {
    let root = &snapshot.root;
    writeln!(out, "version: 1\n")?;
    line(out, "dn", b"")?;
    for (name, value) in [
        ("defaultNamingContext", &root.domain),
        ("configurationNamingContext", &root.configuration),
        ("schemaNamingContext", &root.schema),
        ("rootDomainNamingContext", &root.forest),
    ] {
        line(out, name, value.as_bytes())?;
    }
    if let Some(host) = &root.host {
        line(out, "dnsHostName", host.as_bytes())?;
    }
    if let Some(usn) = root.highest_usn {
        line(out, "highestCommittedUSN", usn.to_string().as_bytes())?;
    }
    if let Some(invocation) = root.invocation {
        line(out, "invocationId", &invocation.to_wire())?;
    }
    for (class, name, ids) in snapshot.schema.iter() {
        writeln!(out)?;
        line(out, "dn", format!("CN={name},{}", root.schema).as_bytes())?;
        line(out, "objectClass", class.as_bytes())?;
        line(out, "lDAPDisplayName", name.as_bytes())?;
        line(out, "schemaIDGUID", &ids.own.to_wire())?;
        if let Some(set) = ids.set {
            line(out, "attributeSecurityGUID", &set.to_wire())?;
        }
    }
    for entry in &snapshot.entries {
        writeln!(out)?;
        line(out, "dn", entry.dn.as_bytes())?;
        for (name, values) in entry.attributes() {
            for value in values {
                line(out, name, value)?;
            }
        }
        if let Some(descriptor) = &entry.descriptor {
            line(out, "nTSecurityDescriptor", descriptor)?;
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, name: &str, value: &[u8]) -> std::io::Result<()> {
    let safe = value.iter().all(|byte| (b' '..0x7f).contains(byte))
        && !value.first().is_some_and(|byte| b" :<".contains(byte))
        && value.last() != Some(&b' ');
    match std::str::from_utf8(value) {
        Ok("") => writeln!(out, "{name}:"),
        Ok(text) if safe => writeln!(out, "{name}: {text}"),
        _ => writeln!(out, "{name}:: {}", BASE64.encode(value)),
    }
}

/// Reads a snapshot. Attributes that are not of interest are left out, records of changes counted.
///
/// # Errors
/// Where it is no LDIF, or holds no domain.
pub fn read(reader: impl Read, counters: &mut Counters) -> Result<Snapshot, Error> {
    let mut lines = Lines::new(reader);
    let mut snapshot = Snapshot::default();
    while let Some(record) = lines.record(counters)? {
        counters.read += 1;
        if record.dn.is_empty() {
            root(&record, &mut snapshot.root);
        } else if record.class("attributeSchema") || record.class("classSchema") {
            snapshot.schema.add(&record);
        } else if snapshot.entries.len() < MAX_ENTRIES {
            snapshot.entries.push(record);
        } else {
            return Err(Error::TooLarge { bound: MAX_ENTRIES });
        }
    }
    infer(&mut snapshot)?;
    snapshot.counters.read = counters.read;
    Ok(snapshot)
}

fn root(record: &Entry, root: &mut RootDse) {
    let text = |name: &str| record.text(name).unwrap_or_default().to_owned();
    *root = RootDse {
        domain: text("defaultNamingContext"),
        configuration: text("configurationNamingContext"),
        schema: text("schemaNamingContext"),
        forest: text("rootDomainNamingContext"),
        host: record.text("dnsHostName").map(str::to_owned),
        highest_usn: record.text("highestCommittedUSN").and_then(|usn| usn.parse().ok()),
        invocation: record.guid("invocationId"),
    };
}

/// What the root DSE would say, of files without it.
fn infer(snapshot: &mut Snapshot) -> Result<(), Error> {
    let root = &mut snapshot.root;
    if root.domain.is_empty() {
        let heads =
            snapshot.entries.iter().filter(|entry| entry.class("domainDNS") && entry.sid("objectSid").is_some());
        let head = heads.min_by_key(|entry| entry.dn.len()).ok_or(Error::NoDomain)?;
        root.domain.clone_from(&head.dn);
    }
    if root.configuration.is_empty() {
        let below = snapshot.entries.iter().find_map(|entry| {
            let at = entry.dn.to_lowercase().find("cn=configuration,dc=")?;
            entry.dn.get(at..).map(str::to_owned)
        });
        root.configuration = below.unwrap_or_else(|| format!("CN=Configuration,{}", root.domain));
    }
    if root.forest.is_empty() {
        root.forest = root.configuration.split_once(',').map(|(_, forest)| forest.to_owned()).unwrap_or_default();
    }
    if root.schema.is_empty() {
        root.schema = format!("CN=Schema,{}", root.configuration);
    }
    Ok(())
}

/// Lines with their continuations joined.
struct Lines<R> {
    reader: std::io::BufReader<R>,
    number: u64,
    /// The line that was read to see whether it continues the one before.
    ahead: Option<String>,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader: std::io::BufReader::with_capacity(1 << 18, reader), number: 0, ahead: None }
    }

    fn raw(&mut self) -> Result<Option<String>, Error> {
        let mut bytes = Vec::new();
        if (&mut self.reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if u64::try_from(bytes.len()).is_ok_and(|length| length >= MAX_LINE_BYTES) {
            return Err(Error::Syntax { line: self.number, reason: "the line is too long" });
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let bytes = if self.number == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn line(&mut self) -> Result<Option<String>, Error> {
        let first = match self.ahead.take() {
            Some(line) => Some(line),
            None => self.raw()?,
        };
        let Some(mut line) = first else { return Ok(None) };
        while let Some(next) = self.raw()? {
            match next.strip_prefix(' ') {
                Some(rest) if !line.is_empty() => line.push_str(rest),
                _ => {
                    self.ahead = Some(next);
                    break;
                }
            }
        }
        Ok(Some(line))
    }

    /// The next record of content.
    fn record(&mut self, counters: &mut Counters) -> Result<Option<Entry>, Error> {
        let mut entry: Option<Entry> = None;
        let mut content = true;
        while let Some(line) = self.line()? {
            if line.starts_with('#') {
                continue;
            }
            if line.is_empty() {
                match entry.take() {
                    Some(entry) if content => return Ok(Some(entry)),
                    Some(_) => counters.ignore("record of a change in LDIF"),
                    None => {}
                }
                content = true;
                continue;
            }
            let syntax = |reason| Error::Syntax { line: self.number, reason };
            let Some((name, value)) = value(&line) else {
                // `-` ends a part of a change.
                if entry.is_some() && line == "-" {
                    continue;
                }
                return Err(syntax("a name and a colon are expected"));
            };
            let Some(value) = value else {
                counters.drop("value of LDIF that is malformed or lies elsewhere");
                continue;
            };
            let base = name.split(';').next().unwrap_or_default();
            match &mut entry {
                None if name.eq_ignore_ascii_case("dn") => {
                    let dn = String::from_utf8(value).map_err(|_| syntax("the name is no text"))?;
                    entry = Some(Entry::new(&dn, &[]));
                }
                None if name.eq_ignore_ascii_case("version") => {}
                // What ldapsearch prints at its end.
                None if ["search", "result", "ref", "control"].iter().any(|word| name.eq_ignore_ascii_case(word)) => {}
                None => return Err(syntax("a record begins with its distinguished name")),
                Some(_) if name.eq_ignore_ascii_case("changetype") => content = value.eq_ignore_ascii_case(b"add"),
                Some(entry) => {
                    if let Some(known) = attributes::known(base) {
                        entry.push(known, value.into_boxed_slice());
                    }
                }
            }
        }
        Ok(entry.filter(|_| content))
    }
}

/// `name: text`, `name:: base64`, `name:< url`; without a value where it cannot be had.
fn value(line: &str) -> Option<(&str, Option<Vec<u8>>)> {
    let (name, rest) = line.split_once(':')?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-;=.*".contains(&byte)) {
        return None;
    }
    let value = match rest.as_bytes().first() {
        Some(b':') => BASE64.decode(rest.get(1..)?.trim()).ok(),
        Some(b'<') => None,
        _ => Some(rest.trim_start_matches(' ').as_bytes().to_vec()),
    };
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: [u8; 24] = [1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];

    fn parse(text: &str) -> Result<(Snapshot, Counters), Error> {
        let mut counters = Counters::default();
        Ok((read(text.as_bytes(), &mut counters)?, counters))
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        let mut snapshot = Snapshot::default();
        snapshot.root.domain = "DC=x".to_owned();
        snapshot.root.configuration = "CN=Configuration,DC=x".to_owned();
        snapshot.root.schema = "CN=Schema,CN=Configuration,DC=x".to_owned();
        snapshot.root.forest = "DC=x".to_owned();
        snapshot.root.highest_usn = Some(7);
        snapshot.root.invocation = Some(hopwatch_model::Guid::from_u128(9));
        let schema =
            [("objectClass", &b"attributeSchema"[..]), ("lDAPDisplayName", b"member"), ("schemaIDGUID", &[3; 16])];
        snapshot.schema.add(&Entry::new("CN=Member", &schema));
        for (dn, description) in
            [("DC=x", " leading"), ("CN=é\\, ü,DC=x", "a\nb"), ("CN=a,DC=x", ""), ("CN=<,DC=x", ":")]
        {
            let values =
                [("objectSid", &SID[..]), ("description", description.as_bytes()), ("nTSecurityDescriptor", &[1, 0])];
            snapshot.entries.push(Entry::new(dn, &values));
        }
        let mut text = Vec::new();
        write(&snapshot, &mut text).unwrap();
        assert!(recognises(&text));
        let mut counters = Counters::default();
        let read = read(&text[..], &mut counters).unwrap();
        assert_eq!((read.root, read.entries), (snapshot.root, snapshot.entries));
        assert_eq!(read.schema.attribute("member"), snapshot.schema.attribute("member"));
        assert!(counters.dropped.is_empty());
    }

    #[test]
    fn lines_are_joined_and_the_domain_is_found_without_a_root() {
        let sid = BASE64.encode(SID);
        let text = format!(
            "# extended LDIF\n#\n\ndn: DC=lab,DC=exam\n ple\nobjectClass: domainDNS\nobjectSid:: {sid}\nmember;range=0-1: \
             CN=a\nunknown: 1\n\ndn: CN=b,CN=Configuration,DC=lab,DC=example\nobjectClass: container\n\n\
             dn: CN=c\nchangetype: modify\nadd: member\nmember: CN=d\n-\n\n# search result\nsearch: 2\nresult: 0 Success\n"
        );
        let (snapshot, counters) = parse(&text).unwrap();
        assert_eq!(snapshot.root.domain, "DC=lab,DC=example");
        assert_eq!(snapshot.root.configuration, "CN=Configuration,DC=lab,DC=example");
        assert_eq!(snapshot.entries[0].texts("member").collect::<Vec<_>>(), ["CN=a"]);
        assert_eq!((snapshot.entries.len(), counters.ignored.len()), (2, 1));
    }

    #[test]
    fn what_is_none_is_an_error_with_its_line() {
        assert!(matches!(parse("dn: CN=a\nno colon\n"), Err(Error::Syntax { line: 2, .. })));
        assert!(matches!(parse("cn: a\n"), Err(Error::Syntax { line: 1, .. })));
        assert!(matches!(parse("dn: CN=a\n"), Err(Error::NoDomain)));
        assert!(!recognises(b"User-Name = \"x\"\n"));
        assert!(!recognises(b"date: 2026\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: Vec<u8>) {
            let _any = read(&text[..], &mut Counters::default()).is_ok();
        }
    }
}
