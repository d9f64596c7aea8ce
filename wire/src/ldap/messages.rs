//! The envelope, the operations and their results (RFC 4511 §4.1, §4.2.2, §4.5.2, §4.12).

use super::list;
use super::request::{Attribute, BindRequest, Change, ModifyDn, SearchRequest};
use crate::ber::{Element, Reader, tag};
use crate::error::{Error, Result};

/// ```text
/// LDAPMessage ::= SEQUENCE {
///     messageID  MessageID,
///     protocolOp CHOICE { … },
///     controls   [0] Controls OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdapMessage<'a> {
    /// Ties answers to their request; 0 for a notice of the server's.
    pub id: i64,
    /// The operation.
    pub operation: Operation<'a>,
    /// The controls.
    pub controls: Vec<Control<'a>>,
}

/// A control: `SEQUENCE { controlType LDAPOID, criticality BOOLEAN DEFAULT FALSE, controlValue OCTET STRING OPTIONAL }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    /// Its OID in dots: 1.2.840.113556.1.4.801 SD flags, .319 paging, .841 DirSync …
    pub oid: String,
    /// Whether the server must refuse what it does not know.
    pub critical: bool,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// An operation, by its application tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// 0.
    BindRequest(BindRequest<'a>),
    /// 1: the result and the server's SASL credentials.
    BindResponse(LdapResult, Option<&'a [u8]>),
    /// 2.
    Unbind,
    /// 3.
    SearchRequest(SearchRequest),
    /// 4: the DN of the entry.
    SearchResultEntry(String),
    /// 5.
    SearchResultDone(LdapResult),
    /// 6: the DN and the changes.
    ModifyRequest(String, Vec<Change<'a>>),
    /// 7.
    ModifyResponse(LdapResult),
    /// 8: the DN and the attributes.
    AddRequest(String, Vec<Attribute<'a>>),
    /// 9.
    AddResponse(LdapResult),
    /// 10: the DN.
    DelRequest(String),
    /// 11.
    DelResponse(LdapResult),
    /// 12.
    ModifyDnRequest(ModifyDn),
    /// 13.
    ModifyDnResponse(LdapResult),
    /// 14: the DN.
    CompareRequest(String),
    /// 15.
    CompareResponse(LdapResult),
    /// 16: the message id that is given up.
    Abandon(i64),
    /// 19.
    SearchResultReference,
    /// 23: the OID and the value.
    ExtendedRequest(String, Option<&'a [u8]>),
    /// 24.
    ExtendedResponse(LdapResult),
    /// 25.
    Intermediate,
}

/// `SEQUENCE { resultCode ENUMERATED, matchedDN LDAPDN, diagnosticMessage LDAPString, referral [3] OPTIONAL }`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LdapResult {
    /// The code: 0 success, 14 SASL bind in progress, 49 invalid credentials, 50 insufficient rights.
    pub code: u32,
    /// The message; Windows puts its own error code in it (`data 52e`).
    pub message: String,
}

impl<'a> LdapMessage<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// [`Error::Incomplete`] where bytes are missing at the end, else where it is no LDAP message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut envelope = Reader::new(bytes).sequence("LDAPMessage")?;
        let id = envelope.universal(tag::INTEGER, "messageID")?.integer("messageID")?;
        let operation = Operation::decode(envelope.element()?)?;
        let controls = match envelope.optional_context(0)? {
            Some(controls) => list(controls.children("controls")?, "controls", Control::decode)?,
            None => Vec::new(),
        };
        Ok(Self { id, operation, controls })
    }
}

impl<'a> Control<'a> {
    fn decode(element: Element<'a>) -> Result<Self> {
        let mut parts = element.sequence("Control")?;
        let oid = parts.universal(tag::OCTET_STRING, "controlType")?.text("controlType")?;
        let (mut critical, mut value) = (false, None);
        while let Some(part) = parts.next_element()? {
            match part.tag {
                tag::BOOLEAN => critical = part.boolean("criticality")?,
                tag::OCTET_STRING => value = Some(part.octets("controlValue")?),
                _ => {}
            }
        }
        Ok(Self { oid, critical, value })
    }
}

impl<'a> Operation<'a> {
    fn decode(element: Element<'a>) -> Result<Self> {
        let malformed = Error::Malformed { what: "protocolOp", offset: element.offset };
        if !element.application(element.tag) {
            return Err(malformed);
        }
        Ok(match element.tag {
            0 => Self::BindRequest(BindRequest::decode(element)?),
            1 => bind_response(element)?,
            2 => Self::Unbind,
            3 => Self::SearchRequest(SearchRequest::decode(element)?),
            4 => Self::SearchResultEntry(element.children("SearchResultEntry")?.element()?.text("objectName")?),
            5 => Self::SearchResultDone(LdapResult::decode(element)?),
            6 => Change::decode_request(element)?,
            7 => Self::ModifyResponse(LdapResult::decode(element)?),
            8 => Attribute::decode_add(element)?,
            9 => Self::AddResponse(LdapResult::decode(element)?),
            10 => Self::DelRequest(element.text("DelRequest")?),
            11 => Self::DelResponse(LdapResult::decode(element)?),
            12 => Self::ModifyDnRequest(ModifyDn::decode(element)?),
            13 => Self::ModifyDnResponse(LdapResult::decode(element)?),
            14 => Self::CompareRequest(element.children("CompareRequest")?.element()?.text("entry")?),
            15 => Self::CompareResponse(LdapResult::decode(element)?),
            16 => Self::Abandon(element.integer("AbandonRequest")?),
            19 => Self::SearchResultReference,
            23 => extended_request(element)?,
            24 => Self::ExtendedResponse(LdapResult::decode(element)?),
            25 => Self::Intermediate,
            _ => return Err(malformed),
        })
    }
}

impl LdapResult {
    fn decode(element: Element<'_>) -> Result<Self> {
        Ok(Self::read(&mut element.children("LDAPResult")?)?.0)
    }

    /// Reads the result's own fields; what follows stays in the reader. Also returns matchedDN, which sicily fills with its
    /// token.
    fn read<'a>(parts: &mut Reader<'a>) -> Result<(Self, &'a [u8])> {
        let code = parts.universal(tag::ENUMERATED, "resultCode")?.unsigned32("resultCode")?;
        let matched = parts.universal(tag::OCTET_STRING, "matchedDN")?.octets("matchedDN")?;
        let message = parts.universal(tag::OCTET_STRING, "diagnosticMessage")?.text("diagnosticMessage")?;
        Ok((Self { code, message }, matched))
    }
}

