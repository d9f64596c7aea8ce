//! Judgements: alerts about activity, findings about posture, and the evidence on which they rest.

use serde::{Deserialize, Serialize};

use crate::{Account, Host, Provenance, Timestamp};

/// How bad it is if true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// Look at it this week.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
}

/// A pointer to a record on which a judgement rests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// Where it is.
    pub provenance: Provenance,
    /// When it happened.
    pub time: Timestamp,
    /// What it shows, in words.
    pub note: String,
}

/// One term of a score or one reason of a judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    /// The feature's name.
    pub name: String,
    /// Its own value, in the unit that `text` names.
    pub value: f64,
    /// What it adds to the score.
    pub contribution: f64,
    /// The reason in words, with the baseline beside it.
    pub text: String,
}

/// A judgement about activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The detection's slug.
    pub detection: String,
    /// What makes two judgements the same alert: detection, actor, hosts, and what else the detection keys on.
    pub key: String,
    /// Defender for Identity's external id, for SIEM content written for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<u32>,
    /// How bad it is if true.
    pub severity: Severity,
    /// The time of the first event.
    pub first_at: Timestamp,
    /// The time of the latest event.
    pub last_at: Timestamp,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Account>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Host>,
    /// To which host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_host: Option<Host>,
    /// To what: account, group, object, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The story in one or two sentences, actor first.
    pub explanation: String,
    /// The reasons, each with its baseline.
    #[serde(default)]
    pub reasons: Vec<ScorePart>,
    /// 0–100: how sure, given all reasons.
    pub score: f64,
    /// ATT&CK technique ids.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// What to do now, in order.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The records on which it rests; never empty, at most [`MAX_EVIDENCE`].
    pub evidence: Vec<Evidence>,
    /// How many events belong to it, those beyond the listed evidence included.
    pub events: u64,
}

/// The most records that an alert lists; the count goes on in [`Alert::events`].
pub const MAX_EVIDENCE: usize = 50;

/// A judgement about posture: it goes when its cause goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The finding's slug.
    pub detection: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub title: String,
    /// The objects concerned, by id; the whole list.
    pub exposed: Vec<String>,
    /// What to do.
    pub remediation: String,
    /// What it rests on, in words: attribute, edge, record.
    pub evidence: Vec<String>,
    /// When it was seen.
    pub seen_at: Timestamp,
}
