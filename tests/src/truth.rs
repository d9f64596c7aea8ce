//! What must be detected: the tables beside the lab's fixtures and the story of the sample estate.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::recording::built;

/// What a scenario's alerts must be.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// Groups of slugs: of each group one must fire.
    pub must: Vec<BTreeSet<String>>,
    /// What may fire too.
    pub may: BTreeSet<String>,
}

/// How a scenario went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Good,
    /// A detection of a group that must fire is not built; what came is right.
    NotBuilt(String),
    /// Something is missing or too much.
    Wrong(String),
}

impl Expectation {
    /// Compares with what fired.
    #[must_use]
    pub fn compare(&self, fired: &BTreeSet<String>) -> Outcome {
        let allowed =
            |slug: &&String| !self.may.contains(*slug) && !self.must.iter().any(|group| group.contains(*slug));
        let extra: Vec<_> = fired.iter().filter(allowed).cloned().collect();
        if !extra.is_empty() {
            return Outcome::Wrong(format!("fired too: {}", extra.join(", ")));
        }
        let mut missing = Vec::new();
        for group in self.must.iter().filter(|group| group.is_disjoint(fired)) {
            let slugs: Vec<_> = group.iter().cloned().collect();
            let name = slugs.join("|");
            // Where one of several may fire, the act may be the business of one that is not built.
            if slugs.iter().all(|slug| built(slug)) {
                return Outcome::Wrong(format!("silent: {name}"));
            }
            missing.push(name);
        }
        if missing.is_empty() { Outcome::Good } else { Outcome::NotBuilt(missing.join(", ")) }
    }

    /// The groups as text.
    #[must_use]
    pub fn wanted(&self) -> String {
        let groups = self.must.iter().map(|group| group.iter().cloned().collect::<Vec<_>>().join("|"));
        let text = groups.collect::<Vec<_>>().join(", ");
        if text.is_empty() { String::from("nothing") } else { text }
    }
}

/// Slugs as text.
#[must_use]
pub fn listed(slugs: &BTreeSet<String>) -> String {
    if slugs.is_empty() { String::from("nothing") } else { slugs.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// The slugs of `a|b`; none for `-`.
#[must_use]
pub fn group(text: &str, separator: char) -> BTreeSet<String> {
    text.split(separator).filter(|slug| !slug.is_empty() && *slug != "-").map(str::to_owned).collect()
}

/// A file of JSON, gzip or plain.
///
/// # Panics
/// Where it cannot be read.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a helper of tests fails as tests do")]
pub fn json(path: &Path) -> serde_json::Value {
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    } else {
        text = std::fs::read_to_string(path).unwrap();
    }
    serde_json::from_str(&text).unwrap()
}
