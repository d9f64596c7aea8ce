//! Security descriptors as far as a judgement needs them: the allowing entries of the discretionary list, from the
//! self-relative form in base64 (`[MS-DTYP] 2.4.6`) as LDAP carries it, or from SDDL (`[MS-DTYP] 2.5.1`) as 5136 logs it.
//! Denying entries, the system list and conditions are left out: what matters here is who is given a right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopwatch_model::{Guid, Sid};

/// An entry that allows something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// To whom: a SID, or the two letters that SDDL has for a well-known one.
    pub trustee: String,
    /// The access mask (`[MS-DTYP] 2.4.3`, `[MS-ADTS] 5.1.3.2`).
    pub mask: u32,
    /// The extended right, property set or attribute to which it is limited.
    pub object: Option<Guid>,
    /// Whether it came from a parent.
    pub inherited: bool,
}

/// The most entries that are read of one list.
const ENTRIES: usize = 4096;
/// INHERITED_ACE (`[MS-DTYP] 2.4.4.1`).
const INHERITED: u8 = 0x10;
/// INHERIT_ONLY_ACE: holds for children alone.
const INHERIT_ONLY: u8 = 0x08;

/// The grants of a descriptor in either form; `None` where it is neither.
#[must_use]
pub fn grants(text: &str) -> Option<Vec<Grant>> {
    let text = text.trim();
    if ["O:", "G:", "D:", "S:"].iter().any(|start| text.starts_with(start)) {
        return Some(sddl(text));
    }
    // Samba's log cuts long values and marks the cut with dots: what is whole is read.
    let text = text.trim_end_matches('.');
    let whole = text.get(..text.len() - text.len() % 4)?;
    binary(&STANDARD.decode(whole).ok()?)
}

/// The SID of the trustee of a grant is well known, or belongs to the domain's own administration by its RID
/// (`[MS-DTYP] 2.4.2.4`): Domain Admins, Controllers, Schema Admins, Enterprise Admins, Key Admins.
#[must_use]
pub fn administrative(trustee: &str) -> bool {
    let Some(rest) = trustee.strip_prefix("S-1-5-21-") else { return true };
    let rid = rest.rsplit('-').next().unwrap_or_default();
    matches!(rid, "500" | "502" | "498" | "512" | "516" | "518" | "519" | "521" | "526" | "527")
}

fn binary(bytes: &[u8]) -> Option<Vec<Grant>> {
    if *bytes.first()? != 1 {
        return None;
    }
    let start = usize::try_from(word32(bytes, 16)?).ok()?;
    if start == 0 {
        return Some(Vec::new());
    }
    let count = usize::from(word16(bytes, start + 4)?);
    let mut at = start + 8;
    let mut found = Vec::new();
    for _ in 0..count.min(ENTRIES) {
        let Some(size) = word16(bytes, at + 2).map(|size| usize::from(size).max(4)) else { break };
        let Some(entry) = bytes.get(at..at + size) else { break };
        found.extend(ace(entry));
        at += size;
    }
    Some(found)
}

/// True where a descriptor's access control list is longer than what the log kept of it.
#[must_use]
pub fn cut(text: &str) -> bool {
    let text = text.trim_end_matches('.');
    let whole = text.get(..text.len() - text.len() % 4).unwrap_or_default();
    let Ok(bytes) = STANDARD.decode(whole) else { return false };
    let start = word32(&bytes, 16).and_then(|start| usize::try_from(start).ok()).filter(|start| *start > 0);
    start.is_some_and(|start| {
        word16(&bytes, start + 2).is_none_or(|size| start.saturating_add(usize::from(size)) > bytes.len())
    })
}

/// One entry (`[MS-DTYP] 2.4.4.2`, `2.4.4.3`): type, flags, size, mask; for object entries flags and GUIDs; the SID.
fn ace(entry: &[u8]) -> Option<Grant> {
    let (kind, flags) = (*entry.first()?, *entry.get(1)?);
    if flags & INHERIT_ONLY != 0 {
        return None;
    }
    let mask = word32(entry, 4)?;
    let (object, sid_at) = match kind {
        // ACCESS_ALLOWED, ACCESS_ALLOWED_CALLBACK.
        0 | 9 => (None, 8),
        // ACCESS_ALLOWED_OBJECT, ACCESS_ALLOWED_CALLBACK_OBJECT.
        5 | 11 => {
            let present = word32(entry, 8)?;
            let object = (present & 1 != 0).then(|| guid(entry.get(12..28)?)).flatten();
            let skip = usize::from(present & 1 != 0) + usize::from(present & 2 != 0);
            (object, 12 + 16 * skip)
        }
        _ => return None,
    };
    let trustee = sid(entry.get(sid_at..)?)?;
    Some(Grant { trustee, mask, object, inherited: flags & INHERITED != 0 })
}