/// `BindResponse ::= [APPLICATION 1] SEQUENCE { COMPONENTS OF LDAPResult, serverSaslCreds [7] OCTET STRING OPTIONAL }`.
/// Sicily's challenge stands in the place of matchedDN.
fn bind_response(element: Element<'_>) -> Result<Operation<'_>> {
    let mut parts = element.children("BindResponse")?;
    let (result, matched) = LdapResult::read(&mut parts)?;
    let mut credentials = matched.starts_with(b"NTLMSSP\0").then_some(matched);
    while let Some(part) = parts.next_element()? {
        if part.context(7) {
            credentials = Some(part.octets("serverSaslCreds")?);
        }
    }
    Ok(Operation::BindResponse(result, credentials))
}

/// `ExtendedRequest ::= [APPLICATION 23] SEQUENCE { requestName [0] LDAPOID, requestValue [1] OCTET STRING OPTIONAL }`
fn extended_request(element: Element<'_>) -> Result<Operation<'_>> {
    let what = "ExtendedRequest";
    let mut parts = element.children(what)?;
    let name =
        parts.optional_context(0)?.ok_or(Error::Malformed { what, offset: element.offset })?.text("requestName")?;
    let value = match parts.optional_context(1)? {
        Some(value) => Some(value.octets("requestValue")?),
        None => None,
    };
    Ok(Operation::ExtendedRequest(name, value))
}
