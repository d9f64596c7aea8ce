//! Changes and accesses that a host or a DC audits: directory, groups, accounts, services, tasks, shares, processes.

use serde::{Deserialize, Serialize};

use crate::{Account, Guid};

/// What was done to an attribute's values or to a whole object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueOperation {
    /// A value was added (5136 `%%14674`, LDAP add).
    Add,
    /// A value was deleted (5136 `%%14675`, LDAP delete).
    Delete,
    /// The values were replaced (LDAP replace).
    Replace,
    /// The object was created (5137).
    Create,
    /// The object was deleted (5141).
    Remove,
    /// The object was moved or renamed (5139, modifyDN).
    Move,
    /// The object was restored (5138).
    Restore,
}

/// One attribute of one object changed, or the object itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryChange {
    /// The object's DN.
    pub object: String,
    /// The object's GUID, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// The object's class, where given.
    #[serde(default)]
    pub class: String,
    /// The operation.
    pub operation: ValueOperation,
    /// The attribute in its LDAP spelling; empty for whole objects.
    #[serde(default)]
    pub attribute: String,
    /// The values; security descriptors as SDDL or base64 as the source gave them, secrets never.
    #[serde(default)]
    pub values: Vec<String>,
    /// The values before, where the source gives them.
    #[serde(default)]
    pub old_values: Vec<String>,
    /// The new DN of a move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_object: Option<String>,
}

/// An access to a directory object (4662).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryAccess {
    /// The object's DN or `%{guid}`.
    pub object: String,
    /// The object's class: `%{schemaIDGUID}` resolved where well known, else the GUID's text.
    #[serde(default)]
    pub class: String,
    /// The access mask (0x100 = control access).
    pub access_mask: u32,
    /// The GUIDs of `Properties`: extended rights, property sets, attributes.
    #[serde(default)]
    pub properties: Vec<Guid>,
    /// The logon id of the actor on the DC, which ties it to its 4624.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_id: Option<u64>,
}

/// A change of a group's members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChange {
    /// The group.
    pub group: Account,
    /// The member; its `name` may be a DN.
    pub member: Account,
    /// Added, else removed.
    pub added: bool,
}

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountChangeKind {
    /// 4720, 4741.
    Created,
    /// 4722.
    Enabled,
    /// 4725.
    Disabled,
    /// 4726, 4743.
    Deleted,
    /// 4723: by the user's own old password.
    PasswordChanged,
    /// 4724: by another's right.
    PasswordReset,
    /// 4738, 4742.
    Changed,
    /// 4740.
    LockedOut,
    /// 4767.
    Unlocked,
    /// 4781.
    Renamed,
    /// 4765: sIDHistory added.
    SidHistoryAdded,
    /// 4794: the DSRM password set.
    DsrmPasswordSet,
}

/// A change of an account. The actor is who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChange {
    /// What happened.
    pub kind: AccountChangeKind,
    /// To whom.
    pub account: Account,
    /// The new name of a rename.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<String>,
    /// The attributes that the record shows as changed, `(LDAP name, new value)`.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
}

/// A service was installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInstall {
    /// The service's name.
    pub name: String,
    /// The image path.
    pub image_path: String,
    /// The start type as the record says.
    #[serde(default)]
    pub start_type: String,
    /// The service type as the record says.
    #[serde(default)]
    pub service_type: String,
    /// The account under which it runs.
    #[serde(default)]
    pub run_as: String,
}

/// A scheduled task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRegistration {
    /// The task's path.
    pub name: String,
    /// Command and arguments of its first action, where they could be read from its XML.
    pub command: String,
    /// The account under which it runs.
    #[serde(default)]
    pub run_as: String,
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStart {
    /// The image's path.
    pub image: String,
    /// The command line, where audited.
    #[serde(default)]
    pub command_line: String,
    /// The parent's image path.
    #[serde(default)]
    pub parent: String,
    /// The logon id of the session in which it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_id: Option<u64>,
}

/// An access to a share (5140) or a file of a share (5145).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareAccess {
    /// The share's name without host: `SYSVOL`, `C$`, `IPC$`.
    pub share: String,
    /// The path or pipe inside; empty for 5140.
    #[serde(default)]
    pub path: String,
    /// The access mask.
    #[serde(default)]
    pub access_mask: u32,
}

/// A certificate request (4886) or issue (4887).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRequest {
    /// Whether it was issued.
    pub issued: bool,
    /// The request's number.
    #[serde(default)]
    pub request_id: String,
    /// The requester as logged.
    #[serde(default)]
    pub requester: String,
    /// The template, where the attributes name it.
    #[serde(default)]
    pub template: String,
    /// The subject of the certificate.
    #[serde(default)]
    pub subject: String,
    /// The subject alternative names.
    #[serde(default)]
    pub alternative_names: Vec<String>,
}

/// A log was cleared or auditing changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditTampering {
    /// The log or audit category.
    pub subject: String,
    /// What was done, in the record's words.
    pub action: String,
}
