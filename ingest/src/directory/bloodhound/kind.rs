//! Which type of file it is: what `meta` says, or, where `meta` comes too late, what the objects look like.

use hopwatch_model::NodeKind;

use super::fields::{Number, Text, records};
use super::object::Object;

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// Objects of one kind.
    Objects(NodeKind),
    /// Sessions without their computer.
    Sessions,
    /// Local groups without their computer.
    LocalGroups,
    /// Identifiers of deleted objects.
    Deleted,
    /// AzureHound's wrapped objects.
    Azure,
}

/// The oldest version that is read: BloodHound 4's first.
const OLDEST_VERSION: i64 = 4;

records! {
    /// The `meta` member.
    Meta { kind: Text<'a> = "type", version: Number = "version", count: Number = "count", }
}

impl Meta<'_> {
    /// The type that it names; `None` where it is unknown.
    pub(super) fn file_kind(&self) -> Option<FileKind> {
        FileKind::named(self.kind.as_str())
    }

    /// Whether it names a version that is read. Azure files count their versions apart.
    pub(super) fn supported(&self) -> bool {
        self.file_kind() == Some(FileKind::Azure) || self.version.0.is_none_or(|version| version >= OLDEST_VERSION)
    }
}

impl FileKind {
    /// The type of a name, in `meta.type`'s spelling.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "users" => Self::Objects(NodeKind::User),
            "groups" => Self::Objects(NodeKind::Group),
            "computers" => Self::Objects(NodeKind::Computer),
            "domains" => Self::Objects(NodeKind::Domain),
            "ous" => Self::Objects(NodeKind::OU),
            "gpos" => Self::Objects(NodeKind::GPO),
            "containers" => Self::Objects(NodeKind::Container),
            "aiacas" => Self::Objects(NodeKind::AIACA),
            "rootcas" => Self::Objects(NodeKind::RootCA),
            "enterprisecas" => Self::Objects(NodeKind::EnterpriseCA),
            "ntauthstores" => Self::Objects(NodeKind::NTAuthStore),
            "certtemplates" => Self::Objects(NodeKind::CertTemplate),
            "issuancepolicies" => Self::Objects(NodeKind::IssuancePolicy),
            "sites" => Self::Objects(NodeKind::Site),
            "siteservers" => Self::Objects(NodeKind::SiteServer),
            "sitesubnets" => Self::Objects(NodeKind::SiteSubnet),
            "sessions" => Self::Sessions,
            "localgroups" => Self::LocalGroups,
            "deleted" => Self::Deleted,
            "azure" => Self::Azure,
            _ => return None,
        })
    }

    /// The type that a file's name promises: `20240305110018_users.json`, `users.json`.
    pub(super) fn of_file_name(name: &str) -> Option<Self> {
        let stem = name.rsplit(['/', '\\']).next()?.split('.').next()?;
        Self::named(stem.rsplit(['_', '-']).next()?)
    }

    /// The type that one element looks like; `None` where it could be several.
    pub(super) fn of_element(bytes: &[u8]) -> Option<Self> {
        if bytes.first() == Some(&b'"') {
            return Some(Self::Deleted);
        }
        let keys: Keys = serde_json::from_slice(bytes).ok()?;
        let has = |key: &str| keys.0.iter().any(|known| known == key);
        if !has("objectidentifier") {
            return if has("usersid") && has("computersid") {
                Some(Self::Sessions)
            } else if has("kind") && has("data") {
                Some(Self::Azure)
            } else {
                None
            };
        }
        let kind = if has("allowedtoact") || has("localgroups") || has("sessions") {
            NodeKind::Computer
        } else if has("spntargets") || has("primarygroupsid") {
            NodeKind::User
        } else if has("members") {
            NodeKind::Group
        } else if has("trusts") {
            NodeKind::Domain
        } else if has("links") {
            NodeKind::OU
        } else if has("hostingcomputer") || has("caregistrydata") || has("enabledcerttemplates") {
            NodeKind::EnterpriseCA
        } else if has("grouplink") {
            NodeKind::IssuancePolicy
        } else {
            return Self::of_properties(bytes).or(has("childobjects").then_some(Self::Objects(NodeKind::Container)));
        };
        Some(Self::Objects(kind))
    }

    /// The types that differ by their properties alone.
    fn of_properties(bytes: &[u8]) -> Option<Self> {
        let object: Object<'_> = serde_json::from_slice(bytes).ok()?;
        let properties = &object.properties.0;
        let has = |key: &str| properties.contains_key(key);
        let dn = properties.get("distinguishedname").and_then(|value| value.text()).unwrap_or_default();
        let below = |container: &str| dn.to_ascii_uppercase().contains(container);
        let kind = if has("gpcpath") || below(",CN=POLICIES,CN=SYSTEM,") {
            NodeKind::GPO
        } else if has("enrollmentflag") || has("authenticationenabled") || below(",CN=CERTIFICATE TEMPLATES,") {
            NodeKind::CertTemplate
        } else if has("certthumbprints") || below("CN=NTAUTHCERTIFICATES,") {
            NodeKind::NTAuthStore
        } else if below(",CN=AIA,") {
            NodeKind::AIACA
        } else if below(",CN=CERTIFICATION AUTHORITIES,") {
            NodeKind::RootCA
        } else if has("certtemplateoid") {
            NodeKind::IssuancePolicy
        } else {
            return None;
        };
        Some(Self::Objects(kind))
    }
}

/// The keys of an object, in lower case.
struct Keys(Vec<String>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, serde::de::IgnoredAny)) = map.next_entry::<Text<'_>, _>()? {
                    keys.push(key.as_str().to_ascii_lowercase());
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_tells_its_type() {
        assert_eq!(FileKind::of_file_name("a.zip/20240305110018_users.json"), Some(FileKind::Objects(NodeKind::User)));
        assert_eq!(FileKind::of_file_name("notes.json"), None);
    }

    #[test]
    fn an_element_tells_its_type_by_its_keys_in_any_case() {
        let check = |text: &str, kind| assert_eq!(FileKind::of_element(text.as_bytes()), kind, "{text}");
        check(r#"{"ObjectIdentifier":"S-1","members":[]}"#, Some(FileKind::Objects(NodeKind::Group)));
        check(
            r#"{"OBJECTIDENTIFIER":"S-1","PrimaryGroupSID":"","AllowedToAct":[]}"#,
            Some(FileKind::Objects(NodeKind::Computer)),
        );
        check(r#"{"ObjectIdentifier":"X","Properties":{"gpcpath":"\\\\x"}}"#, Some(FileKind::Objects(NodeKind::GPO)));
        check(r#"{"ComputerSID":"S-1","UserSID":"S-2"}"#, Some(FileKind::Sessions));
        check(r#""S-1-5""#, Some(FileKind::Deleted));
        check(r#"{"ObjectIdentifier":"X"}"#, None);
    }

    #[test]
    fn versions_before_4_are_refused_except_of_azure_files() {
        let supported = |text: &str| serde_json::from_str::<Meta<'_>>(text).unwrap().supported();
        assert!(supported(r#"{"type":"users","version":"6"}"#));
        assert!(supported(r#"{"type":"azure","version":1}"#));
        assert!(!supported(r#"{"type":"users","version":3}"#));
    }
}
