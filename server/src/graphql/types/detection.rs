//! Detections with their manuals, as the code has them.

use async_graphql::{Object, SimpleObject};
use hopwatch_detections::{ALL, Meta, Phase, manual};

use super::alert::Severity;

/// A detection and its manual.
pub struct DetectionInfo(pub &'static Meta);

/// What an alert shows whose detection this version no longer has.
static RETIRED: Meta = Meta {
    slug: "retired",
    title: "A detection that this version no longer has",
    phase: Phase::Posture,
    severity: hopwatch_model::Severity::Informational,
    techniques: &[],
    external_id: None,
    actions: &[],
    source: "//! This version no longer has the detection; the alert is kept as it was raised.",
};

/// A threshold of a detection.
#[derive(Clone, Debug, SimpleObject)]
pub struct Threshold {
    /// The name in the configuration.
    pub name: String,
    /// The value at the default sensitivity, as JSON.
    pub value: String,
}

/// The detection of a slug.
#[must_use]
pub fn find(slug: &str) -> Option<DetectionInfo> {
    ALL.iter().map(|factory| factory.meta()).find(|meta| meta.slug == slug).map(DetectionInfo)
}

/// The detection of an alert.
#[must_use]
pub fn of_alert(slug: &str) -> DetectionInfo {
    find(slug).unwrap_or(DetectionInfo(&RETIRED))
}

/// Every detection, by slug.
#[must_use]
pub fn all() -> Vec<DetectionInfo> {
    ALL.iter().map(|factory| DetectionInfo(factory.meta())).collect()
}

/// A detection and its manual.
#[Object]
impl DetectionInfo {
    /// The name in configuration and alerts.
    async fn slug(&self) -> &'static str {
        self.0.slug
    }

    /// A title of a few words.
    async fn title(&self) -> &'static str {
        self.0.title
    }

    /// Defender for Identity's external id.
    async fn external_id(&self) -> Option<u32> {
        self.0.external_id
    }

    /// The severity where a verdict gives no other.
    async fn severity(&self) -> Severity {
        self.0.severity.into()
    }

    /// The phase of the kill chain.
    async fn phase(&self) -> &'static str {
        self.0.phase.words()
    }

    /// ATT&CK technique ids.
    async fn techniques(&self) -> &'static [&'static str] {
        self.0.techniques
    }

    /// The manual in Markdown, from the header of the detection's file.
    async fn manual(&self) -> String {
        manual::header(self.0.source)
    }

    /// What to do now, in order.
    async fn what_to_do(&self) -> &'static [&'static str] {
        self.0.actions
    }

    /// Its thresholds at the default sensitivity.
    async fn thresholds(&self) -> Vec<Threshold> {
        let factory = ALL.iter().find(|factory| factory.meta().slug == self.0.slug);
        let values = factory.map(|factory| factory.thresholds(hopwatch_detections::Sensitivity::default()));
        let fields = values.as_ref().and_then(|values| values.as_object()).into_iter().flatten();
        fields.map(|(name, value)| Threshold { name: name.clone(), value: value.to_string() }).collect()
    }
}
