//! What a directory source says: objects and raw edges, as a full snapshot or as a change. LDAP sync, SharpHound files
//! and OpenGraph files all become this, so that the graph has one way in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{EdgeKind, NodeKind, Timestamp};

/// The value of a property, in the types that BloodHound's files and Neo4j share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PropertyValue {
    /// A truth value.
    Bool(bool),
    /// A whole number; times are Unix seconds as in BloodHound's files.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl PropertyValue {
    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_) | Self::Integer(_) | Self::Float(_) | Self::List(_) => None,
        }
    }

    /// The truth value; the texts `true` and `false` count.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Integer(_) | Self::Float(_) | Self::List(_) => None,
        }
    }

    /// The whole number; a text of digits counts.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Bool(_) | Self::Float(_) | Self::List(_) => None,
        }
    }

    /// The list; a text is a list of one.
    #[must_use]
    pub fn list(&self) -> &[String] {
        match self {
            Self::List(items) => items,
            Self::Text(text) => std::slice::from_ref(text),
            Self::Bool(_) | Self::Integer(_) | Self::Float(_) => &[],
        }
    }
}

/// The properties of a node or an edge, by lower-case name as in BloodHound's files.
pub type Properties = BTreeMap<String, PropertyValue>;

/// An object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryNode {
    /// SID, or upper-case objectGUID where the object has no SID; well-known SIDs carry the domain as prefix
    /// (`LAB.EXAMPLE-S-1-5-11`). Always upper case.
    pub id: String,
    /// The kind; [`NodeKind::Base`] where only a reference to it was seen.
    pub kind: NodeKind,
    /// Its properties; `name`, `domain`, `domainsid`, `distinguishedname`, `samaccountname` … as BloodHound names them.
    #[serde(default)]
    pub properties: Properties,
}

/// A raw edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectoryEdge {
    /// The id of the source.
    pub source: String,
    /// The kind.
    pub kind: EdgeKind,
    /// The id of the target.
    pub target: String,
    /// Its properties: `isacl`, `isinherited`, `enforced`, `isprimarygroup`, `privileges` …
    #[serde(default)]
    pub properties: Properties,
}

/// How a delta relates to what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaKind {
    /// Adds to what is known (one file of a collection).
    #[default]
    Merge,
    /// The objects named are given whole: edges into an object by its own attributes (members, access control) that are
    /// not repeated have ended.
    Replace,
}

/// What a directory source said at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DirectoryDelta {
    /// When it was collected.
    pub time: Timestamp,
    /// The source's name: file, or `ldap://dc1`.
    pub source: String,
    /// How it relates to what is known.
    pub kind: DeltaKind,
    /// Objects, new or changed.
    pub nodes: Vec<DirectoryNode>,
    /// Raw edges, new or repeated.
    pub edges: Vec<DirectoryEdge>,
    /// Ids of objects that are gone.
    pub removed: Vec<String>,
    /// What could not be read, in words: each is a coverage gap.
    pub gaps: Vec<String>,
}
