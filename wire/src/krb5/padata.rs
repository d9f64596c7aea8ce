//! Pre-authentication data (RFC 4120 §5.2.7, RFC 6113 §5.4, `[MS-KILE] 2.2`, `[MS-SFU] 2.2`).

use hopwatch_model::event::Principal;

use super::messages::ApReq;
use super::types::{EncryptedData, fields, list, principal};
use crate::ber::{Element, Reader};
use crate::error::{Error, Result};

/// The numbers of padata types (RFC 4120 §7.5.2 and its registry).
pub mod kind {
    /// PA-TGS-REQ: an AP-REQ.
    pub const TGS_REQ: i32 = 1;
    /// PA-ENC-TIMESTAMP.
    pub const ENC_TIMESTAMP: i32 = 2;
    /// PA-ETYPE-INFO, the old form.
    pub const ETYPE_INFO: i32 = 11;
    /// PA-PK-AS-REQ of PKINIT's drafts, as Windows 2000 sends it.
    pub const PK_AS_REQ_OLD: i32 = 15;
    /// PA-PK-AS-REQ (RFC 4556).
    pub const PK_AS_REQ: i32 = 16;
    /// PA-ETYPE-INFO2.
    pub const ETYPE_INFO2: i32 = 19;
    /// KERB-PA-PAC-REQUEST (`[MS-KILE] 2.2.3`).
    pub const PAC_REQUEST: i32 = 128;
    /// PA-FOR-USER (`[MS-SFU] 2.2.1`).
    pub const FOR_USER: i32 = 129;
    /// PA-S4U-X509-USER (`[MS-SFU] 2.2.2`).
    pub const S4U_X509_USER: i32 = 130;
    /// PA-FX-COOKIE (RFC 6113).
    pub const FX_COOKIE: i32 = 133;
    /// PA-FX-FAST (RFC 6113).
    pub const FX_FAST: i32 = 136;
    /// PA-ENCRYPTED-CHALLENGE (RFC 6113), inside FAST.
    pub const ENCRYPTED_CHALLENGE: i32 = 138;
    /// PA-PAC-OPTIONS (`[MS-KILE] 2.2.10`).
    pub const PAC_OPTIONS: i32 = 167;
}

/// ```text
/// PA-DATA ::= SEQUENCE { padata-type [1] Int32, padata-value [2] OCTET STRING }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PaData<'a> {
    /// The type, one of [`kind`] or another.
    pub kind: i32,
    /// The value: may hold cipher text.
    pub value: &'a [u8],
}

impl std::fmt::Debug for PaData<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PaData").field("kind", &self.kind).field("value_bytes", &self.value.len()).finish()
    }
}

/// How a FAST request is armoured (RFC 6113 §5.4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastArmor<'a> {
    /// The armour's own AP-REQ, in an AS-REQ that of the host's TGT; absent in a TGS-REQ, whose ticket serves.
    pub ap_req: Option<ApReq<'a>>,
    /// The etype of the sealed inner request.
    pub etype: Option<i32>,
}

impl<'a> PaData<'a> {
    pub(super) fn decode(element: Element<'a>) -> Result<Self> {
        let what = "PA-DATA";
        let (mut kind, mut bytes) = (None, &[][..]);
        fields(element.sequence(what)?, what, |number, value| {
            match number {
                1 => kind = Some(value.int32("padata-type")?),
                2 => bytes = value.octets("padata-value")?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { kind: kind.ok_or(Error::Malformed { what, offset: element.offset })?, value: bytes })
    }

    fn value_element(&self) -> Result<Element<'a>> {
        Reader::new(self.value).element()
    }

    /// The EncryptedData of PA-ENC-TIMESTAMP.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn encrypted_data(&self) -> Result<EncryptedData<'a>> {
        EncryptedData::decode(self.value_element()?)
    }

