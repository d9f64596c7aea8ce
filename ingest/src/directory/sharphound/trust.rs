//! Trusts, `[MS-ADTS] 6.1.6.7`.

use serde::Serialize;

use super::Summary;
use super::index::Index;

/// The bits of `trustAttributes`, `[MS-ADTS] 6.1.6.7.9`.
mod attributes {
    pub(super) const NON_TRANSITIVE: u32 = 0x1;
    pub(super) const QUARANTINED: u32 = 0x4;
    pub(super) const FOREST_TRANSITIVE: u32 = 0x8;
    pub(super) const WITHIN_FOREST: u32 = 0x20;
    pub(super) const TREAT_AS_EXTERNAL: u32 = 0x40;
    pub(super) const ENABLE_TGT_DELEGATION: u32 = 0x800;
}

/// A trust, seen from this domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Trust {
    target_domain_sid: String,
    target_domain_name: String,
    is_transitive: bool,
    trust_direction: &'static str,
    trust_type: &'static str,
    sid_filtering_enabled: bool,
    #[serde(rename = "TGTDelegationEnabled")]
    tgt_delegation_enabled: bool,
    trust_attributes: u32,
}

/// The trusts of the domain. One without a SID is with a realm that is no Windows domain.
pub(super) fn all(index: &Index<'_>, summary: &mut Summary) -> Vec<Trust> {
    let mut trusts = Vec::new();
    for entry in &index.trusts {
        let Some(sid) = entry.sid("securityIdentifier") else {
            summary.gap("trusts with realms that are no Windows domains");
            continue;
        };
        let flags = entry.flags("trustAttributes").unwrap_or(0);
        let name = entry.text("trustPartner").or_else(|| entry.text("name")).unwrap_or_default();
        trusts.push(Trust {
            target_domain_sid: sid.to_string(),
            target_domain_name: name.to_uppercase(),
            is_transitive: flags & attributes::NON_TRANSITIVE == 0,
            trust_direction: direction(entry.flags("trustDirection").unwrap_or(0)),
            trust_type: kind(flags),
            sid_filtering_enabled: filters(flags),
            tgt_delegation_enabled: delegates(flags),
            trust_attributes: flags,
        });
    }
    trusts
}

fn direction(value: u32) -> &'static str {
    match value & 3 {
        1 => "Inbound",
        2 => "Outbound",
        3 => "Bidirectional",
        _ => "Disabled",
    }
}

fn kind(flags: u32) -> &'static str {
    match flags {
        flags if flags & attributes::WITHIN_FOREST != 0 => "ParentChild",
        flags if flags & attributes::FOREST_TRANSITIVE != 0 => "Forest",
        _ => "External",
    }
}

/// Whether SIDs of other domains are taken out of tickets.
fn filters(flags: u32) -> bool {
    let forest = flags & attributes::FOREST_TRANSITIVE != 0 && flags & attributes::TREAT_AS_EXTERNAL == 0;
    flags & attributes::QUARANTINED != 0 || forest
}

/// Whether tickets that can be forwarded cross the trust.
fn delegates(flags: u32) -> bool {
    let enabled = attributes::WITHIN_FOREST | attributes::ENABLE_TGT_DELEGATION;
    flags & attributes::QUARANTINED == 0 && flags & enabled != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_say_what_crosses_a_trust() {
        assert_eq!((kind(0x20), filters(0x20), delegates(0x20)), ("ParentChild", false, true));
        assert_eq!((kind(0x8), filters(0x8), delegates(0x8)), ("Forest", true, false));
        assert_eq!((kind(0x48), filters(0x48), delegates(0x848)), ("Forest", false, true));
        assert_eq!((kind(0), filters(0x4), delegates(0x804)), ("External", true, false));
    }
}
