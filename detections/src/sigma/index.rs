//! Finds the few rules that a record may fit: by the literals that one of its fields must hold, else by its event id.
//!
//! From a rule's condition follows a set of literals of which at least one must be in a named field. All literals of one
//! field are looked for in one pass (Aho-Corasick). A rule without such a set is held against every record of its event
//! ids, or of all.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use rustc_hash::FxHashMap;

use super::matcher::{Case, Node, Piece, Test};
use super::record::Record;
use super::{Error, Rule};

/// The shortest literal worth looking for: a shorter one is in every value.
const SHORTEST: usize = 3;
/// The most literals of one rule: beyond, the rule is held against all of its ids.
const MOST: usize = 256;

/// The index of a set.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By field: the automaton, and the rules of each of its patterns.
    fields: Vec<(String, AhoCorasick, Vec<Vec<u32>>)>,
    /// Rules without literals, by event id.
    by_id: FxHashMap<u32, Vec<u32>>,
    /// Rules without literals and ids.
    always: Vec<u32>,
    rules: usize,
}

/// What matching needs from record to record; keeps its memory.
#[derive(Debug, Default)]
pub struct Scratch {
    stamps: Vec<u32>,
    stamp: u32,
    found: Vec<u32>,
}

impl Scratch {
    fn begin(&mut self, rules: usize) {
        self.found.clear();
        if self.stamps.len() != rules || self.stamp == u32::MAX {
            self.stamps = vec![0; rules];
            self.stamp = 0;
        }
        self.stamp += 1;
    }

    fn add(&mut self, rule: u32) {
        let place = usize::try_from(rule).unwrap_or(usize::MAX);
        if let Some(stamp) = self.stamps.get_mut(place).filter(|stamp| **stamp != self.stamp) {
            *stamp = self.stamp;
            self.found.push(rule);
        }
    }

    pub(super) fn candidates(&mut self) -> impl Iterator<Item = usize> {
        self.found.sort_unstable();
        self.found.iter().filter_map(|rule| usize::try_from(*rule).ok())
    }
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, Error> {
        let mut index = Self { rules: rules.len(), ..Self::default() };
        let mut literals: FxHashMap<String, FxHashMap<String, Vec<u32>>> = FxHashMap::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = u32::try_from(number).map_err(|_| Error::Full)?;
            match needed(&rule.node).filter(|needed| needed.len() <= MOST) {
                Some(needed) => {
                    for (field, literal) in needed {
                        literals.entry(field).or_default().entry(literal).or_default().push(number);
                    }
                }
                None if rule.logs.ids.is_empty() => index.always.push(number),
                None => rule.logs.ids.iter().for_each(|(_, id)| index.by_id.entry(*id).or_default().push(number)),
            }
        }
        let mut fields: Vec<_> = literals.into_iter().collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        for (field, patterns) in fields {
            let mut patterns: Vec<(String, Vec<u32>)> = patterns.into_iter().collect();
            patterns.sort();
            let automaton = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(patterns.iter().map(|(literal, _)| literal))
                .map_err(|error| Error::Pattern { pattern: error.to_string() })?;
            index.fields.push((field, automaton, patterns.into_iter().map(|(_, rules)| rules).collect()));
        }
        Ok(index)
    }

    /// Puts the rules that a record may fit into the scratch.
    pub(super) fn candidates(&self, record: &Record<'_>, scratch: &mut Scratch) {
        scratch.begin(self.rules);
        self.always
            .iter()
            .chain(self.by_id.get(&record.event_id).into_iter().flatten())
            .for_each(|rule| scratch.add(*rule));
        for (name, value) in &record.fields {
            let Ok(place) = self.fields.binary_search_by(|(field, ..)| field.as_str().cmp(name)) else { continue };
            let Some((_, automaton, rules)) = self.fields.get(place) else { continue };
            for found in automaton.find_overlapping_iter(value.as_bytes()) {
                rules.get(found.pattern().as_usize()).into_iter().flatten().for_each(|rule| scratch.add(*rule));
            }
        }
    }
}

/// Field and literal: of these at least one must be there. `None` where nothing of the kind follows.
type Needed = Vec<(String, String)>;

fn needed(node: &Node) -> Option<Needed> {
    match node {
        // The sharpest of what all is needed: the one whose shortest literal is longest.
        Node::And(parts) => parts.iter().filter_map(needed).max_by_key(sharpness),
        Node::Or(parts) | Node::AtLeast(_, parts) => {
            let all: Option<Vec<Needed>> = parts.iter().map(needed).collect();
            all.map(|all| all.into_iter().flatten().collect()).filter(|all: &Needed| !all.is_empty())
        }
        Node::Field { name, tests, all: true } => {
            let each = tests.iter().filter_map(literal).map(|literal| vec![(name.clone(), literal)]);
            each.max_by_key(sharpness)
        }
        Node::Field { name, tests, all: false } => {
            let all: Option<Vec<String>> = tests.iter().map(literal).collect();
            let all = all.filter(|all| !all.is_empty());
            all.map(|all| all.into_iter().map(|literal| (name.clone(), literal)).collect())
        }
        Node::Not(_) | Node::Anywhere(_) => None,
    }
}

fn sharpness(needed: &Needed) -> (usize, std::cmp::Reverse<usize>) {
    let shortest = needed.iter().map(|(_, literal)| literal.len()).min().unwrap_or(0);
    (shortest, std::cmp::Reverse(needed.len()))
}

/// A text that a value must hold to fit a test.
fn literal(test: &Test) -> Option<String> {
    let text = match test {
        Test::Equal(text, Case::Kept | Case::Ignored)
        | Test::Contains(text, _)
        | Test::Starts(text, _)
        | Test::Ends(text, _) => text.clone(),
        Test::Wild(pieces, _) => {
            let texts = pieces.iter().filter_map(|piece| match piece {
                Piece::Text(text) => Some(text.clone()),
                Piece::Any | Piece::One => None,
            });
            texts.max_by_key(String::len)?
        }
        Test::Regex(_)
        | Test::Subnet(_)
        | Test::Number(..)
        | Test::Exists(_)
        | Test::Null
        | Test::SameAs(_)
        | Test::Other(_) => return None,
    };
    // The automaton folds ASCII alone.
    (text.len() >= SHORTEST && text.is_ascii()).then_some(text)
}