    /// The etypes of ETYPE-INFO or ETYPE-INFO2, in the KDC's order.
    ///
    /// # Errors
    /// Where the value is none of them.
    pub fn etype_info(&self) -> Result<Vec<i32>> {
        list(self.value_element()?, "ETYPE-INFO2", |entry| {
            let mut etype = None;
            fields(entry.sequence("ETYPE-INFO2-ENTRY")?, "ETYPE-INFO2-ENTRY", |number, value| {
                if number == 0 {
                    etype = Some(value.int32("etype")?);
                }
                Ok(())
            })?;
            etype.ok_or(Error::Malformed { what: "ETYPE-INFO2-ENTRY", offset: entry.offset })
        })
    }

    /// Whether KERB-PA-PAC-REQUEST asks for a PAC.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn pac_request(&self) -> Result<bool> {
        let mut include = None;
        fields(self.value_element()?.sequence("KERB-PA-PAC-REQUEST")?, "KERB-PA-PAC-REQUEST", |number, value| {
            if number == 0 {
                include = Some(value.boolean("include-pac")?);
            }
            Ok(())
        })?;
        include.ok_or(Error::Malformed { what: "KERB-PA-PAC-REQUEST", offset: 0 })
    }

    /// The user of PA-FOR-USER: `SEQUENCE { userName [0], userRealm [1], cksum [2], auth-package [3] }`.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn for_user(&self) -> Result<Principal> {
        named(self.value_element()?, "PA-FOR-USER", 0, 1)
    }

    /// The user of PA-S4U-X509-USER: `SEQUENCE { user-id [0] SEQUENCE { nonce [0], cname [1], crealm [2],
    /// subject-certificate [3], options [4] }, checksum [1] }`. The name is empty where only a certificate is given.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn s4u_x509_user(&self) -> Result<Principal> {
        let mut user = None;
        fields(self.value_element()?.sequence("PA-S4U-X509-USER")?, "PA-S4U-X509-USER", |number, value| {
            if number == 0 {
                user = Some(named(value, "S4UUserID", 1, 2)?);
            }
            Ok(())
        })?;
        user.ok_or(Error::Malformed { what: "PA-S4U-X509-USER", offset: 0 })
    }

    /// The flags of PA-PAC-OPTIONS: bit 0 claims, 1 branch aware, 2 forward to full DC, 3 resource-based delegation.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn pac_options(&self) -> Result<u32> {
        let mut flags = 0;
        fields(self.value_element()?.sequence("PA-PAC-OPTIONS")?, "PA-PAC-OPTIONS", |number, value| {
            if number == 0 {
                flags = value.flags("PA-PAC-OPTIONS")?;
            }
            Ok(())
        })?;
        Ok(flags)
    }

    /// The armour of PA-FX-FAST in a request: `CHOICE { armored-data [0] SEQUENCE { armor [0] SEQUENCE { armor-type [0],
    /// armor-value [1] OCTET STRING } OPTIONAL, req-checksum [1], enc-fast-req [2] EncryptedData } }`.
    ///
    /// # Errors
    /// Where the value is none.
    pub fn fast_armor(&self) -> Result<FastArmor<'a>> {
        let what = "PA-FX-FAST-REQUEST";
        let choice = self.value_element()?;
        if !choice.context(0) {
            return Err(Error::Malformed { what, offset: choice.offset });
        }
        let mut armor = FastArmor { ap_req: None, etype: None };
        fields(choice.inner_sequence(what)?, what, |number, value| {
            match number {
                0 => fields(value.sequence("KrbFastArmor")?, "KrbFastArmor", |part, value| {
                    if part == 1 {
                        armor.ap_req = super::decode_ap_req(value.octets("armor-value")?).ok();
                    }
                    Ok(())
                })?,
                2 => armor.etype = Some(EncryptedData::decode(value)?.etype),
                _ => {}
            }
            Ok(())
        })?;
        Ok(armor)
    }
}

/// The principal whose name and realm are two fields of a structure.
fn named(structure: Element<'_>, what: &'static str, name_field: u32, realm_field: u32) -> Result<Principal> {
    let (mut name, mut realm) = (Principal::default(), String::new());
    fields(structure.sequence(what)?, what, |number, value| {
        if number == name_field {
            name = principal(value)?;
        } else if number == realm_field {
            realm = value.text(what)?;
        }
        Ok(())
    })?;
    Ok(Principal { realm, ..name })
}
