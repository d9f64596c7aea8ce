//! The exchanges' messages (RFC 4120 §5.4, §5.5, §5.9).

use hopwatch_model::{Timestamp, event::Principal};

use super::padata::{self, PaData};
use super::types::{EncryptedData, Ticket, fields, list, principal, time};
use crate::ber::{Element, Reader};
use crate::error::{Error, Result};

/// ```text
/// KDC-REQ ::= SEQUENCE {
///     pvno     [1] INTEGER (5),
///     msg-type [2] INTEGER (10 | 12),
///     padata   [3] SEQUENCE OF PA-DATA OPTIONAL,
///     req-body [4] KDC-REQ-BODY
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcReq<'a> {
    /// The pre-authentication data.
    pub padata: Vec<PaData<'a>>,
    /// The body.
    pub body: KdcReqBody<'a>,
}

impl<'a> KdcReq<'a> {
    pub(super) fn decode(structure: Reader<'a>) -> Result<Self> {
        let what = "KDC-REQ";
        let (mut padata, mut body) = (Vec::new(), None);
        fields(structure, what, |number, value| {
            match number {
                3 => padata = list(value, "padata", PaData::decode)?,
                4 => body = Some(KdcReqBody::decode(value)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { padata, body: body.ok_or(Error::Malformed { what, offset: structure.offset() })? })
    }

    /// The value of the first padata of a kind.
    #[must_use]
    pub fn padata(&self, kind: i32) -> Option<&PaData<'a>> {
        self.padata.iter().find(|data| data.kind == kind)
    }

    /// The AP-REQ of PA-TGS-REQ, which carries the ticket-granting ticket.
    ///
    /// # Errors
    /// Where there is one that cannot be read.
    pub fn tgs_ap_req(&self) -> Result<Option<ApReq<'a>>> {
        match self.padata(padata::kind::TGS_REQ) {
            Some(data) => super::decode_ap_req(data.value).map(Some),
            None => Ok(None),
        }
    }
}

/// ```text
/// KDC-REQ-BODY ::= SEQUENCE {
///     kdc-options            [0]  KDCOptions,
///     cname                  [1]  PrincipalName OPTIONAL,
///     realm                  [2]  Realm,
///     sname                  [3]  PrincipalName OPTIONAL,
///     from                   [4]  KerberosTime OPTIONAL,
///     till                   [5]  KerberosTime,
///     rtime                  [6]  KerberosTime OPTIONAL,
///     nonce                  [7]  UInt32,
///     etype                  [8]  SEQUENCE OF Int32,
///     addresses              [9]  HostAddresses OPTIONAL,
///     enc-authorization-data [10] EncryptedData OPTIONAL,
///     additional-tickets     [11] SEQUENCE OF Ticket OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KdcReqBody<'a> {
    /// The options, bit 0 the most significant.
    pub kdc_options: u32,
    /// The client, with the realm of the body.
    pub cname: Option<Principal>,
    /// The realm of the service, in an AS-REQ also of the client.
    pub realm: String,
    /// The service, with the realm of the body.
    pub sname: Option<Principal>,
    /// The start time asked for.
    pub from: Option<Timestamp>,
    /// The end time asked for.
    pub till: Option<Timestamp>,
    /// The renewal time asked for.
    pub rtime: Option<Timestamp>,
    /// The nonce; implementations write up to 64 bits, signed or unsigned, so it is held as it is read.
    pub nonce: i64,
    /// The encryption types, in the client's order.
    pub etypes: Vec<i32>,
    /// The NetBIOS name among the addresses (address type 20, RFC 4120 §7.5.3): how Windows names its host.
    pub netbios_address: Option<String>,
    /// The authorization data sent along, sealed.
    pub enc_authorization_data: Option<EncryptedData<'a>>,
    /// The additional tickets: S4U2proxy's evidence, or the TGT of user-to-user.
    pub additional_tickets: Vec<Ticket<'a>>,
}

