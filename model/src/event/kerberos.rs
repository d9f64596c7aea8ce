//! Kerberos exchanges as events (RFC 4120 §3), from the wire and from the KDC's own log (4768, 4769, 4770, 4771).
//!
//! The outcome's failure code is the Kerberos error code (RFC 4120 §7.5.9): 6 = principal unknown, 18 = client revoked,
//! 24 = pre-authentication failed, 25 = pre-authentication required (no failure of the user's).

use serde::{Deserialize, Serialize};

use crate::{Account, Timestamp};

/// A keyed digest of a ticket's cipher text: equal for the same ticket wherever it is seen, useless to whoever steals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketDigest(pub u64);

/// A principal as the wire spells it (RFC 4120 §5.2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// The name type: 1 principal, 2 service instance, 10 enterprise, −128 MS principal …; 0 where the source gave none.
    #[serde(default)]
    pub name_type: i32,
    /// The components joined by `/`: `cifs/srv1.lab.example`, `krbtgt/LAB.EXAMPLE`, `ann`.
    pub name: String,
    /// The realm, as spelt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub realm: String,
}

impl Principal {
    /// True for a ticket-granting service's name.
    #[must_use]
    pub fn krbtgt(&self) -> bool {
        self.name.split('/').next().is_some_and(|first| first.eq_ignore_ascii_case("krbtgt"))
    }

    /// The host part of a service principal (`cifs/srv1.lab.example` → `srv1.lab.example`).
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let host = self.name.split('/').nth(1)?;
        Some(host.split(':').next().unwrap_or(host))
    }

    /// The account that the principal names; the enterprise form's `name@domain` comes apart.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::named(&self.name).in_domain(&self.realm)
    }
}

/// A ticket as seen: never its content (RFC 4120 §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// The digest of its cipher text.
    pub digest: TicketDigest,
    /// The encryption type of its encrypted part (etype, RFC 3961): 23 RC4, 17/18 AES, 1/3 DES.
    pub etype: i32,
    /// The key version, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kvno: Option<u32>,
    /// The service for which it is.
    pub sname: Principal,
    /// The length of its cipher text in bytes: grows with the PAC.
    pub cipher_bytes: u32,
}

/// An AS exchange. The event's actor is `cname`, its source the client, its target the KDC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsExchange {
    /// The client principal.
    pub cname: Principal,
    /// The service asked for, `krbtgt/REALM` in general.
    pub sname: Principal,
    /// The etypes that the client offers, in its order; empty where the source is an event log.
    #[serde(default)]
    pub etypes: Vec<i32>,
    /// The padata types of the request (RFC 4120 §7.5.2): 2 encrypted timestamp, 16/17 PKINIT, 128 PAC request, 136 FAST.
    #[serde(default)]
    pub padata: Vec<i32>,
    /// The etype of the encrypted timestamp (PA-ENC-TIMESTAMP), where one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_etype: Option<i32>,
    /// KERB-PA-PAC-REQUEST (`[MS-KILE] 2.2.3`): whether a PAC was asked for, where the client said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pac_requested: Option<bool>,
    /// The KDC options, bit 0 the most significant (RFC 4120 §5.4.1).
    #[serde(default)]
    pub kdc_options: u32,
    /// The end time asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub till: Option<Timestamp>,
    /// The etypes of ETYPE-INFO2 that the KDC offered in a pre-authentication error or reply.
    #[serde(default)]
    pub offered_etypes: Vec<i32>,
    /// The ticket that was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// The etype of the issued ticket; event logs know it (`TicketEncryptionType`) without having seen the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_etype: Option<i32>,
    /// The etype of the reply's encrypted part: the client's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_etype: Option<i32>,
    /// The client's certificate serial and issuer, where PKINIT was used and the source shows it (4768).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// How many requests were folded into this one exchange (pre-authentication, UDP then TCP).
    #[serde(default)]
    pub requests: u32,
    /// How far the KDC's clock is ahead of the capture's, in milliseconds: `stime` of a KRB-ERROR (whole seconds) less the
    /// time at which it was captured. Absent where no error was seen, and in event logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kdc_ahead_millis: Option<i64>,
}

impl AsExchange {
    /// True where the client proved knowledge of a key or certificate.
    #[must_use]
    pub fn preauthenticated(&self) -> bool {
        self.padata.iter().any(|kind| matches!(kind, 2 | 15 | 16 | 17 | 138))
    }
}

/// A TGS exchange. The actor is the client where it can be known (the reply's `cname`, 4769), its source the client host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TgsExchange {
    /// The client principal, from the reply or the event record; empty where only the request was seen.
    pub cname: Principal,
    /// The service asked for.
    pub sname: Principal,
    /// The ticket presented in the AP-REQ: a TGT in general.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tgt: Option<Ticket>,
    /// The etypes that the client offers.
    #[serde(default)]
    pub etypes: Vec<i32>,
    /// The padata types of the request.
    #[serde(default)]
    pub padata: Vec<i32>,
    /// The KDC options (RFC 4120 §5.4.1; bit 14 of `[MS-SFU]` is cname-in-addl-tkt, S4U2proxy).
    #[serde(default)]
    pub kdc_options: u32,
    /// PA-FOR-USER or PA-S4U-X509-USER (`[MS-SFU] 2.2.1, 2.2.2`): the user impersonated by S4U2self.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_user: Option<Principal>,
    /// The evidence ticket of S4U2proxy or the TGT of user-to-user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_ticket: Option<Ticket>,
    /// Whether `enc-authorization-data` was sent (MS14-068 forged PAC).
    #[serde(default)]
    pub enc_authorization_data: bool,
    /// Whether the request's inner fields are hidden by FAST (RFC 6113).
    #[serde(default)]
    pub fast: bool,
    /// The ticket that was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Ticket>,
    /// The etype of the issued ticket; event logs know it (`TicketEncryptionType`) without having seen the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_etype: Option<i32>,
    /// `LogonGuid` of 4769, which ties the ticket to the 4624 that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logon_guid: Option<String>,
    /// The etype of the reply's encrypted part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_etype: Option<i32>,
    /// The account that runs the service, where the source resolves it (4769 `ServiceName`, `ServiceSid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Account>,
    /// `TransitedServices` of 4769: S4U2proxy's chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transited: Option<String>,
    /// Whether it is a renewal (4770, option renew).
    #[serde(default)]
    pub renewal: bool,
}

impl TgsExchange {
    /// True where the request is S4U2proxy (`[MS-SFU] 3.1.5.2.1`): the option cname-in-addl-tkt with an evidence ticket.
    #[must_use]
    pub fn s4u2proxy(&self) -> bool {
        self.kdc_options & 0x0002_0000 != 0 || self.transited.as_ref().is_some_and(|t| !t.is_empty() && t != "-")
    }
}

/// A service ticket presented to a service. The actor is unknown on the wire (the authenticator is sealed) unless the
/// ledger knows to whom the ticket was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketUse {
    /// The ticket.
    pub ticket: Ticket,
    /// The protocol that carried it: `smb`, `ldap`, `rpc`, `http`.
    pub carrier: String,
    /// AP options (RFC 4120 §5.5.1).
    #[serde(default)]
    pub ap_options: u32,
}