fn sid(bytes: &[u8]) -> Option<String> {
    let count = usize::from(*bytes.get(1)?);
    let authority = bytes.get(2..8)?.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    let mut text = format!("S-{}-{authority}", bytes.first()?);
    for index in 0..count {
        text = format!("{text}-{}", word32(bytes, 8 + 4 * index)?);
    }
    text.parse::<Sid>().ok().map(|sid| sid.to_string())
}

fn guid(bytes: &[u8]) -> Option<Guid> {
    bytes.try_into().ok().map(Guid::from_wire)
}

fn word16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// `D:AI(OA;CI;CR;1131f6aa-…;;S-1-5-21-…)…`: type; flags; rights; object; inherited object; trustee.
fn sddl(text: &str) -> Vec<Grant> {
    let Some(start) = text.find("D:") else { return Vec::new() };
    let list = text.get(start..).unwrap_or_default();
    // The system list follows; `S:` inside an entry cannot be, since entries hold no colon.
    let list = list.find("S:").and_then(|end| list.get(..end)).unwrap_or(list);
    let entries = list.split('(').skip(1).take(ENTRIES);
    entries.filter_map(|entry| sddl_entry(entry.split(')').next().unwrap_or_default())).collect()
}

fn sddl_entry(entry: &str) -> Option<Grant> {
    let fields: Vec<&str> = entry.split(';').collect();
    let [kind, flags, rights, object, _, trustee, ..] = fields.as_slice() else { return None };
    if !matches!(*kind, "A" | "OA" | "XA" | "ZA") || flags.contains("IO") {
        return None;
    }
    let mask = match rights.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => letters(rights),
    };
    Some(Grant { trustee: trustee.to_uppercase(), mask, object: object.parse().ok(), inherited: flags.contains("ID") })
}

/// The mask of SDDL's two-letter rights (`[MS-DTYP] 2.5.1.1`).
fn letters(rights: &str) -> u32 {
    const RIGHTS: &[(&str, u32)] = &[
        ("GA", 0x1000_0000),
        ("GW", 0x4000_0000),
        ("SD", 0x1_0000),
        ("RC", 0x2_0000),
        ("WD", 0x4_0000),
        ("WO", 0x8_0000),
        ("CC", 0x1),
        ("DC", 0x2),
        ("LC", 0x4),
        ("SW", 0x8),
        ("RP", 0x10),
        ("WP", 0x20),
        ("DT", 0x40),
        ("LO", 0x80),
        ("CR", 0x100),
    ];
    let pairs = rights.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| RIGHTS.iter().find(|(name, _)| *name == pair)).fold(0, |mask, (_, bit)| mask | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_grant_of_all_to_a_user_is_read() {
        // SE_DACL_PRESENT | SE_SELF_RELATIVE, one ACCESS_ALLOWED entry of 0xF01FF, owner Administrators.
        let text = "AQAEgEAAAAAAAAAAAAAAABQAAAAEACwAAQAAAAAAJAD/AQ8AAQUAAAAAAAUVAAAA/XclJbAfSqNpqJyfLgYAAAECAAAAAAAFIAAAACACAAA=";
        let found = grants(text).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].mask, 0x000f_01ff);
        assert_eq!(found[0].trustee, "S-1-5-21-623212541-2739543984-2677844073-1582");
        assert!(!administrative(&found[0].trustee));
    }

    #[test]
    fn sddl_gives_the_same_shape() {
        let text = "O:DAG:DAD:AI(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;S-1-5-21-1-2-3-1100)(A;ID;CCDCLC;;;SY)(D;;GA;;;WD)S:(AU;;WP;;;WD)";
        let found = grants(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].mask, found[0].inherited), (0x100, false));
        assert_eq!(found[0].object.unwrap().to_string(), "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2");
        assert!(found[1].inherited && administrative(&found[1].trustee));
    }

    #[test]
    fn broken_descriptors_are_none_at_every_length() {
        let whole = STANDARD
            .decode("AQAEgEAAAAAAAAAAAAAAABQAAAAEACwAAQAAAAAAJAD/AQ8AAQUAAAAAAAUVAAAA/XclJbAfSqNpqJyfLgYAAA==")
            .unwrap();
        for cut in 0..whole.len() {
            let _ = binary(&whole[..cut]);
        }
        assert_eq!(grants("no descriptor"), None);
    }
}
