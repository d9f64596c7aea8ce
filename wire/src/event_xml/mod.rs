//! Windows event records in their XML form (`[MS-EVEN6] 2.2.12`, event schema of `schemas.microsoft.com/win/2004/08/events/event`):
//! what `wevtutil`, WEF, RawXml columns and the rendering of EVTX records give.
//!
//! The result is the flat view that every carrier of Windows events makes: the `System` part and the leaves of
//! `EventData` or `UserData` by name. Deliberately not read: `RenderingInfo` (localised text), `Correlation`,
//! `Execution`, `Binary` of classic events. No DTD is processed and no entity but the five of XML is expanded.

mod scan;
pub mod time;

use std::borrow::Cow;

use hopwatch_model::Timestamp;

pub use scan::{Scanner, Token, attribute};

use crate::error::{Error, Result};

/// The most leaves of `EventData` or `UserData` that a record may have; the largest schemas have about 50.
pub const MAX_FIELDS: usize = 512;
/// The deepest nesting of elements; templates nest to 5.
pub const MAX_DEPTH: usize = 32;

/// The flat view of a Windows event, borrowed from its carrier.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventRecord<'a> {
    /// `Provider/@Name`, or the event source's name of classic events.
    pub provider: Cow<'a, str>,
    /// The channel: `Security`, `System`, `Microsoft-Windows-Sysmon/Operational`; for forwarded events the original one.
    pub channel: Cow<'a, str>,
    /// The event id, without qualifiers.
    pub event_id: u32,
    /// The host that logged it, as it names itself.
    pub computer: Cow<'a, str>,
    /// `TimeCreated/@SystemTime`; absent where the carrier lost it.
    pub created_at: Option<Timestamp>,
    /// `EventRecordID`.
    pub record_id: Option<u64>,
    /// `Security/@UserID`: the account in whose context the event was written.
    pub user_sid: Cow<'a, str>,
    /// Whether the audit keywords say success or failure (`0x8020000000000000`, `0x8010000000000000`).
    pub audit: Option<Audit>,
    /// The leaves of `EventData` and `UserData`: name and value; the name is empty where the source gave none.
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// What the audit keywords say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Audit success.
    Success,
    /// Audit failure.
    Failure,
}

/// Keyword bit of a successful audit.
const KEYWORD_SUCCESS: u64 = 0x0020_0000_0000_0000;
/// Keyword bit of a failed audit.
const KEYWORD_FAILURE: u64 = 0x0010_0000_0000_0000;

impl Audit {
    /// From the keywords of a record; `None` where neither bit is set.
    #[must_use]
    pub fn from_keywords(keywords: u64) -> Option<Self> {
        if keywords & KEYWORD_FAILURE != 0 {
            Some(Self::Failure)
        } else if keywords & KEYWORD_SUCCESS != 0 {
            Some(Self::Success)
        } else {
            None
        }
    }
}

impl EventRecord<'_> {
    /// The value of a field by name, ASCII case ignored (carriers re-spell names); the first where it repeats.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The value of the n-th field that has no name, counted from 0, as classic providers write them.
    #[must_use]
    pub fn unnamed(&self, index: usize) -> Option<&str> {
        self.fields.iter().filter(|(key, _)| key.is_empty()).nth(index).map(|(_, value)| &**value)
    }
}

/// Which part of the record an element belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Outside,
    System,
    Fields,
    Skipped,
}

/// Reads one `Event` element. `wanted` is asked once `System` is complete; where it says no, the fields are not read,
/// which makes uninteresting records cheap.
///
/// # Errors
/// [`Error::Malformed`] where the text is no event XML, [`Error::Bound`] where a declared bound is exceeded.
pub fn parse_event<'a>(xml: &'a str, wanted: impl Fn(&EventRecord<'_>) -> bool) -> Result<EventRecord<'a>> {
    let mut record = EventRecord::default();
    let mut scanner = Scanner::new(xml);
    let mut reader = Reader { record: &mut record, section: Section::Outside, depth: 0, section_depth: 0, leaf: None };
    let mut seen_system = false;
    while let Some(token) = scanner.next_token()? {
        let offset = scanner.offset();
        match token {
            Token::Open { name, attributes, empty } => {
                if reader.section == Section::Outside {
                    if matches!(name, "EventData" | "UserData" | "DebugData") && seen_system && !wanted(reader.record) {
                        return Ok(record);
                    }
                    seen_system |= name == "System";
                }
                reader.open(name, attributes, empty, offset)?;
            }
            Token::Text(text) => reader.text(text),
            Token::Close { name } => {
                if reader.close(offset)? && name == "Event" {
                    break;
                }
            }
        }
    }
    if !seen_system {
        return Err(Error::Malformed { what: "event XML without System", offset: xml.len() });
    }
    Ok(record)
}

/// Reads the leaves of an `EventData` element that stands alone, as in a SIEM's column.
///
/// # Errors
/// As [`parse_event`].
pub fn parse_event_data(xml: &str) -> Result<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
    let mut record = EventRecord::default();
    let mut scanner = Scanner::new(xml);
    let mut reader = Reader { record: &mut record, section: Section::Outside, depth: 0, section_depth: 0, leaf: None };
    while let Some(token) = scanner.next_token()? {
        let offset = scanner.offset();
        match token {
            Token::Open { name, attributes, empty } => reader.open(name, attributes, empty, offset)?,
            Token::Text(text) => reader.text(text),
            Token::Close { .. } => {
                reader.close(offset)?;
            }
        }
    }
    Ok(record.fields)
}

