//! The SOAP 1.2 envelopes that a source of events sends to its collector (DSP0226 §10.2.9.4, `[MS-WSMV] 3.1.4.1.30`).
//!
//! ```xml
//! <s:Envelope><s:Header>
//!   <a:Action>…/wsman/Events</a:Action> <a:MessageID>uuid:…</a:MessageID> <p:OperationID>uuid:…</p:OperationID>
//!   <m:MachineID>ws1.lab.example</m:MachineID> <e:Identifier>version</e:Identifier> <w:AckRequested/>
//!   <w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="17" IsCurrent="true"/></BookmarkList></w:Bookmark>
//! </s:Header><s:Body><w:Events>
//!   <w:Event Action="…/wsman/Event"><![CDATA[<Event …>…</Event>]]></w:Event>
//! </w:Events></s:Body></s:Envelope>
//! ```
//! Elements are told by their local names at their places; namespaces are not resolved, as prefixes are Windows' own.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::event_xml::{Scanner, Token, attribute};

/// The deepest nesting of an envelope: events that are not in CDATA add theirs.
const MAX_DEPTH: usize = 64;
/// The most events of an envelope; one of 500 kB has some thousand.
pub const MAX_EVENTS: usize = 16_384;
/// The most bookmarks of an envelope: one per channel of the subscription.
pub const MAX_BOOKMARKS: usize = 256;
/// The longest text of a header, in bytes.
const MAX_HEADER: usize = 4096;

/// What a message wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// `…/enumeration/Enumerate`: the subscriptions, please.
    Enumerate,
    /// `…/wsman/Heartbeat`: nothing happened.
    Heartbeat,
    /// `…/wsman/Events`: events.
    Events,
    /// `…/eventing/SubscriptionEnd`: the source gives a subscription up.
    SubscriptionEnd,
    /// `…/wsman/End`: the conversation is over.
    End,
    /// Anything else.
    #[default]
    Other,
}

/// How far a source has sent a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The channel.
    pub channel: String,
    /// The record id of its last event.
    pub record_id: u64,
    /// Whether it is the channel of the last event of all.
    pub current: bool,
}

/// An envelope, borrowed from its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What it wants.
    pub action: Action,
    /// `a:MessageID`, which the answer repeats.
    pub message_id: String,
    /// `p:OperationID`, which the answer repeats.
    pub operation_id: String,
    /// `m:MachineID`: what the source calls itself. Anybody can call himself anything.
    pub machine_id: String,
    /// `e:Identifier`: the version of the subscription that the source works on.
    pub identifier: String,
    /// Whether an answer is wanted before the next message.
    pub ack_requested: bool,
    /// How far each channel was sent, this message included.
    pub bookmarks: Vec<Bookmark>,
    /// The events, each an `Event` element as text.
    pub events: Vec<Cow<'a, str>>,
    /// Events that the source says it dropped (DSP0226 §10.2.9.4 `DroppedEvents`).
    pub dropped: u64,
}

impl<'a> Envelope<'a> {
    /// Reads an envelope.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is no SOAP envelope, [`Error::Bound`] where a declared bound is exceeded.
    pub fn decode(text: &'a str) -> Result<Self> {
        let mut reader =
            Reader { text, envelope: Self::default(), path: Vec::new(), value: String::new(), event: None };
        let mut scanner = Scanner::new(text);
        loop {
            let before = scanner.offset();
            let Some(token) = scanner.next_token()? else { break };
            match token {
                Token::Open { name, attributes, empty } => {
                    reader.open(name, attributes, before, scanner.offset())?;
                    if empty {
                        reader.close(name, before, scanner.offset())?;
                    }
                }
                Token::Text(text) => reader.text(text, scanner.offset())?,
                Token::Close { name } => reader.close(name, before, scanner.offset())?,
            }
        }
        if !reader.path.is_empty() || reader.envelope.action == Action::Other && reader.envelope.message_id.is_empty() {
            return Err(Error::Malformed { what: "SOAP envelope", offset: text.len() });
        }
        Ok(reader.envelope)
    }
}

/// An `Event` of `Events` that is being read.
struct Open<'a> {
    /// Where an `Event` element within begins, where it is not in CDATA.
    inner: Option<usize>,
    cdata: Cow<'a, str>,
}

struct Reader<'a> {
    text: &'a str,
    envelope: Envelope<'a>,
    /// Local names of what is open.
    path: Vec<&'a str>,
    value: String,
    event: Option<Open<'a>>,
}

