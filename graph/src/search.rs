//! Finding nodes by what a person types: part of a name, an account, a host or an id.

use crate::estate::Node;
use crate::ids::NodeId;
use crate::kinds::NodeKindMask;
use crate::snapshot::Snapshot;

/// The properties in which a text is looked for, beside the id.
const SEARCHED: &[&str] = &["name", "samaccountname", "userprincipalname", "dnshostname", "displayname", "mail"];

/// The most nodes that a search returns.
pub const MAX_FOUND: usize = 1000;

/// How well a node fits: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// A name or the id is the text.
    Whole,
    /// A name begins with it.
    Start,
    /// A word inside a name begins with it.
    Word,
    /// A name or the id contains it.
    Inside,
}

impl Snapshot {
    /// The existing nodes of the kinds that fit a text best, equal ones in order of their names; at most `limit`, and at
    /// most [`MAX_FOUND`]. Case does not matter; an empty text fits nothing.
    #[must_use]
    pub fn search(&self, text: &str, kinds: NodeKindMask, limit: usize) -> Vec<(NodeId, Fit)> {
        let wanted = text.trim().to_lowercase();
        if wanted.is_empty() {
            return Vec::new();
        }
        let of_kind = self.nodes().filter(|id| kinds.contains(self.kind(*id)));
        let mut found: Vec<(Fit, &str, NodeId)> = of_kind
            .filter_map(|id| {
                let node = self.node(id)?;
                Some((fit(node, &wanted)?, node.label(), id))
            })
            .collect();
        let limit = limit.min(MAX_FOUND);
        if found.len() > limit {
            // Only the best need their order.
            if limit > 0 {
                found.select_nth_unstable(limit - 1);
            }
            found.truncate(limit);
        }
        found.sort_unstable();
        found.into_iter().map(|(fit, _, id)| (id, fit)).collect()
    }
}

fn fit(node: &Node, wanted: &str) -> Option<Fit> {
    let names = SEARCHED.iter().filter_map(|property| node.text(property));
    let by_name = names.filter_map(|name| fit_name(name, wanted)).min();
    let by_id = fit_name(&node.id, wanted).map(|fit| if fit == Fit::Whole { Fit::Whole } else { Fit::Inside });
    by_name.into_iter().chain(by_id).min()
}

fn fit_name(name: &str, wanted: &str) -> Option<Fit> {
    let name = name.to_lowercase();
    let mut best = None;
    for (place, _) in name.match_indices(wanted) {
        let before = name.get(..place).and_then(|before| before.chars().next_back());
        let fit = match before {
            None if name.len() == wanted.len() => Fit::Whole,
            None => Fit::Start,
            Some(before) if !before.is_alphanumeric() => Fit::Word,
            Some(_) => Fit::Inside,
        };
        best = Some(best.map_or(fit, |known: Fit| known.min(fit)));
    }
    best
}

#[cfg(test)]
mod tests {
    use hopwatch_model::NodeKind;
    use hopwatch_model::directory::DeltaKind;

    use super::*;
    use crate::estate::Estate;
    use crate::estate::tests::{delta, node};

    fn check(text: &str, kinds: NodeKindMask, limit: usize, expected: &[(&str, Fit)]) {
        let nodes = vec![
            node("S-1", NodeKind::User, &[("name", "ANN@LAB.EXAMPLE"), ("samaccountname", "ann")]),
            node("S-2", NodeKind::User, &[("name", "JOANNA@LAB.EXAMPLE"), ("displayname", "Joanna Annis")]),
            node("S-3", NodeKind::Computer, &[("name", "ANNEX.LAB.EXAMPLE")]),
            node("S-4", NodeKind::Group, &[("name", "ZÜRICH ADMINS@LAB.EXAMPLE")]),
        ];
        let mut estate = Estate::default();
        estate.apply(&delta(1, DeltaKind::Merge, nodes, vec![]));
        let snapshot = estate.snapshot(None);
        let found = snapshot.search(text, kinds, limit);
        let ids: Vec<_> = found.iter().map(|(id, fit)| (snapshot.node(*id).unwrap().id.as_str(), *fit)).collect();
        assert_eq!(ids, expected, "{text}");
    }

    #[test]
    fn the_best_fit_comes_first() {
        let all = NodeKindMask::all();
        check("ann", all, 10, &[("S-1", Fit::Whole), ("S-3", Fit::Start), ("S-2", Fit::Word)]);
        check("ANN", all, 2, &[("S-1", Fit::Whole), ("S-3", Fit::Start)]);
        check("zürich", all, 10, &[("S-4", Fit::Start)]);
        check("s-3", all, 10, &[("S-3", Fit::Whole)]);
        check("oanna", all, 10, &[("S-2", Fit::Inside)]);
    }

    #[test]
    fn kinds_and_limits_hold() {
        check("ann", [NodeKind::Computer].into_iter().collect(), 10, &[("S-3", Fit::Start)]);
        check("ann", NodeKindMask::all(), 0, &[]);
        check(" ", NodeKindMask::all(), 10, &[]);
    }
}
