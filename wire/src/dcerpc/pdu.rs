//! Protocol data units, C706 §12.6.4.
//!
//! ```text
//! rpc_vers=5 rpc_vers_minor=0|1 PTYPE pfc_flags packed_drep\[4\] frag_length\[2\] auth_length\[2\] call_id\[4\]   body
//! [ auth_pad  auth_type auth_level auth_pad_length auth_reserved auth_context_id\[4\] auth_value[auth_length] ]
//! ```

use hopwatch_model::Guid;

use super::{NDR64, NdrSyntax};
use crate::error::{Error, Result};
use crate::reader::Reader;

/// The size of the common header.
pub const HEADER_SIZE: usize = 16;

/// The most presentation contexts of one bind; Windows offers at most a handful.
const MAX_CONTEXTS: u8 = 64;

/// pfc_flags (C706 §12.6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PfcFlags(pub u8);

impl PfcFlags {
    /// PFC_FIRST_FRAG.
    #[must_use]
    pub fn first(self) -> bool {
        self.0 & 1 != 0
    }

    /// PFC_LAST_FRAG.
    #[must_use]
    pub fn last(self) -> bool {
        self.0 & 2 != 0
    }

    /// PFC_OBJECT_UUID.
    fn object(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// An interface offered in a bind, under its presentation context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abstract {
    /// p_cont_id.
    pub context_id: u16,
    /// The interface's UUID.
    pub interface: Guid,
    /// Its major version.
    pub version: u16,
    /// Whether NDR64 is the sole transfer syntax offered in this context.
    pub ndr64: bool,
}

/// The server's answer to one presentation context, in the order of the bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Whether the context was accepted.
    pub accepted: bool,
    /// How stubs are encoded in it.
    pub syntax: NdrSyntax,
}

/// The security trailer (`[MS-RPCE] 2.2.2.11`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    /// auth_type: 9 SPNEGO, 10 NTLM, 14 TLS, 16 Kerberos, 68 Netlogon.
    pub kind: u8,
    /// auth_level: 2 connect, 3 call, 4 packet, 5 integrity, 6 privacy.
    pub level: u8,
    /// auth_context_id.
    pub context_id: u32,
    /// auth_value.
    pub value: &'a [u8],
}

/// Why a bind or a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Fault status, or provider_reject_reason of a bind_nak.
    pub status: u32,
}

/// The body of a PDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// bind (11) or alter_context (14).
    Bind(Vec<Abstract>),
    /// bind_ack (12) or alter_context_resp (15).
    BindAck(Vec<Accepted>),
    /// bind_nak (13).
    BindNak(Rejection),
    /// rpc_auth_3 (16): the third leg of NTLM.
    Auth3,
    /// request (0).
    Request {
        /// p_cont_id.
        context_id: u16,
        /// opnum.
        opnum: u16,
        /// The object's UUID, for DCOM the IPID.
        object: Option<Guid>,
        /// Stub data of this fragment, padding removed.
        stub: &'a [u8],
    },
    /// response (2).
    Response {
        /// p_cont_id.
        context_id: u16,
        /// Stub data of this fragment, padding removed.
        stub: &'a [u8],
    },
    /// fault (3).
    Fault(Rejection),
    /// Others: shutdown, co_cancel, orphaned.
    Other(u8),
}

/// A PDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu<'a> {
    /// pfc_flags.
    pub flags: PfcFlags,
    /// Whether integers are big-endian (packed_drep).
    pub big_endian: bool,
    /// call_id.
    pub call_id: u32,
    /// The body.
    pub body: Body<'a>,
    /// The security trailer.
    pub auth: Option<Auth<'a>>,
}

/// Integers in the sender's byte order.
struct Fields<'a> {
    reader: Reader<'a>,
    big_endian: bool,
}

impl Fields<'_> {
    fn u16(&mut self) -> Result<u16> {
        let value = self.reader.u16()?;
        Ok(if self.big_endian { value.swap_bytes() } else { value })
    }

    fn u32(&mut self) -> Result<u32> {
        let value = self.reader.u32()?;
        Ok(if self.big_endian { value.swap_bytes() } else { value })
    }

    fn guid(&mut self) -> Result<Guid> {
        let bytes: [u8; 16] = self.reader.array()?;
        // In big-endian representation the wire order is the written order.
        Ok(if self.big_endian { Guid::from_u128(u128::from_be_bytes(bytes)) } else { Guid::from_wire(bytes) })
    }
}

/// True where bytes begin like a PDU: version 5.0 or 5.1, a type that exists, a sane representation.
#[must_use]
pub fn looks_like_pdu(bytes: &[u8]) -> bool {
    matches!(bytes, [5, 0 | 1, 0 | 2 | 3 | 11..=19, _, 0x00 | 0x10, 0, 0, 0, ..])
}

/// The length of the PDU that begins here, from its first ten bytes.
///
/// # Errors
/// [`Error::Incomplete`] below ten bytes, [`Error::Malformed`] where it is no PDU.
pub fn frame_length(bytes: &[u8]) -> Result<usize> {
    let mut reader = Reader::new(bytes, "DCE/RPC header");
    let head: [u8; 8] = reader.array()?;
    let length: [u8; 2] = reader.array()?;
    if !looks_like_pdu(&head) {
        return Err(Error::Malformed { what: "DCE/RPC header", offset: 0 });
    }
    let length = if head.get(4).is_some_and(|drep| drep & 0x10 == 0) {
        u16::from_be_bytes(length)
    } else {
        u16::from_le_bytes(length)
    };
    let length = usize::from(length);
    if length < HEADER_SIZE { Err(Error::Malformed { what: "DCE/RPC frag_length", offset: 8 }) } else { Ok(length) }
}