impl<'a> KdcReqBody<'a> {
    pub(super) fn decode(element: Element<'a>) -> Result<Self> {
        let what = "KDC-REQ-BODY";
        let mut body = Self::default();
        fields(element.sequence(what)?, what, |number, value| {
            match number {
                0 => body.kdc_options = value.flags("kdc-options")?,
                1 => body.cname = Some(principal(value)?),
                2 => body.realm = value.text("realm")?,
                3 => body.sname = Some(principal(value)?),
                4 => body.from = time(value),
                5 => body.till = time(value),
                6 => body.rtime = time(value),
                7 => body.nonce = value.integer("nonce")?,
                8 => body.etypes = list(value, "etype", |etype| etype.int32("etype"))?,
                9 => body.netbios_address = netbios_address(value)?,
                10 => body.enc_authorization_data = Some(EncryptedData::decode(value)?),
                11 => body.additional_tickets = list(value, "additional-tickets", Ticket::decode)?,
                _ => {}
            }
            Ok(())
        })?;
        for name in [&mut body.cname, &mut body.sname].into_iter().flatten() {
            name.realm.clone_from(&body.realm);
        }
        Ok(body)
    }
}

/// `HostAddress ::= SEQUENCE { addr-type [0] Int32, address [1] OCTET STRING }`. The NetBIOS form is 15 characters
/// filled with blanks and a type octet.
fn netbios_address(addresses: Element<'_>) -> Result<Option<String>> {
    let all = list(addresses, "addresses", |address| {
        let (mut kind, mut name) = (0, String::new());
        fields(address.sequence("HostAddress")?, "HostAddress", |number, value| {
            match number {
                0 => kind = value.int32("addr-type")?,
                1 => {
                    let octets = value.octets("address")?;
                    name = String::from_utf8_lossy(octets.get(..15).unwrap_or(octets)).trim().to_owned();
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok((kind == 20 && !name.is_empty()).then_some(name))
    })?;
    Ok(all.into_iter().flatten().next())
}

/// ```text
/// KDC-REP ::= SEQUENCE {
///     pvno     [0] INTEGER (5),
///     msg-type [1] INTEGER (11 | 13),
///     padata   [2] SEQUENCE OF PA-DATA OPTIONAL,
///     crealm   [3] Realm,
///     cname    [4] PrincipalName,
///     ticket   [5] Ticket,
///     enc-part [6] EncryptedData
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KdcRep<'a> {
    /// The pre-authentication data of the reply.
    pub padata: Vec<PaData<'a>>,
    /// The client to whom the ticket was issued.
    pub cname: Principal,
    /// The ticket.
    pub ticket: Ticket<'a>,
    /// The part sealed for the client; its etype is that of the client's key.
    pub enc_part: EncryptedData<'a>,
}

impl<'a> KdcRep<'a> {
    pub(super) fn decode(structure: Reader<'a>) -> Result<Self> {
        let what = "KDC-REP";
        let (mut padata, mut crealm, mut cname) = (Vec::new(), String::new(), Principal::default());
        let (mut ticket, mut enc_part) = (None, None);
        fields(structure, what, |number, value| {
            match number {
                2 => padata = list(value, "padata", PaData::decode)?,
                3 => crealm = value.text("crealm")?,
                4 => cname = principal(value)?,
                5 => ticket = Some(Ticket::decode(value)?),
                6 => enc_part = Some(EncryptedData::decode(value)?),
                _ => {}
            }
            Ok(())
        })?;
        let malformed = Error::Malformed { what, offset: structure.offset() };
        Ok(Self {
            padata,
            cname: Principal { realm: crealm, ..cname },
            ticket: ticket.ok_or(malformed)?,
            enc_part: enc_part.ok_or(malformed)?,
        })
    }
}

/// ```text
/// AP-REQ ::= [APPLICATION 14] SEQUENCE {
///     pvno          [0] INTEGER (5),
///     msg-type      [1] INTEGER (14),
///     ap-options    [2] APOptions,
///     ticket        [3] Ticket,
///     authenticator [4] EncryptedData
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApReq<'a> {
    /// The options: bit 1 use-session-key, bit 2 mutual-required.
    pub ap_options: u32,
    /// The ticket presented.
    pub ticket: Ticket<'a>,
    /// The etype of the authenticator, that is of the session key.
    pub authenticator_etype: Option<i32>,
}

impl<'a> ApReq<'a> {
    pub(super) fn decode(structure: Reader<'a>) -> Result<Self> {
        let what = "AP-REQ";
        let (mut ap_options, mut ticket, mut authenticator_etype) = (0, None, None);
        fields(structure, what, |number, value| {
            match number {
                2 => ap_options = value.flags("ap-options")?,
                3 => ticket = Some(Ticket::decode(value)?),
                4 => authenticator_etype = Some(EncryptedData::decode(value)?.etype),
                _ => {}
            }
            Ok(())
        })?;
        let malformed = Error::Malformed { what, offset: structure.offset() };
        Ok(Self { ap_options, ticket: ticket.ok_or(malformed)?, authenticator_etype })
    }
}

/// ```text
/// KRB-ERROR ::= [APPLICATION 30] SEQUENCE {
///     pvno       [0]  INTEGER (5),          msg-type [1]  INTEGER (30),
///     ctime      [2]  KerberosTime OPTIONAL, cusec   [3]  Microseconds OPTIONAL,
///     stime      [4]  KerberosTime,          susec   [5]  Microseconds,
///     error-code [6]  Int32,
///     crealm     [7]  Realm OPTIONAL,        cname   [8]  PrincipalName OPTIONAL,
///     realm      [9]  Realm,                 sname   [10] PrincipalName,
///     e-text     [11] KerberosString OPTIONAL, e-data [12] OCTET STRING OPTIONAL
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KrbError<'a> {
    /// The code (RFC 4120 §7.5.9).
    pub error_code: i32,
    /// The KDC's time.
    pub stime: Option<Timestamp>,
    /// The client, where the KDC repeats it.
    pub cname: Option<Principal>,
    /// The service.
    pub sname: Principal,
    /// The text, which Heimdal and Samba send.
    pub e_text: Option<String>,
    /// Data whose form depends on the code.
    pub e_data: Option<&'a [u8]>,
}

impl<'a> KrbError<'a> {
    pub(super) fn decode(structure: Reader<'a>) -> Result<Self> {
        let mut error = Self::default();
        let (mut crealm, mut realm, mut code) = (String::new(), String::new(), None);
        fields(structure, "KRB-ERROR", |number, value| {
            match number {
                4 => error.stime = time(value),
                6 => code = Some(value.int32("error-code")?),
                7 => crealm = value.text("crealm")?,
                8 => error.cname = Some(principal(value)?),
                9 => realm = value.text("realm")?,
                10 => error.sname = principal(value)?,
                11 => error.e_text = Some(value.text("e-text")?),
                12 => error.e_data = Some(value.octets("e-data")?),
                _ => {}
            }
            Ok(())
        })?;
        error.error_code = code.ok_or(Error::Malformed { what: "KRB-ERROR", offset: structure.offset() })?;
        error.sname.realm = realm;
        if let Some(cname) = &mut error.cname {
            cname.realm = crealm;
        }
        Ok(error)
    }

    /// The METHOD-DATA of e-data (RFC 4120 §5.9.1): what the KDC offers. Empty where e-data is something else, as the
    /// KERB-ERROR-DATA of `[MS-KILE] 2.2.1` is.
    #[must_use]
    pub fn method_data(&self) -> Vec<PaData<'a>> {
        self.e_data
            .and_then(|data| Reader::new(data).element().ok())
            .and_then(|sequence| list(sequence, "METHOD-DATA", PaData::decode).ok())
            .unwrap_or_default()
    }
}
