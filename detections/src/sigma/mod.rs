//! Sigma rules that users bring (specification: sigmahq.io, *Sigma Specification 2*), for Windows and Active Directory
//! logs. Rules are read by `rsigma-parser`, compiled here into one index by channel, event id and the literals that a
//! field must hold, and matched against events in the spelling of Windows' own records ([`record`]).
//!
//! A rule is refused by name and reason where it needs what is not here (another product, correlations, the `expand`
//! modifier); it is taken and marked where no event that we keep can show it ([`Reach`]): a blind rule must not look like
//! a silent one. Deliberately not done: judging records that became no event; pipelines that rename fields.

mod compile;
mod index;
mod matcher;
pub mod record;
#[cfg(test)]
mod tests;

use hopwatch_model::{Event, Severity};

use crate::assembly::Described;
use crate::frame::{Phase, Verdict};
use index::Index;
pub use index::Scratch;
use matcher::Node;
pub use record::Record;

/// The most rules in one set: all of the public collections together are a third of it.
pub const MAX_RULES: usize = 20_000;

/// Why a rule is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no Sigma rule.
    #[error("it is no Sigma rule: {reason}")]
    Parse {
        /// What the parser says.
        reason: String,
    },
    /// It is of another product than Windows.
    #[error("it is about {product}, and only Windows logs are read")]
    Product {
        /// The product.
        product: String,
    },
    /// It uses something that is not supported.
    #[error("it uses {what}, which is not supported")]
    Unsupported {
        /// What.
        what: String,
    },
    /// A pattern in it is broken.
    #[error("its pattern `{pattern}` is broken")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// The set is full.
    #[error("a set holds at most {MAX_RULES} rules")]
    Full,
}

/// Whether the events that are kept can show what a rule looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// They can.
    Whole,
    /// Only in part: these fields are never there, so that what hangs on them cannot match.
    Partial(Vec<String>),
    /// They cannot, and why.
    Blind(String),
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id, else a digest of its title: what makes two texts the same rule.
    pub id: String,
    /// The slug of its alerts.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it says of itself.
    pub description: String,
    /// How bad a hit is.
    pub severity: Severity,
    /// ATT&CK technique ids of its tags.
    pub techniques: Vec<String>,
    /// The phase of the first tactic among its tags.
    pub phase: Phase,
    /// What it may mistake, as it says itself.
    pub false_positives: Vec<String>,
    /// Whether our events can show it.
    pub reach: Reach,
    logs: record::Logs,
    node: Node,
}

impl Rule {
    /// The rules of a YAML text, which may hold several documents; what is refused is told with its title.
    #[must_use]
    pub fn parse(text: &str) -> Vec<Result<Self, (String, Error)>> {
        compile::rules(text)
    }

    /// What its alerts say of themselves.
    #[must_use]
    pub fn described(&self) -> Described<'_> {
        Described {
            slug: &self.slug,
            external_id: None,
            severity: self.severity,
            techniques: self.techniques.clone(),
            actions: self.false_positives.iter().map(|text| format!("Rule out: {text}")).collect(),
        }
    }

    /// The judgement on an event that it hit.
    #[must_use]
    pub fn verdict(&self, event: &Event) -> Verdict {
        let who = event.actor.as_ref().map(hopwatch_model::Account::key).unwrap_or_default();
        let host =
            |host: &Option<hopwatch_model::Host>| host.as_ref().map(hopwatch_model::Host::key).unwrap_or_default();
        let key = format!("{who}|{}|{}", host(&event.source), host(&event.target));
        let place = event.target.as_ref().or(event.source.as_ref()).map(hopwatch_model::Host::label);
        let actor = event.actor.as_ref().map_or("Someone", |actor| actor.name.as_str());
        let story = format!("{actor} did on {} what the rule “{}” looks for.", place.unwrap_or_default(), self.title);
        let score = match self.severity {
            Severity::High => 80.0,
            Severity::Medium => 60.0,
            Severity::Low => 40.0,
            Severity::Informational => 20.0,
        };
        Verdict::of(event, key, story, &self.title).score(score)
    }
}

/// Rules, ready to be matched.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    index: Index,
}

impl RuleSet {
    /// A set of rules; of several with one id the last holds.
    ///
    /// # Errors
    /// [`Error::Full`], or [`Error::Pattern`] where the literals cannot be put into one automaton.
    pub fn new(rules: Vec<Rule>) -> Result<Self, Error> {
        let mut by_id = std::collections::BTreeMap::new();
        for rule in rules {
            by_id.insert(rule.id.clone(), rule);
        }
        if by_id.len() > MAX_RULES {
            return Err(Error::Full);
        }
        let rules: Vec<Rule> = by_id.into_values().collect();
        let index = Index::new(&rules)?;
        Ok(Self { rules, index })
    }

    /// The rules, by id.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Calls `hit` with each rule that an event fits, by id. Events that come from no Windows log fit none.
    pub fn hits<'r>(&'r self, event: &Event, scratch: &mut Scratch, hit: impl FnMut(&'r Rule)) {
        if self.rules.is_empty() {
            return;
        }
        let Some(record) = Record::of(event) else { return };
        self.matching(&record, scratch, hit);
    }

    /// The same for a record.
    pub fn matching<'r>(&'r self, record: &Record<'_>, scratch: &mut Scratch, mut hit: impl FnMut(&'r Rule)) {
        self.index.candidates(record, scratch);
        for number in scratch.candidates() {
            let Some(rule) = self.rules.get(number) else { continue };
            if rule.logs.take(record) && rule.node.matches(record) {
                hit(rule);
            }
        }
    }
}
