//! SDDL (`[MS-DTYP] 2.5.1`) in a form in which two writers of the same descriptor agree: rights as bits, trustees as SIDs,
//! flags in order.

use std::collections::BTreeSet;

/// Rights by their letters.
const RIGHTS: [(&str, u32); 24] = [
    ("CC", 0x1),
    ("DC", 0x2),
    ("LC", 0x4),
    ("SW", 0x8),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
    ("SD", 0x1_0000),
    ("RC", 0x2_0000),
    ("WD", 0x4_0000),
    ("WO", 0x8_0000),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
    ("FA", 0x1f_01ff),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00a0),
    ("KA", 0xf_003f),
    ("KR", 0x2_0019),
    ("KW", 0x2_0006),
];

/// Trustees by their letters; what begins with `-` is the domain's.
const TRUSTEES: [(&str, &str); 41] = [
    ("AA", "S-1-5-32-579"),
    ("AN", "S-1-5-7"),
    ("AO", "S-1-5-32-548"),
    ("AU", "S-1-5-11"),
    ("BA", "S-1-5-32-544"),
    ("BG", "S-1-5-32-546"),
    ("BO", "S-1-5-32-551"),
    ("BU", "S-1-5-32-545"),
    ("CA", "-517"),
    ("CG", "S-1-3-1"),
    ("CO", "S-1-3-0"),
    ("CY", "S-1-5-32-569"),
    ("DA", "-512"),
    ("DC", "-515"),
    ("DD", "-516"),
    ("DG", "-514"),
    ("DU", "-513"),
    ("EA", "-519"),
    ("ED", "S-1-5-9"),
    ("ER", "S-1-5-32-573"),
    ("HA", "S-1-5-32-578"),
    ("IU", "S-1-5-4"),
    ("LA", "-500"),
    ("LG", "-501"),
    ("LS", "S-1-5-19"),
    ("MU", "S-1-5-32-558"),
    ("LU", "S-1-5-32-559"),
    ("NO", "S-1-5-32-556"),
    ("NS", "S-1-5-20"),
    ("NU", "S-1-5-2"),
    ("OW", "S-1-3-4"),
    ("PA", "-520"),
    ("PO", "S-1-5-32-550"),
    ("PS", "S-1-5-10"),
    ("PU", "S-1-5-32-547"),
    ("RD", "S-1-5-32-555"),
    ("RE", "S-1-5-32-552"),
    ("RO", "-498"),
    ("RS", "-553"),
    ("RU", "S-1-5-32-554"),
    ("WD", "S-1-1-0"),
];
const MORE: [(&str, &str); 4] = [("SY", "S-1-5-18"), ("SO", "S-1-5-32-549"), ("SA", "-518"), ("SU", "S-1-5-6")];

/// The canonical form.
pub(crate) fn canonical(text: &str, domain: &str) -> String {
    let at = |tag: &str| text.find(tag);
    let (group, list) = (at("G:").unwrap_or(text.len()), at("D:").unwrap_or(text.len()));
    let owner = text.get(..group).unwrap_or_default().trim_start_matches("O:");
    let owners = text.get(group..list).unwrap_or_default().trim_start_matches("G:");
    let rest = text.get(list..).unwrap_or_default().trim_start_matches("D:");
    let (flags, entries) = rest.split_at(rest.find('(').unwrap_or(rest.len()));
    let entries: Vec<String> =
        entries.split('(').filter(|entry| !entry.is_empty()).map(|entry| ace(entry, domain)).collect();
    let flags: BTreeSet<&str> = ["AI", "AR"]
        .into_iter()
        .filter(|flag| flags.contains(flag))
        .chain(flags.starts_with('P').then_some("P"))
        .collect();
    format!("O:{}G:{}D:{flags:?}{}", trustee(owner, domain), trustee(owners, domain), entries.join(""))
}

fn ace(text: &str, domain: &str) -> String {
    let fields: Vec<&str> = text.trim_end_matches(')').split(';').collect();
    let [kind, flags, mask, object, inherited, who] = fields.as_slice() else { return format!("?{text}") };
    let flags: BTreeSet<String> = pairs(flags).collect();
    let (object, inherited) = (object.to_lowercase(), inherited.to_lowercase());
    format!("({kind};{flags:?};{:x};{object};{inherited};{})", rights(mask), trustee(who, domain))
}

fn pairs(text: &str) -> impl Iterator<Item = String> {
    text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned())
}

fn rights(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).unwrap_or(0),
        None => pairs(text).map(|pair| RIGHTS.iter().find(|(name, _)| *name == pair).map_or(0, |(_, bit)| *bit)).sum(),
    }
}

fn trustee(text: &str, domain: &str) -> String {
    let known = TRUSTEES.iter().chain(&MORE).find(|(letters, _)| *letters == text);
    match known {
        Some((_, rid)) if rid.starts_with('-') => format!("{domain}{rid}"),
        Some((_, sid)) => (*sid).to_owned(),
        None => text.to_owned(),
    }
}
