//! Pointers to records, and the parts of a score.

use async_graphql::SimpleObject;
use hopwatch_model::provenance::SourceKind;

use crate::graphql::time::DateTime;

/// A pointer to a record on which a judgement rests.
#[derive(Clone, Debug, SimpleObject)]
pub struct Evidence {
    /// When it happened.
    pub time: DateTime,
    /// The source's name.
    pub source: String,
    /// `frame 4711`, `record 88123`, `line 12`.
    pub record: String,
    /// What kind of source it is.
    pub source_kind: String,
    /// The Windows event id or the source's own type number, where there is one.
    pub event_id: Option<u32>,
    /// What it shows, in words.
    pub note: String,
}

impl From<&hopwatch_model::Evidence> for Evidence {
    fn from(evidence: &hopwatch_model::Evidence) -> Self {
        let provenance = &evidence.provenance;
        Self {
            time: DateTime(evidence.time),
            source: provenance.source.to_string(),
            record: provenance.record.to_string(),
            source_kind: source_kind(provenance.kind).to_owned(),
            event_id: provenance.event_id,
            note: evidence.note.clone(),
        }
    }
}

/// One term of a score or one reason of a judgement.
#[derive(Clone, Debug, SimpleObject)]
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

impl From<&hopwatch_model::alert::ScorePart> for ScorePart {
    fn from(part: &hopwatch_model::alert::ScorePart) -> Self {
        Self { name: part.name.clone(), value: part.value, contribution: part.contribution, text: part.text.clone() }
    }
}

/// The words for a kind of source.
pub(crate) fn source_kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Capture => "capture",
        SourceKind::WindowsEvent => "windows event",
        SourceKind::SambaAudit => "samba audit",
        SourceKind::Radius => "radius",
        SourceKind::SignIn => "sign-in",
        SourceKind::Zeek => "zeek",
        SourceKind::Directory => "directory",
    }
}