/// Decodes one whole PDU.
///
/// # Errors
/// Where it is cut off, no PDU, or its security trailer does not fit.
pub fn decode(bytes: &[u8]) -> Result<Pdu<'_>> {
    let length = frame_length(bytes)?;
    let mut whole = Reader::new(bytes, "DCE/RPC PDU");
    let frame = whole.take(length)?;
    let mut reader = Reader::new(frame, "DCE/RPC PDU");
    reader.skip(2)?;
    let kind = reader.u8()?;
    let flags = PfcFlags(reader.u8()?);
    let big_endian = reader.u8()? & 0x10 == 0;
    reader.skip(5)?;
    let mut fields = Fields { reader, big_endian };
    let auth_length = usize::from(fields.u16()?);
    let call_id = fields.u32()?;
    let (auth, body_end) = trailer(frame, auth_length, big_endian)?;
    let body_bytes = frame.get(..body_end).ok_or_else(|| fields.reader.malformed())?;
    let mut body_reader = Reader::new(body_bytes, "DCE/RPC body");
    body_reader.skip(HEADER_SIZE)?;
    let fields = Fields { reader: body_reader, big_endian };
    let body = body(kind, flags, fields)?;
    Ok(Pdu { flags, big_endian, call_id, body, auth })
}

/// The security trailer, and where the body ends before it and its padding.
fn trailer(frame: &[u8], auth_length: usize, big_endian: bool) -> Result<(Option<Auth<'_>>, usize)> {
    if auth_length == 0 {
        return Ok((None, frame.len()));
    }
    let malformed = Error::Malformed { what: "DCE/RPC sec_trailer", offset: frame.len() };
    let start = frame.len().checked_sub(auth_length).and_then(|at| at.checked_sub(8)).ok_or(malformed)?;
    let mut reader = Reader::new(frame, "DCE/RPC sec_trailer");
    reader.seek(start)?;
    let (kind, level, padding) = (reader.u8()?, reader.u8()?, reader.u8()?);
    reader.skip(1)?;
    let mut fields = Fields { reader, big_endian };
    let context_id = fields.u32()?;
    let value = fields.reader.take(auth_length)?;
    let end = start.checked_sub(usize::from(padding)).filter(|end| *end >= HEADER_SIZE).ok_or(malformed)?;
    Ok((Some(Auth { kind, level, context_id, value }), end))
}

fn body<'a>(kind: u8, flags: PfcFlags, mut fields: Fields<'a>) -> Result<Body<'a>> {
    Ok(match kind {
        0 => {
            fields.u32()?;
            let (context_id, opnum) = (fields.u16()?, fields.u16()?);
            let object = if flags.object() { Some(fields.guid()?) } else { None };
            Body::Request { context_id, opnum, object, stub: fields.reader.rest() }
        }
        2 => {
            fields.u32()?;
            let context_id = fields.u16()?;
            fields.reader.skip(2)?;
            Body::Response { context_id, stub: fields.reader.rest() }
        }
        3 => {
            fields.u32()?;
            fields.reader.skip(4)?;
            Body::Fault(Rejection { status: fields.u32()? })
        }
        11 | 14 => Body::Bind(bind(&mut fields)?),
        12 | 15 => Body::BindAck(bind_ack(&mut fields)?),
        13 => Body::BindNak(Rejection { status: u32::from(fields.u16()?) }),
        16 => Body::Auth3,
        other => Body::Other(other),
    })
}

/// p_context_elem of a bind, C706 §12.6.3.1: max_xmit_frag, max_recv_frag, assoc_group_id, n_context_elem, and per
/// element p_cont_id, n_transfer_syn, abstract_syntax (UUID, version), transfer_syntaxes.
fn bind(fields: &mut Fields<'_>) -> Result<Vec<Abstract>> {
    fields.reader.skip(8)?;
    let count = fields.reader.u8()?;
    if count > MAX_CONTEXTS {
        return Err(fields.reader.bound(usize::from(MAX_CONTEXTS)));
    }
    fields.reader.skip(3)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let context_id = fields.u16()?;
        let syntaxes = fields.reader.u8()?;
        fields.reader.skip(1)?;
        let interface = fields.guid()?;
        let version = fields.u32()?;
        let mut ndr64 = syntaxes > 0;
        for _ in 0..syntaxes {
            ndr64 &= fields.guid()? == NDR64;
            fields.u32()?;
        }
        // The low half of the version is the major one in either byte order.
        let [low_0, low_1, ..] = version.to_le_bytes();
        found.push(Abstract { context_id, interface, version: u16::from_le_bytes([low_0, low_1]), ndr64 });
    }
    Ok(found)
}

/// p_result_list of a bind_ack, C706 §12.6.4.4: max_xmit_frag, max_recv_frag, assoc_group_id, sec_addr, and results.
fn bind_ack(fields: &mut Fields<'_>) -> Result<Vec<Accepted>> {
    fields.reader.skip(8)?;
    let address = usize::from(fields.u16()?);
    fields.reader.skip(address)?;
    fields.reader.align(4)?;
    let count = fields.reader.u8()?;
    if count > MAX_CONTEXTS {
        return Err(fields.reader.bound(usize::from(MAX_CONTEXTS)));
    }
    fields.reader.skip(3)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let result = fields.u16()?;
        fields.u16()?;
        let syntax = if fields.guid()? == NDR64 { NdrSyntax::Ndr64 } else { NdrSyntax::Ndr };
        fields.u32()?;
        found.push(Accepted { accepted: result == 0, syntax });
    }
    Ok(found)
}
