//! DNS messages (RFC 1035 §4), dynamic updates (RFC 2136), and the records that tie names to addresses: A, AAAA
//! (RFC 3596), PTR, CNAME, SRV (RFC 2782). LLMNR (RFC 4795), multicast DNS (RFC 6762) and NetBIOS name service
//! (RFC 1002) share the message form. Not decoded: DNSSEC, TSIG and option records; they are passed over by length.
//!
//! A message that breaks off after its questions (a capture cuts it, a datagram lies about its counts) keeps what was
//! read and says so in [`Message::fault`].

mod name;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

pub(crate) use name::read as read_name;

/// Record types that are told apart here.
pub mod record_type {
    /// IPv4 address.
    pub const A: u16 = 1;
    /// Authoritative server.
    pub const NS: u16 = 2;
    /// Canonical name of an alias.
    pub const CNAME: u16 = 5;
    /// Start of a zone.
    pub const SOA: u16 = 6;
    /// Name of an address.
    pub const PTR: u16 = 12;
    /// IPv6 address.
    pub const AAAA: u16 = 28;
    /// NetBIOS name (RFC 1002 §4.2.1.3); in DNS itself NIMLOC.
    pub const NB: u16 = 32;
    /// Service location; in NetBIOS name service the node status.
    pub const SRV: u16 = 33;
    /// Alias of a whole subtree.
    pub const DNAME: u16 = 39;
    /// Incremental zone transfer.
    pub const IXFR: u16 = 251;
    /// Zone transfer.
    pub const AXFR: u16 = 252;
    /// Any type.
    pub const ANY: u16 = 255;
}

/// The opcode of a dynamic update.
pub const OPCODE_UPDATE: u8 = 5;

/// A message.
///
/// ```text
/// id 2 · QR 1 opcode 4 AA TC RD RA Z AD CD rcode 4 · QDCOUNT 2 · ANCOUNT 2 · NSCOUNT 2 · ARCOUNT 2 · sections
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The number that question and answer share.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// 0 query, 5 update; NetBIOS: 5 registration, 6 release, 7 WACK, 8 refresh.
    pub opcode: u8,
    /// Whether it was cut to fit a datagram.
    pub truncated: bool,
    /// 0 no error, 3 no such name, 5 refused.
    pub rcode: u8,
    /// How many answer records the header announces.
    pub answer_count: u16,
    /// The questions; the zone of an update.
    pub questions: Vec<Question>,
    /// The answers; the prerequisites of an update.
    pub answers: Vec<Record<'a>>,
    /// The authority records; what an update changes.
    pub authorities: Vec<Record<'a>>,
    /// Additional records.
    pub additionals: Vec<Record<'a>>,
    /// Why the records end before the counts say.
    pub fault: Option<Error>,
}

/// What is asked. `name · type 2 · class 2`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name as sent, without the final dot; bytes that are no text as `\ddd`.
    pub name: String,
    /// The type.
    pub qtype: u16,
    /// The class, 1 for the Internet; multicast DNS uses the highest bit for itself.
    pub qclass: u16,
}

/// A resource record. `name · type 2 · class 2 · TTL 4 · length 2 · data`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The owner's name.
    pub name: String,
    /// The type.
    pub rtype: u16,
    /// The class; in an update 254 and 255 delete.
    pub class: u16,
    /// How long it may be kept, in seconds.
    pub ttl_secs: u32,
    /// The content.
    pub content: Content<'a>,
}

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A or AAAA.
    Address(IpAddr),
    /// The name that a CNAME, DNAME, NS, PTR or SRV points to.
    Name(String),
    /// Everything else, and empty content in an update.
    Other(&'a [u8]),
}

