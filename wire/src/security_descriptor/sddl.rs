//! Security descriptors as text, the language of `[MS-DTYP] 2.5.1`: for people, and to compare our reading with others'.
//!
//! Rights are written in Windows' order by their two letters where all bits have some, else in hexadecimal. Well-known
//! trustees have their two letters. Conditions and claims are written as `#` and their bytes, which is no SDDL.

use std::fmt::Write as _;

use hopwatch_model::{Guid, Sid};

use super::ace::{Access, Ace, AceBody};
use super::acl::Acl;
use super::sid::SidRef;
use super::{AclField, SecurityDescriptor, control};

impl SecurityDescriptor<'_> {
    /// The descriptor as SDDL; `domain` is the domain whose administrators are `DA`, and so on.
    #[must_use]
    pub fn to_sddl(&self, domain: Option<&Sid>) -> String {
        let mut out = String::new();
        for (tag, sid) in [("O:", self.owner), ("G:", self.group)] {
            if let Some(sid) = sid {
                out.push_str(tag);
                trustee(&mut out, &sid, domain);
            }
        }
        let dacl = [control::DACL_PROTECTED, control::DACL_AUTO_INHERIT_REQ, control::DACL_AUTO_INHERITED];
        let sacl = [control::SACL_PROTECTED, control::SACL_AUTO_INHERIT_REQ, control::SACL_AUTO_INHERITED];
        list(&mut out, "D:", &self.dacl, &self.flags(dacl), domain);
        list(&mut out, "S:", &self.sacl, &self.flags(sacl), domain);
        out
    }

    fn flags(&self, bits: [u16; 3]) -> String {
        let letters = bits.iter().zip(["P", "AR", "AI"]);
        letters.filter(|(bit, _)| self.control & **bit != 0).map(|(_, letter)| letter).collect()
    }
}

fn list(out: &mut String, tag: &str, field: &AclField<'_>, flags: &str, domain: Option<&Sid>) {
    match field {
        AclField::Absent => {}
        AclField::Null => {
            out.push_str(tag);
            out.push_str(flags);
            out.push_str("NO_ACCESS_CONTROL");
        }
        AclField::Present(acl) => {
            out.push_str(tag);
            out.push_str(flags);
            entries(out, acl, domain);
        }
    }
}

fn entries(out: &mut String, acl: &Acl<'_>, domain: Option<&Sid>) {
    for ace in acl.aces() {
        match ace {
            Ok(ace) => entry(out, &ace, domain),
            Err(_) => out.push_str("(malformed)"),
        }
    }
}

fn entry(out: &mut String, ace: &Ace<'_>, domain: Option<&Sid>) {
    let mut flags = String::new();
    for (bit, letters) in FLAGS {
        if ace.flags.0 & bit != 0 {
            flags.push_str(letters);
        }
    }
    out.push('(');
    match &ace.body {
        AceBody::Access(access) => {
            let _ = write!(out, "{};{flags};", code(ace.code, access));
            rights(out, access.mask);
            guid(out, access.types.object);
            guid(out, access.types.inherited);
            out.push(';');
            trustee(out, &access.trustee, domain);
            bytes(out, access.data);
        }
        AceBody::MandatoryLabel { policy, level } => {
            let _ = write!(out, "ML;{flags};{policy:#x};;;");
            trustee(out, level, domain);
        }
        AceBody::ResourceAttribute { trustee: who, claim } => {
            let _ = write!(out, "RA;{flags};;;;");
            trustee(out, who, domain);
            bytes(out, claim);
        }
        AceBody::ScopedPolicy { policy } => {
            let _ = write!(out, "SP;{flags};;;;");
            trustee(out, policy, domain);
        }
        AceBody::Unknown(body) => {
            let _ = write!(out, "{:#04x};{flags}", ace.code);
            bytes(out, body);
        }
    }
    out.push(')');
}

fn bytes(out: &mut String, data: &[u8]) {
    if !data.is_empty() {
        out.push_str(";#");
        data.iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
    }
}

fn guid(out: &mut String, guid: Option<Guid>) {
    out.push(';');
    if let Some(guid) = guid {
        let _ = write!(out, "{guid}");
    }
}

