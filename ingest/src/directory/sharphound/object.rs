//! The JSON of version 6: what every object has, and what a kind adds.

use serde::Serialize;
use serde_json::{Map, Value};

/// A reference to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Principal {
    pub(super) object_identifier: String,
    pub(super) object_type: &'static str,
}

/// A right that somebody has on the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Ace {
    #[serde(rename = "PrincipalSID")]
    pub(super) principal: String,
    pub(super) principal_type: &'static str,
    pub(super) right_name: &'static str,
    pub(super) is_inherited: bool,
    pub(super) inheritance_hash: String,
    pub(super) is_permission_for_owner_rights_sid: bool,
    pub(super) is_inherited_permission_for_owner_rights_sid: bool,
}

/// An object.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Object {
    pub(super) properties: Map<String, Value>,
    /// The members of its kind, each under its published name.
    #[serde(flatten)]
    pub(super) members: Map<String, Value>,
    pub(super) aces: Vec<Ace>,
    pub(super) object_identifier: String,
    pub(super) is_deleted: bool,
    #[serde(rename = "IsACLProtected")]
    pub(super) is_acl_protected: bool,
    pub(super) contained_by: Option<Principal>,
}

impl Object {
    /// Sets a member of its kind.
    pub(super) fn set<T: Serialize>(&mut self, name: &str, value: T) {
        // INVARIANT: members are strings, numbers, and lists and maps of them, which always have a JSON form.
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.members.insert(name.to_owned(), value);
    }

    /// Sets a property.
    pub(super) fn property(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    /// Sets a property of several texts.
    pub(super) fn texts<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.property(name, values.map(Value::from).collect::<Vec<_>>());
    }
}

/// What only a host can tell, and was not asked.
pub(super) fn not_collected() -> Value {
    serde_json::json!({ "Collected": false, "FailureReason": null, "Results": [] })
}