/// Decodes a message, without the length that precedes it on TCP.
///
/// # Errors
/// Where the header or a question cannot be read; faults in the records behind are in [`Message::fault`].
pub fn decode(bytes: &[u8]) -> Result<Message<'_>> {
    let what = "DNS header";
    let Some(header) = bytes.first_chunk::<12>() else {
        return Err(Error::Incomplete { what, offset: bytes.len(), needed: 12usize.saturating_sub(bytes.len()) });
    };
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let mut message = Message {
        id: word(header[0], header[1]),
        response: header[2] & 0x80 != 0,
        opcode: header[2] >> 3 & 0x0f,
        truncated: header[2] & 0x02 != 0,
        rcode: header[3] & 0x0f,
        answer_count: word(header[6], header[7]),
        questions: Vec::new(),
        answers: Vec::new(),
        authorities: Vec::new(),
        additionals: Vec::new(),
        fault: None,
    };
    let mut cursor = Cursor { message: bytes, at: 12 };
    for _ in 0..word(header[4], header[5]) {
        message.questions.push(cursor.question()?);
    }
    let sections = [
        (message.answer_count, &mut message.answers),
        (word(header[8], header[9]), &mut message.authorities),
        (word(header[10], header[11]), &mut message.additionals),
    ];
    let mut fault = None;
    'sections: for (count, section) in sections {
        for _ in 0..count {
            match cursor.record() {
                Ok(record) => section.push(record),
                Err(error) => {
                    fault = Some(error);
                    break 'sections;
                }
            }
        }
    }
    message.fault = fault;
    Ok(message)
}

/// Where the next field lies; names may point back anywhere into the message.
struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn question(&mut self) -> Result<Question> {
        let name = self.name()?;
        let [type_high, type_low, class_high, class_low] = *self.take("DNS question")?;
        Ok(Question {
            name,
            qtype: u16::from_be_bytes([type_high, type_low]),
            qclass: u16::from_be_bytes([class_high, class_low]),
        })
    }

    fn record(&mut self) -> Result<Record<'a>> {
        let name = self.name()?;
        let head: &[u8; 10] = self.take("DNS record")?;
        let rtype = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let start = self.at;
        let end = start.saturating_add(length);
        let data = self.message.get(start..end).ok_or(Error::Incomplete {
            what: "DNS record content",
            offset: start,
            needed: end.saturating_sub(self.message.len()),
        })?;
        self.at = end;
        Ok(Record {
            name,
            rtype,
            class: u16::from_be_bytes([head[2], head[3]]),
            ttl_secs: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            content: self.content(rtype, data, start)?,
        })
    }

    fn content(&self, rtype: u16, data: &'a [u8], start: usize) -> Result<Content<'a>> {
        let malformed = |what| Error::Malformed { what, offset: start };
        Ok(match rtype {
            _ if data.is_empty() => Content::Other(data),
            record_type::A => {
                let bytes: [u8; 4] = data.try_into().map_err(|_| malformed("A record"))?;
                Content::Address(Ipv4Addr::from(bytes).into())
            }
            record_type::AAAA => {
                let bytes: [u8; 16] = data.try_into().map_err(|_| malformed("AAAA record"))?;
                Content::Address(Ipv6Addr::from(bytes).into())
            }
            record_type::CNAME | record_type::DNAME | record_type::NS | record_type::PTR => {
                Content::Name(name::read(self.message, start)?.0)
            }
            // priority 2 · weight 2 · port 2 · target; a node status has the same number and fails as a name
            record_type::SRV => match name::read(self.message, start.saturating_add(6)) {
                Ok((target, end)) if end == start.saturating_add(data.len()) => Content::Name(target),
                _ => Content::Other(data),
            },
            _ => Content::Other(data),
        })
    }

    fn name(&mut self) -> Result<String> {
        let (name, end) = name::read(self.message, self.at)?;
        self.at = end;
        Ok(name)
    }

    fn take<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N]> {
        let rest = self.message.get(self.at..).unwrap_or_default();
        let chunk = rest.first_chunk::<N>().ok_or(Error::Incomplete {
            what,
            offset: self.at,
            needed: N.saturating_sub(rest.len()),
        })?;
        self.at = self.at.saturating_add(N);
        Ok(chunk)
    }
}