impl<'a> Reader<'a> {
    fn open(&mut self, name: &'a str, attributes: &'a str, before: usize, offset: usize) -> Result<()> {
        if self.path.len() >= MAX_DEPTH {
            return Err(Error::Bound { what: "SOAP nesting", offset, bound: MAX_DEPTH });
        }
        let name = local(name);
        if self.path.is_empty() && name != "Envelope" {
            return Err(Error::Malformed { what: "SOAP envelope", offset });
        }
        match (self.path.as_slice(), name) {
            (["Envelope", "Body", "Events"], "Event") => {
                if self.envelope.events.len() >= MAX_EVENTS {
                    return Err(Error::Bound { what: "events of an envelope", offset, bound: MAX_EVENTS });
                }
                self.event = Some(Open { inner: None, cdata: Cow::Borrowed("") });
            }
            (["Envelope", "Body", "Events", "Event"], "Event") => {
                if let Some(event) = &mut self.event {
                    event.inner.get_or_insert(before);
                }
            }
            (["Envelope", "Header", "Bookmark", "BookmarkList"], "Bookmark") => self.bookmark(attributes, offset)?,
            _ => {}
        }
        self.path.push(name);
        self.value.clear();
        Ok(())
    }

    fn bookmark(&mut self, attributes: &str, offset: usize) -> Result<()> {
        if self.envelope.bookmarks.len() >= MAX_BOOKMARKS {
            return Err(Error::Bound { what: "bookmarks of an envelope", offset, bound: MAX_BOOKMARKS });
        }
        let channel = attribute(attributes, "Channel").filter(|channel| channel.len() <= MAX_HEADER);
        let record_id = attribute(attributes, "RecordId").and_then(|id| id.parse().ok());
        if let (Some(channel), Some(record_id)) = (channel, record_id) {
            let current = attribute(attributes, "IsCurrent").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            self.envelope.bookmarks.push(Bookmark { channel: channel.into_owned(), record_id, current });
        }
        Ok(())
    }