struct Reader<'r, 'a> {
    record: &'r mut EventRecord<'a>,
    section: Section,
    depth: usize,
    section_depth: usize,
    /// The innermost open element that had no child so far: its name and its text.
    leaf: Option<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Reader<'_, 'a> {
    fn open(&mut self, name: &'a str, attributes: &'a str, empty: bool, offset: usize) -> Result<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(Error::Bound { what: "event XML nesting", offset, bound: MAX_DEPTH });
        }
        let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
        if self.section == Section::Outside {
            let section = match local {
                "System" => Section::System,
                "EventData" | "UserData" | "DebugData" => Section::Fields,
                "RenderingInfo" | "ProcessingErrorData" | "BinaryEventData" => Section::Skipped,
                _ => Section::Outside,
            };
            if section != Section::Outside {
                self.section = section;
                self.section_depth = self.depth;
            }
            self.leaf = None;
        } else {
            if self.section == Section::System {
                self.system_attributes(local, attributes);
            }
            let label = match (self.section, local) {
                (Section::Fields, "Data") => attribute(attributes, "Name").unwrap_or_default(),
                _ => Cow::Borrowed(local),
            };
            self.leaf = Some((label, Cow::Borrowed("")));
        }
        if empty {
            self.close(offset)?;
        }
        Ok(())
    }

    fn text(&mut self, text: Cow<'a, str>) {
        if let Some((_, value)) = &mut self.leaf {
            if value.is_empty() {
                *value = text;
            } else {
                value.to_mut().push_str(&text);
            }
        }
    }

    /// Ends the innermost element; true where it was the outermost.
    fn close(&mut self, offset: usize) -> Result<bool> {
        if let Some((name, value)) = self.leaf.take() {
            match self.section {
                Section::System => self.system_text(&name, value),
                Section::Fields => {
                    if self.record.fields.len() >= MAX_FIELDS {
                        return Err(Error::Bound { what: "event fields", offset, bound: MAX_FIELDS });
                    }
                    self.record.fields.push((name, value));
                }
                Section::Outside | Section::Skipped => {}
            }
        }
        if self.section != Section::Outside && self.depth == self.section_depth {
            self.section = Section::Outside;
        }
        self.depth = self.depth.checked_sub(1).ok_or(Error::Malformed { what: "event XML end tag", offset })?;
        Ok(self.depth == 0)
    }

    fn system_attributes(&mut self, element: &str, attributes: &'a str) {
        match element {
            "Provider" => {
                let name = attribute(attributes, "Name").filter(|name| !name.is_empty());
                if let Some(name) = name.or_else(|| attribute(attributes, "EventSourceName")) {
                    self.record.provider = name;
                }
            }
            "TimeCreated" => {
                self.record.created_at = attribute(attributes, "SystemTime").and_then(|text| time::parse(&text));
            }
            "Security" => {
                if let Some(sid) = attribute(attributes, "UserID") {
                    self.record.user_sid = sid;
                }
            }
            _ => {}
        }
    }

    fn system_text(&mut self, element: &str, value: Cow<'a, str>) {
        match element {
            "EventID" => self.record.event_id = value.trim().parse().unwrap_or(0),
            "EventRecordID" => self.record.record_id = value.trim().parse().ok(),
            "Channel" => self.record.channel = value,
            "Computer" => self.record.computer = value,
            "Keywords" => {
                self.record.audit = value
                    .trim()
                    .strip_prefix("0x")
                    .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                    .and_then(Audit::from_keywords);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "<?xml version='1.0'?><Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\
        <System><Provider Name='P' Guid='{0}'/><EventID Qualifiers='1'>4624</EventID><Keywords>0x8020000000000000</Keywords>\
        <TimeCreated SystemTime='2026-01-01T00:00:00.1234567Z'/><EventRecordID>7</EventRecordID>\
        <Channel>Security</Channel><Computer>dc1.lab.example</Computer><Security UserID='S-1-5-18'/></System>\
        <EventData><Data Name='A'>x &amp; &#x41;</Data><Data Name=\"B\"/><Data>bare</Data><Data Name='C'><![CDATA[<y>]]></Data>\
        </EventData></Event>";

    #[test]
    fn a_record_becomes_flat() {
        let record = parse_event(EVENT, |_| true).unwrap();
        assert_eq!((record.event_id, record.record_id), (4624, Some(7)));
        assert_eq!(record.created_at.unwrap().as_micros(), 1_767_225_600_123_456);
        assert_eq!((&*record.provider, &*record.channel), ("P", "Security"));
        assert_eq!((&*record.computer, &*record.user_sid), ("dc1.lab.example", "S-1-5-18"));
        assert_eq!(record.audit, Some(Audit::Success));
        assert_eq!(record.field("a"), Some("x & A"));
        assert_eq!(record.field("B"), Some(""));
        assert_eq!(record.field("C"), Some("<y>"));
        assert_eq!(record.unnamed(0), Some("bare"));
    }

    #[test]
    fn user_data_is_read_by_its_leaves() {
        let xml = "<Event><System><EventID>1102</EventID></System><UserData><LogFileCleared xmlns='x'>\
                   <SubjectUserName>ann</SubjectUserName></LogFileCleared></UserData></Event>";
        assert_eq!(parse_event(xml, |_| true).unwrap().field("SubjectUserName"), Some("ann"));
    }

    #[test]
    fn unwanted_records_have_no_fields() {
        assert!(parse_event(EVENT, |record| record.event_id == 1).unwrap().fields.is_empty());
    }

    #[test]
    fn every_truncation_is_an_error_or_a_record_and_never_a_panic() {
        for end in 0..EVENT.len() {
            let _ = parse_event(&EVENT[..end], |_| true);
        }
        assert!(parse_event("", |_| true).is_err());
        assert!(parse_event("plain", |_| true).is_err());
        assert!(parse_event(&"<a>".repeat(1000), |_| true).is_err());
    }
}