/// `A`, `OA`, `XA` …: `[MS-DTYP] 2.5.1.1`, `ace-type`.
fn code(code: u8, access: &Access<'_>) -> &'static str {
    use super::ace::Effect::{Alarm, Allow, Audit, Deny};
    match (access.effect, access.object_form, access.callback) {
        (Allow, false, false) => "A",
        (Deny, false, false) => "D",
        (Audit, false, false) => "AU",
        (Alarm, false, false) => "AL",
        (Allow, true, false) => "OA",
        (Deny, true, false) => "OD",
        (Audit, true, false) => "OU",
        (Alarm, true, false) => "OL",
        (Allow, false, true) => "XA",
        (Deny, false, true) => "XD",
        (Audit, false, true) => "XU",
        (Allow, true, true) => "ZA",
        (Deny, true, true) => "0x0c",
        (Audit, true, true) => "0x0f",
        (Alarm, _, true) if code == 0x0e => "0x0e",
        (Alarm, _, true) => "0x10",
    }
}

const FLAGS: [(u8, &str); 7] =
    [(0x01, "OI"), (0x02, "CI"), (0x04, "NP"), (0x08, "IO"), (0x10, "ID"), (0x40, "SA"), (0x80, "FA")];

const RIGHTS: [(u32, &str); 17] = [
    (0x1000_0000, "GA"),
    (0x8000_0000, "GR"),
    (0x4000_0000, "GW"),
    (0x2000_0000, "GX"),
    (0x1, "CC"),
    (0x2, "DC"),
    (0x4, "LC"),
    (0x8, "SW"),
    (0x10, "RP"),
    (0x20, "WP"),
    (0x40, "DT"),
    (0x80, "LO"),
    (0x100, "CR"),
    (0x1_0000, "SD"),
    (0x2_0000, "RC"),
    (0x4_0000, "WD"),
    (0x8_0000, "WO"),
];

fn rights(out: &mut String, mask: u32) {
    let known = RIGHTS.iter().fold(0, |all, (bit, _)| all | bit);
    if mask & !known != 0 {
        let _ = write!(out, "{mask:#x}");
        return;
    }
    RIGHTS.iter().filter(|(bit, _)| mask & bit != 0).for_each(|(_, letters)| out.push_str(letters));
}

/// Trustees that are the same everywhere, `[MS-DTYP] 2.4.2.4`: authority, sub-authorities, letters.
const WELL_KNOWN: [(u64, &[u32], &str); 38] = [
    (1, &[0], "WD"),
    (3, &[0], "CO"),
    (3, &[1], "CG"),
    (3, &[4], "OW"),
    (5, &[2], "NU"),
    (5, &[4], "IU"),
    (5, &[6], "SU"),
    (5, &[7], "AN"),
    (5, &[9], "ED"),
    (5, &[10], "PS"),
    (5, &[11], "AU"),
    (5, &[12], "RC"),
    (5, &[18], "SY"),
    (5, &[19], "LS"),
    (5, &[20], "NS"),
    (5, &[33], "WR"),
    (5, &[32, 544], "BA"),
    (5, &[32, 545], "BU"),
    (5, &[32, 546], "BG"),
    (5, &[32, 547], "PU"),
    (5, &[32, 548], "AO"),
    (5, &[32, 549], "SO"),
    (5, &[32, 550], "PO"),
    (5, &[32, 551], "BO"),
    (5, &[32, 552], "RE"),
    (5, &[32, 554], "RU"),
    (5, &[32, 555], "RD"),
    (5, &[32, 556], "NO"),
    (5, &[32, 558], "MU"),
    (5, &[32, 559], "LU"),
    (5, &[32, 568], "IS"),
    (5, &[32, 569], "CY"),
    (5, &[32, 573], "ER"),
    (5, &[32, 574], "CD"),
    (16, &[4096], "LW"),
    (16, &[8192], "ME"),
    (16, &[12288], "HI"),
    (16, &[16384], "SI"),
];

/// Trustees of a domain by their RID.
const OF_DOMAIN: [(u32, &str); 15] = [
    (498, "RO"),
    (500, "LA"),
    (501, "LG"),
    (512, "DA"),
    (513, "DU"),
    (514, "DG"),
    (515, "DC"),
    (516, "DD"),
    (517, "CA"),
    (518, "SA"),
    (519, "EA"),
    (520, "PA"),
    (522, "CN"),
    (526, "KA"),
    (553, "RS"),
];

fn trustee(out: &mut String, sid: &SidRef<'_>, domain: Option<&Sid>) {
    let parts: Vec<u32> = sid.sub_authorities().collect();
    let well_known = WELL_KNOWN.iter().find(|(authority, known, _)| *authority == sid.authority() && **known == *parts);
    if let Some((_, _, letters)) = well_known {
        out.push_str(letters);
        return;
    }
    if let (Some(domain), Some((rid, rest))) = (domain, parts.split_last())
        && domain.authority() == sid.authority()
        && domain.sub_authorities() == rest
        && let Some((_, letters)) = OF_DOMAIN.iter().find(|(known, _)| known == rid)
    {
        out.push_str(letters);
        return;
    }
    let _ = write!(out, "{sid}");
}
