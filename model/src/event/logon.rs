//! Logon sessions on a host (4624, 4625, 4648, 4634, 4647; Samba's `Authentication` and `Authorization`). The failure
//! code is the NTSTATUS of `SubStatus` where it is not zero, else of `Status`.

use serde::{Deserialize, Serialize};

use crate::Account;

/// The logon type of 4624, by its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogonType {
    /// Not given, or not known (0 is the system's own start).
    #[default]
    Unknown,
    /// 2: at the console.
    Interactive,
    /// 3: over the network.
    Network,
    /// 4: a batch job.
    Batch,
    /// 5: a service.
    Service,
    /// 7: unlocked.
    Unlock,
    /// 8: over the network in clear text.
    NetworkCleartext,
    /// 9: new credentials for outbound connections (`runas /netonly`).
    NewCredentials,
    /// 10: remote desktop.
    RemoteInteractive,
    /// 11: with cached credentials.
    CachedInteractive,
    /// 12: cached remote desktop.
    CachedRemoteInteractive,
    /// 13: cached unlock.
    CachedUnlock,
}

impl LogonType {
    /// By the number of the event record.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        match number {
            2 => Self::Interactive,
            3 => Self::Network,
            4 => Self::Batch,
            5 => Self::Service,
            7 => Self::Unlock,
            8 => Self::NetworkCleartext,
            9 => Self::NewCredentials,
            10 => Self::RemoteInteractive,
            11 => Self::CachedInteractive,
            12 => Self::CachedRemoteInteractive,
            13 => Self::CachedUnlock,
            _ => Self::Unknown,
        }
    }

    /// True where the credential stays in the host's memory and can be stolen there: these make session edges.
    #[must_use]
    pub fn leaves_credentials(self) -> bool {
        matches!(
            self,
            Self::Interactive
                | Self::Batch
                | Self::Service
                | Self::Unlock
                | Self::NetworkCleartext
                | Self::NewCredentials
                | Self::RemoteInteractive
                | Self::CachedInteractive
                | Self::CachedRemoteInteractive
                | Self::CachedUnlock
        )
    }

    /// True where the user came from another host.
    #[must_use]
    pub fn remote(self) -> bool {
        matches!(self, Self::Network | Self::NetworkCleartext | Self::RemoteInteractive | Self::CachedRemoteInteractive)
    }
}

/// A logon. The actor is who logged on, the target the host logged on to, the source whence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logon {
    /// The type.
    pub logon_type: LogonType,
    /// The authentication package: `NTLM`, `Kerberos`, `Negotiate`.
    #[serde(default)]
    pub package: String,
    /// The package's variant (`LmPackageName`): `NTLM V1`, `NTLM V2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_variant: Option<String>,
    /// The logon process: `User32`, `NtLmSsp`, `seclogo`, `Advapi`.
    #[serde(default)]
    pub process: String,
    /// The program that asked, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_name: Option<String>,
    /// The key length in bits; 0 for Kerberos and for some pass-the-hash tools with NTLM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_length: Option<u32>,
    /// The logon id of the new session on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_id: Option<u64>,
    /// The logon GUID that ties a Kerberos logon to its 4769.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_guid: Option<String>,
    /// The account that asked for the logon (4624 `Subject`, 4648's user of explicit credentials), where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Account>,
    /// The outbound credential of type 9 (`TargetOutboundUserName`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Account>,
    /// Whether explicit credentials were used (4648): the actor logs on elsewhere from this host.
    #[serde(default)]
    pub explicit: bool,
    /// Whether the session got administrative privileges (4672 follows, or elevated token).
    #[serde(default)]
    pub elevated: bool,
    /// The service or share that was authorised, where the source says (Samba `serviceDescription`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Logon {
    /// True where the package is NTLM.
    #[must_use]
    pub fn ntlm(&self) -> bool {
        self.package.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("ntlm"))
    }

    /// True where the package is Kerberos.
    #[must_use]
    pub fn kerberos(&self) -> bool {
        self.package.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("ker") || p.eq_ignore_ascii_case("krb"))
    }
}

/// The end of a logon session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logoff {
    /// The type of the session that ended.
    pub logon_type: LogonType,
    /// Its logon id on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_id: Option<u64>,
}

/// Privileges given to a new logon session (4672). The actor is the account, the target the host: whoever gets
/// `SeDebugPrivilege` or `SeTcbPrivilege` there is its administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivilegeAssignment {
    /// The privileges, `SeDebugPrivilege` …
    pub privileges: Vec<String>,
    /// The logon id of the session on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_id: Option<u64>,
}
