//! The parts of the schema that say what an access control entry is about.
//!
//! Identifiers of LAPS attributes are made anew in every forest, so that they are read, never assumed. Those of
//! Microsoft's base schema are the same everywhere; they stand in where the schema cannot be read.

use hopwatch_model::Guid;
use rustc_hash::FxHashMap;

use super::entry::Entry;

/// An attribute's identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeIds {
    /// `schemaIDGUID`.
    pub own: Guid,
    /// `attributeSecurityGUID`: the property set that it is in.
    pub set: Option<Guid>,
}

/// Attributes and classes by lower-case name.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    attributes: FxHashMap<String, AttributeIds>,
    classes: FxHashMap<String, Guid>,
}

impl Schema {
    /// Takes an `attributeSchema` or `classSchema`.
    pub fn add(&mut self, entry: &Entry) {
        let (Some(name), Some(own)) = (entry.text("lDAPDisplayName"), entry.guid("schemaIDGUID")) else { return };
        let name = name.to_ascii_lowercase();
        if entry.class("attributeSchema") {
            self.attributes.insert(name, AttributeIds { own, set: entry.guid("attributeSecurityGUID") });
        } else if entry.class("classSchema") {
            self.classes.insert(name, own);
        }
    }

    /// What was read, by class (`attributeSchema`, `classSchema`) and name in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str, AttributeIds)> {
        let attributes = self.attributes.iter().map(|(name, ids)| ("attributeSchema", name.as_str(), *ids));
        let classes = self
            .classes
            .iter()
            .map(|(name, own)| ("classSchema", name.as_str(), AttributeIds { own: *own, set: None }));
        let mut all: Vec<_> = attributes.chain(classes).collect();
        all.sort_unstable_by_key(|(class, name, _)| (*class, *name));
        all.into_iter()
    }

    /// The identifiers of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeIds> {
        let name = name.to_ascii_lowercase();
        self.attributes.get(&name).copied().or_else(|| {
            let base = BASE_ATTRIBUTES.iter().find(|(known, ..)| *known == name);
            base.map(|(_, own, set)| AttributeIds { own: Guid::from_u128(*own), set: set.map(Guid::from_u128) })
        })
    }

    /// The identifier of a class.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<Guid> {
        self.classes.get(&name.to_ascii_lowercase()).copied()
    }

    /// Whether nothing could be read.
    #[must_use]
    pub fn empty(&self) -> bool {
        self.attributes.is_empty()
    }
}

/// Lower-case name, `schemaIDGUID`, property set: `[MS-ADA1]` to `[MS-ADA3]`.
const BASE_ATTRIBUTES: &[(&str, u128, Option<u128>)] = &[
    ("member", 0xbf96_79c0_0de6_11d0_a285_00aa_0030_49e2, Some(0xbc0a_c240_79a9_11d0_9020_00c0_4fc2_d4cf)),
    (
        "serviceprincipalname",
        0xf3a6_4788_5306_11d1_a9c5_0000_f803_67c1,
        Some(0xe48d_0154_bcf8_11d1_8702_00c0_4fb9_6050),
    ),
    (
        "msds-allowedtoactonbehalfofotheridentity",
        0x3f78_c3e5_f79a_46bd_a0b8_9d18_116d_dc79,
        Some(0x4c16_4200_20c0_11d0_a768_00aa_006e_0529),
    ),
    ("msds-keycredentiallink", 0x5b47_d60f_6090_40b2_9f37_2a4d_e88f_3063, None),
    (
        "altsecurityidentities",
        0x00fb_f30c_91fe_11d1_aebc_0000_f803_67c1,
        Some(0xe48d_0154_bcf8_11d1_8702_00c0_4fb9_6050),
    ),
    ("gplink", 0xf30e_3bbe_9ff0_11d1_b603_0000_f803_67c1, None),
    ("mspki-enrollment-flag", 0xd15e_f7d8_f226_46db_ae79_b34e_560b_d12c, None),
    ("mspki-certificate-name-flag", 0xea1d_ddc4_60ff_416e_8cc0_17ce_e534_bce7, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forest_s_own_schema_wins_over_the_base() {
        let mut schema = Schema::default();
        assert_eq!(schema.attribute("member").unwrap().own.to_string(), "bf9679c0-0de6-11d0-a285-00aa003049e2");
        assert!(schema.attribute("ms-Mcs-AdmPwd").is_none());
        let own: [u8; 16] = [7; 16];
        schema.add(&Entry::new(
            "CN=ms-Mcs-AdmPwd,CN=Schema",
            &[("objectClass", b"attributeSchema"), ("lDAPDisplayName", b"ms-Mcs-AdmPwd"), ("schemaIDGUID", &own)],
        ));
        assert_eq!(schema.attribute("ms-mcs-admpwd").unwrap().own, Guid::from_wire(own));
    }
}