    fn text(&mut self, text: Cow<'a, str>, offset: usize) -> Result<()> {
        match (self.path.as_slice(), &mut self.event) {
            (["Envelope", "Body", "Events", "Event"], Some(event)) if event.inner.is_none() => {
                if event.cdata.trim().is_empty() {
                    event.cdata = text;
                } else {
                    event.cdata.to_mut().push_str(&text);
                }
            }
            (["Envelope", "Header", _] | ["Envelope", "Body", "Events", "DroppedEvents"], _) => {
                if self.value.len().saturating_add(text.len()) > MAX_HEADER {
                    return Err(Error::Bound { what: "SOAP header", offset, bound: MAX_HEADER });
                }
                self.value.push_str(&text);
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str, before: usize, after: usize) -> Result<()> {
        let offset = before;
        if self.path.last().copied() != Some(local(name)) {
            return Err(Error::Malformed { what: "SOAP end tag", offset });
        }
        match self.path.as_slice() {
            ["Envelope", "Header", header] => {
                let value = self.value.trim().to_owned();
                self.header(header, value);
            }
            ["Envelope", "Body", "Events", "DroppedEvents"] => {
                let count = self.value.trim().parse().unwrap_or(1);
                self.envelope.dropped = self.envelope.dropped.saturating_add(count);
            }
            ["Envelope", "Body", "Events", "Event", "Event"] => {
                if let Some(Open { inner: Some(start), cdata }) = &mut self.event {
                    *cdata = Cow::Borrowed(self.text.get(*start..after).unwrap_or_default());
                }
            }
            ["Envelope", "Body", "Events", "Event"] => {
                if let Some(event) = self.event.take() {
                    self.envelope.events.push(event.cdata);
                }
            }
            _ => {}
        }
        self.value.clear();
        self.path.pop();
        Ok(())
    }

    fn header(&mut self, name: &str, value: String) {
        let envelope = &mut self.envelope;
        match name {
            "Action" => envelope.action = action(&value),
            "MessageID" => envelope.message_id = value,
            "OperationID" => envelope.operation_id = value,
            "MachineID" => envelope.machine_id = value,
            "Identifier" => envelope.identifier = value,
            "AckRequested" => envelope.ack_requested = true,
            _ => {}
        }
    }
}

fn action(uri: &str) -> Action {
    match uri {
        "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate" => Action::Enumerate,
        "http://schemas.dmtf.org/wbem/wsman/1/wsman/Heartbeat" => Action::Heartbeat,
        "http://schemas.dmtf.org/wbem/wsman/1/wsman/Events" => Action::Events,
        "http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscriptionEnd" => Action::SubscriptionEnd,
        "http://schemas.microsoft.com/wbem/wsman/1/wsman/End" => Action::End,
        _ => Action::Other,
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><a:To>https://c:5986/x</a:To>
        <m:MachineID xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/machineid">ws1.lab.example
        </m:MachineID><a:ReplyTo><a:Address>anonymous</a:Address></a:ReplyTo>
        <a:Action s:mustUnderstand="true">http://schemas.dmtf.org/wbem/wsman/1/wsman/Events</a:Action>
        <a:MessageID>uuid:1</a:MessageID><p:OperationID>uuid:2</p:OperationID><e:Identifier>V</e:Identifier>
        <w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="17" IsCurrent="true"/>
        <Bookmark Channel="A &amp; B" RecordId="x"/><Bookmark Channel="System" RecordId="3"/></BookmarkList></w:Bookmark>
        <w:AckRequested/></s:Header>"#;

    fn events(body: &str) -> String {
        format!("{HEAD}<s:Body><w:Events>{body}</w:Events></s:Body></s:Envelope>")
    }

    #[test]
    fn events_come_as_cdata_or_as_elements() {
        let text = events(
            r#"<w:Event Action="e"><![CDATA[<Event><System/></Event>]]></w:Event>
               <w:Event Action="e"> <Event xmlns="x"><System><Event/></System></Event> </w:Event>
               <w:Event Action="e">&lt;Event/&gt;</w:Event><w:DroppedEvents Action="d">5</w:DroppedEvents>"#,
        );
        let envelope = Envelope::decode(&text).unwrap();
        assert_eq!(
            envelope.events,
            ["<Event><System/></Event>", r#"<Event xmlns="x"><System><Event/></System></Event>"#, "<Event/>"]
        );
        assert_eq!((envelope.action, envelope.dropped, envelope.ack_requested), (Action::Events, 5, true));
        assert_eq!((envelope.message_id.as_str(), envelope.machine_id.as_str()), ("uuid:1", "ws1.lab.example"));
        assert_eq!((envelope.operation_id.as_str(), envelope.identifier.as_str()), ("uuid:2", "V"));
        let bookmark = |channel: &str, record_id, current| Bookmark { channel: channel.into(), record_id, current };
        assert_eq!(envelope.bookmarks, [bookmark("Security", 17, true), bookmark("System", 3, false)]);
    }

    #[test]
    fn an_envelope_cut_anywhere_is_refused() {
        let text = events("<w:Event><![CDATA[<Event/>]]></w:Event>");
        assert!(Envelope::decode(&text).is_ok());
        for cut in (0..text.len() - 1).filter(|cut| text.is_char_boundary(*cut)) {
            assert!(Envelope::decode(&text[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_nests_too_deep_or_has_too_much_is_refused() {
        let deep = format!("{}{}", "<Envelope>".repeat(100), "</Envelope>".repeat(100));
        assert!(matches!(Envelope::decode(&deep), Err(Error::Bound { .. })));
        assert!(matches!(Envelope::decode(&events(&"<w:Event/>".repeat(MAX_EVENTS + 1))), Err(Error::Bound { .. })));
        let long = HEAD.replace("uuid:1", &"x".repeat(MAX_HEADER + 1));
        assert!(matches!(Envelope::decode(&format!("{long}</s:Envelope>")), Err(Error::Bound { .. })));
        assert!(Envelope::decode("<html><body>no</body></html>").is_err());
        assert!(Envelope::decode("<a:Envelope></b:Other>").is_err());
    }

    #[test]
    fn every_action_of_a_source_is_known_and_others_are_kept_apart() {
        for (uri, expected) in [
            ("http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate", Action::Enumerate),
            ("http://schemas.dmtf.org/wbem/wsman/1/wsman/Heartbeat", Action::Heartbeat),
            ("http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscriptionEnd", Action::SubscriptionEnd),
            ("http://schemas.microsoft.com/wbem/wsman/1/wsman/End", Action::End),
            ("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", Action::Other),
        ] {
            let text =
                HEAD.replace("http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", uri) + "<s:Body/></s:Envelope>";
            assert_eq!(Envelope::decode(&text).unwrap().action, expected, "{uri}");
        }
    }
}
