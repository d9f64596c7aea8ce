//! NTLM authentications (`[MS-NLMP]`), from the wire and from the DC's log (4776). The failure code is an NTSTATUS:
//! 0xC0000064 no such user, 0xC000006A wrong password, 0xC000006D either, 0xC0000234 locked out.

use serde::{Deserialize, Serialize};

/// The kind of response that proved the password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NtlmVersion {
    /// The source does not say (4776).
    #[default]
    Unknown,
    /// No credentials at all (`[MS-NLMP] 3.2.5.1.2`): no NTLMv1, whatever Windows prints.
    Anonymous,
    /// LM response only.
    Lm,
    /// NTLMv1: a 24-byte response.
    V1,
    /// NTLMv1 with extended session security.
    V1Ess,
    /// NTLMv2.
    V2,
}

/// An NTLM authentication. The actor is the account, the source the client, the target the server (or the DC that validates).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtlmLogon {
    /// The version of the response.
    pub version: NtlmVersion,
    /// The workstation that the client names; attackers may leave it empty or lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workstation: Option<String>,
    /// The protocol that carried it: `smb`, `ldap`, `rpc`, `http`, `netlogon` (validated by the DC for a member).
    pub carrier: String,
    /// The negotiated flags of the AUTHENTICATE_MESSAGE (`[MS-NLMP] 2.2.2.5`).
    #[serde(default)]
    pub flags: u32,
    /// Whether a message integrity code was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mic: Option<bool>,
    /// MsvAvFlags inside an NTLMv2 response (`[MS-NLMP] 2.2.2.1`): bit 1 promises a MIC. The response protects it, so that a
    /// promised MIC that is not there was cut off on the way (CVE-2019-1040).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub av_flags: Option<u32>,
    /// The service name of the target (MsvAvTargetName), which names the server that the client meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    /// The client's version structure (`major.minor.build`), zeros for most tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The name and domain that the server's CHALLENGE_MESSAGE gives itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}
