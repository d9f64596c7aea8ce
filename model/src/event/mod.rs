//! Events: what a source reported, normalised so that a detection need not know which source it was. The same act seen
//! on the wire and in an event log becomes the same [`Activity`] variant.

pub mod audit;
pub mod dns;
pub mod kerberos;
pub mod ldap;
pub mod logon;
pub mod network;
pub mod ntlm;
pub mod rpc;
pub mod signin;
pub mod smb;

use serde::{Deserialize, Serialize};

use crate::{Account, Host, Provenance, Timestamp};

pub use audit::{
    AccountChange, AccountChangeKind, AuditTampering, CertificateRequest, DirectoryAccess, DirectoryChange,
    GroupChange, ProcessStart, ServiceInstall, ShareAccess, TaskRegistration, ValueOperation,
};
pub use dns::DnsQuery;
pub use kerberos::{AsExchange, Principal, TgsExchange, Ticket, TicketDigest, TicketUse};
pub use ldap::{BindMethod, LdapBind, LdapSearch};
pub use logon::{Logoff, Logon, LogonType, PrivilegeAssignment};
pub use network::{Anomaly, NameObserved, Opaque, OpaqueProtocol};
pub use ntlm::{NtlmLogon, NtlmVersion};
pub use rpc::{AuthLevel, RpcArguments, RpcCall, RpcTransport};
pub use signin::{SignIn, SignInKind};
pub use smb::{SmbFile, SmbFileAction, SmbSession};

/// One thing that a source reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the source's clock.
    pub time: Timestamp,
    /// Where it came from.
    pub provenance: Provenance,
    /// Who acted, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Account>,
    /// The host from which it was done: the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Host>,
    /// The host to which it was done: the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Host>,
    /// Whether it succeeded.
    #[serde(default)]
    pub outcome: Outcome,
    /// What was done.
    pub activity: Activity,
}

/// Whether an act succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer was not seen.
    #[default]
    Unseen,
    /// It succeeded.
    Success,
    /// It was refused, with the protocol's own code: Kerberos error, NTSTATUS, LDAP result, DNS rcode.
    Failure(u32),
}

impl Outcome {
    /// True where the answer was a success.
    #[must_use]
    pub fn succeeded(self) -> bool {
        self == Self::Success
    }

    /// True where the answer was a refusal.
    #[must_use]
    pub fn failed(self) -> bool {
        matches!(self, Self::Failure(_))
    }

    /// The code of a refusal.
    #[must_use]
    pub fn code(self) -> Option<u32> {
        match self {
            Self::Failure(code) => Some(code),
            Self::Unseen | Self::Success => None,
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// A Kerberos AS exchange (4768, 4771, wire).
    AsExchange(Box<AsExchange>),
    /// A Kerberos TGS exchange (4769, 4770, wire).
    TgsExchange(Box<TgsExchange>),
    /// A service ticket presented to a service (AP-REQ in SMB, LDAP, RPC, HTTP).
    TicketUse(Box<TicketUse>),
    /// An NTLM authentication (4776, wire).
    NtlmLogon(Box<NtlmLogon>),
    /// A logon session on a host (4624, 4625, 4648, Samba `Authentication`/`Authorization`).
    Logon(Box<Logon>),
    /// The end of a logon session (4634, 4647).
    Logoff(Box<Logoff>),
    /// Privileges were given to a logon session (4672).
    PrivilegeAssignment(Box<PrivilegeAssignment>),
    /// An LDAP bind.
    LdapBind(Box<LdapBind>),
    /// An LDAP search (wire, 1644).
    LdapSearch(Box<LdapSearch>),
    /// A directory object changed (5136, 5137, 5139, 5141, LDAP modify/add/delete, Samba `dsdbChange`).
    DirectoryChange(Box<DirectoryChange>),
    /// A directory object was accessed with a right (4662).
    DirectoryAccess(Box<DirectoryAccess>),
    /// A member was added to or removed from a group (4728 … 4757, Samba `groupChange`, SAMR).
    GroupChange(Box<GroupChange>),
    /// An account was created, changed, renamed, locked, its password set … (4720 … 4781).
    AccountChange(Box<AccountChange>),
    /// A remote procedure call.
    RpcCall(Box<RpcCall>),
    /// An SMB session was negotiated and set up.
    SmbSession(Box<SmbSession>),
    /// A file or pipe was opened, read, written or deleted over SMB.
    SmbFile(Box<SmbFile>),
    /// A share was accessed (5140, 5145).
    ShareAccess(Box<ShareAccess>),
    /// A DNS query and its answer.
    DnsQuery(Box<DnsQuery>),
    /// A service was installed (7045, 4697).
    ServiceInstall(Box<ServiceInstall>),
    /// A scheduled task was created or changed (4698, 4702, 106).
    TaskRegistration(Box<TaskRegistration>),
    /// A process started (4688, Sysmon 1).
    ProcessStart(Box<ProcessStart>),
    /// A certificate was requested or issued (4886, 4887).
    CertificateRequest(Box<CertificateRequest>),
    /// A log was cleared or auditing changed (1102, 104, 4719).
    AuditTampering(Box<AuditTampering>),
    /// A sign-in from outside: VPN, RADIUS, cloud, mail, RDP gateway.
    SignIn(Box<SignIn>),
    /// A name was seen bound to an address; feeds the resolution table.
    NameObserved(Box<NameObserved>),
    /// Traffic that we know to be there and cannot read.
    Opaque(Box<Opaque>),
    /// A protocol was broken, or spoken in an unusual way.
    Anomaly(Box<Anomaly>),
}

impl Activity {
    /// The short name of the kind of activity, as in the JSON field `what`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AsExchange(_) => "as_exchange",
            Self::TgsExchange(_) => "tgs_exchange",
            Self::TicketUse(_) => "ticket_use",
            Self::NtlmLogon(_) => "ntlm_logon",
            Self::Logon(_) => "logon",
            Self::Logoff(_) => "logoff",
            Self::PrivilegeAssignment(_) => "privilege_assignment",
            Self::LdapBind(_) => "ldap_bind",
            Self::LdapSearch(_) => "ldap_search",
            Self::DirectoryChange(_) => "directory_change",
            Self::DirectoryAccess(_) => "directory_access",
            Self::GroupChange(_) => "group_change",
            Self::AccountChange(_) => "account_change",
            Self::RpcCall(_) => "rpc_call",
            Self::SmbSession(_) => "smb_session",
            Self::SmbFile(_) => "smb_file",
            Self::ShareAccess(_) => "share_access",
            Self::DnsQuery(_) => "dns_query",
            Self::ServiceInstall(_) => "service_install",
            Self::TaskRegistration(_) => "task_registration",
            Self::ProcessStart(_) => "process_start",
            Self::CertificateRequest(_) => "certificate_request",
            Self::AuditTampering(_) => "audit_tampering",
            Self::SignIn(_) => "sign_in",
            Self::NameObserved(_) => "name_observed",
            Self::Opaque(_) => "opaque",
            Self::Anomaly(_) => "anomaly",
        }
    }
}
