//! The compressed sparse row graph: edges by source and by target, structure of arrays.
//!
//! Bytes per edge: forward target 4 + class 1 + record 4 + first and last seen 8 = 17, reverse source 4 + class 1 = 5,
//! together 22, beside 8 bytes per node for the offsets. A *class* is an edge kind with a cost: one byte, read by a
//! search where it would otherwise read kind and cost. Rows are sorted by their other end, so the forward place of a
//! reverse edge is found by binary search, and equal input gives equal rows.

use hopwatch_model::EdgeKind;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::ids::{at, narrow};
use crate::kinds::KindMask;

/// The most classes: what a byte tells apart.
const MAX_CLASSES: usize = 256;

/// Edge kinds with their costs.
#[derive(Clone, Debug)]
pub(crate) struct Classes {
    kinds: Vec<EdgeKind>,
    costs: Vec<u8>,
    extra: FxHashMap<(EdgeKind, u8), u8>,
}

impl Default for Classes {
    fn default() -> Self {
        Self {
            kinds: EdgeKind::ALL.to_vec(),
            costs: EdgeKind::ALL.iter().map(|kind| kind.cost()).collect(),
            extra: FxHashMap::default(),
        }
    }
}

impl Classes {
    /// The class of a kind at a cost. Where all 256 classes are taken, that of the kind's default cost.
    pub(crate) fn of(&mut self, kind: EdgeKind, cost: u8) -> u8 {
        if cost == kind.cost() {
            return kind.index();
        }
        if let Some(class) = self.extra.get(&(kind, cost)) {
            return *class;
        }
        match u8::try_from(self.kinds.len()) {
            Ok(class) if self.kinds.len() < MAX_CLASSES => {
                self.kinds.push(kind);
                self.costs.push(cost);
                self.extra.insert((kind, cost), class);
                class
            }
            _ => kind.index(),
        }
    }

    pub(crate) fn kind(&self, class: u8) -> EdgeKind {
        self.kinds.get(usize::from(class)).copied().unwrap_or(EdgeKind::CustomEdge)
    }

    pub(crate) fn cost(&self, class: u8) -> u8 {
        self.costs.get(usize::from(class)).copied().unwrap_or_default()
    }

    /// For every class whether a search may use it.
    pub(crate) fn allowed(&self, mask: KindMask) -> [bool; MAX_CLASSES] {
        let mut table = [false; MAX_CLASSES];
        for (slot, kind) in table.iter_mut().zip(&self.kinds) {
            *slot = mask.contains(*kind);
        }
        table
    }

    /// The cost of every class.
    pub(crate) fn costs(&self) -> [u8; MAX_CLASSES] {
        let mut table = [0; MAX_CLASSES];
        for (slot, cost) in table.iter_mut().zip(&self.costs) {
            *slot = *cost;
        }
        table
    }
}

/// An edge of the input of a build: rows lie whole beside each other, so that putting one in its place costs one miss of
/// the cache and not one for each column.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Row {
    pub(crate) source: u32,
    pub(crate) target: u32,
    pub(crate) record: u32,
    /// Seconds since 1970, saturating.
    pub(crate) first: u32,
    /// Seconds since 1970, saturating.
    pub(crate) last: u32,
    pub(crate) class: u8,
}

/// The graph in both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Csr {
    pub(crate) forward_offsets: Vec<u32>,
    pub(crate) target: Vec<u32>,
    pub(crate) forward_class: Vec<u8>,
    pub(crate) record: Vec<u32>,
    pub(crate) first: Vec<u32>,
    pub(crate) last: Vec<u32>,
    pub(crate) reverse_offsets: Vec<u32>,
    pub(crate) source: Vec<u32>,
    pub(crate) reverse_class: Vec<u8>,
}

impl Csr {
    /// Builds both directions by two stable counting sorts: by target, and of that order by source, which leaves every
    /// row sorted. Every end must lie below `nodes`.
    pub(crate) fn build(nodes: usize, rows: &[Row]) -> Self {
        let ((forward_offsets, _), (reverse_offsets, targets)) =
            rayon::join(|| offsets(nodes, rows, |row| row.source), || offsets(nodes, rows, |row| row.target));
        let by_target = scatter(&reverse_offsets, &targets, None);
        drop(targets);
        let mut csr = Self { forward_offsets, reverse_offsets, ..Self::default() };
        csr.fill_reverse(&by_target, rows);
        let order = scatter(&csr.forward_offsets, &csr.source, Some(&by_target));
        drop(by_target);
        csr.fill_forward(&order, rows);
        csr
    }

    fn fill_reverse(&mut self, order: &[u32], rows: &[Row]) {
        (self.source, self.reverse_class) = (vec![0; order.len()], vec![0; order.len()]);
        let columns = self.source.par_chunks_mut(CHUNK).zip(self.reverse_class.par_chunks_mut(CHUNK));
        order.par_chunks(CHUNK).zip(columns).for_each(|(order, (source, class))| {
            for (place, (source, class)) in order.iter().zip(source.iter_mut().zip(class)) {
                let row = rows.get(at(*place)).copied().unwrap_or_default();
                (*source, *class) = (row.source, row.class);
            }
        });
    }

    fn fill_forward(&mut self, order: &[u32], rows: &[Row]) {
        let zeros = || vec![0; order.len()];
        (self.target, self.record, self.first, self.last) = (zeros(), zeros(), zeros(), zeros());
        self.forward_class = vec![0; order.len()];
        let ends = self.target.par_chunks_mut(CHUNK).zip(self.record.par_chunks_mut(CHUNK));
        let times = self.first.par_chunks_mut(CHUNK).zip(self.last.par_chunks_mut(CHUNK));
        let columns = ends.zip(times).zip(self.forward_class.par_chunks_mut(CHUNK));
        order.par_chunks(CHUNK).zip(columns).for_each(|(order, (((target, record), (first, last)), class))| {
            let ends = target.iter_mut().zip(record);
            let times = first.iter_mut().zip(last);
            for (place, (((target, record), (first, last)), class)) in order.iter().zip(ends.zip(times).zip(class)) {
                let row = rows.get(at(*place)).copied().unwrap_or_default();
                (*target, *record, *first, *last, *class) = (row.target, row.record, row.first, row.last, row.class);
            }
        });
    }

    #[inline]
    pub(crate) fn outward(&self, node: u32) -> std::ops::Range<usize> {
        row(&self.forward_offsets, node)
    }

    #[inline]
    pub(crate) fn inward(&self, node: u32) -> std::ops::Range<usize> {
        row(&self.reverse_offsets, node)
    }

    /// The forward places of the edges from `source` to `target`.
    pub(crate) fn between(&self, source: u32, target: u32) -> std::ops::Range<usize> {
        let range = self.outward(source);
        let targets = self.target.get(range.clone()).unwrap_or_default();
        let from = targets.partition_point(|other| *other < target);
        let until = from + targets.get(from..).unwrap_or_default().partition_point(|other| *other == target);
        range.start + from..range.start + until
    }

    /// Bytes held by the columns.
    pub(crate) fn bytes(&self) -> usize {
        4 * (self.forward_offsets.len() + self.reverse_offsets.len())
            + 4 * (self.target.len() + self.record.len() + self.first.len() + self.last.len() + self.source.len())
            + self.forward_class.len()
            + self.reverse_class.len()
    }
}

#[inline]
fn row(offsets: &[u32], node: u32) -> std::ops::Range<usize> {
    match offsets.get(at(node)..) {
        Some([from, until, ..]) => at(*from)..at(*until),
        _ => 0..0,
    }
}

/// The start of every key's row, and the end of the last; and the keys.
fn offsets(nodes: usize, rows: &[Row], key: impl Fn(&Row) -> u32) -> (Vec<u32>, Vec<u32>) {
    let mut counts = vec![0_u32; nodes + 1];
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let key = key(row);
        if let Some(count) = counts.get_mut(at(key)) {
            *count += 1;
        }
        keys.push(key);
    }
    let mut start = 0;
    for count in &mut counts {
        start += std::mem::replace(count, start);
    }
    (counts, keys)
}

/// Parts of a counting sort: enough to keep two cores busy and a part's output near the cache.
const PARTS: usize = 4;

/// Rows that a task takes at once.
const CHUNK: usize = 1 << 15;

/// The values in stable order of their keys; without values, the places of the keys. Each part of the key range is filled
/// by its own task, which writes only to its own part of the output; that the keys are read once for each part is cheap,
/// since reading is sequential.
fn scatter(offsets: &[u32], keys: &[u32], values: Option<&[u32]>) -> Vec<u32> {
    let mut order = vec![0_u32; keys.len()];
    let mut parts = Vec::with_capacity(PARTS);
    let (mut rest, mut from_key, mut from_slot) = (order.as_mut_slice(), 0_usize, 0_usize);
    let last_key = offsets.len().saturating_sub(1);
    for part in 1..=PARTS {
        let until_slot = keys.len() * part / PARTS;
        let until_key = if part == PARTS {
            last_key
        } else {
            offsets.partition_point(|start| at(*start) < until_slot).clamp(from_key, last_key)
        };
        let end = offsets.get(until_key).map_or(keys.len(), |start| at(*start));
        let (mine, others) = rest.split_at_mut(end - from_slot);
        parts.push((from_key, until_key, from_slot, mine));
        (rest, from_key, from_slot) = (others, until_key, end);
    }
    parts.into_par_iter().for_each(|(from_key, until_key, from_slot, mine)| {
        let mut next: Vec<u32> = offsets.get(from_key..until_key).unwrap_or_default().to_vec();
        let base = narrow(from_key);
        for (place, key) in keys.iter().enumerate() {
            let Some(slot) = next.get_mut(at(key.wrapping_sub(base))) else {
                continue;
            };
            if let Some(cell) = mine.get_mut(at(*slot) - from_slot) {
                *cell = values.map_or(narrow(place), |values| values.get(place).copied().unwrap_or_default());
            }
            *slot += 1;
        }
    });
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_directions_hold_the_edges_that_went_in(edges in prop::collection::vec((0_u32..40, 0_u32..40, 0_u8..90), 0..300)) {
            let rows: Vec<Row> = (0_u32..)
                .zip(&edges)
                .map(|(record, (source, target, class))| Row {
                    source: *source,
                    target: *target,
                    record,
                    first: record,
                    last: record + 1,
                    class: *class,
                })
                .collect();
            let csr = Csr::build(40, &rows);
            let mut forward = Vec::new();
            let mut reverse = Vec::new();
            for node in 0..40 {
                let row = csr.outward(node);
                prop_assert!(csr.target[row.clone()].is_sorted());
                for place in row {
                    prop_assert_eq!(csr.first[place] + 1, csr.last[place]);
                    let record = csr.record[place];
                    prop_assert_eq!(edges[at(record)], (node, csr.target[place], csr.forward_class[place]));
                    prop_assert!(csr.between(node, csr.target[place]).contains(&place));
                    forward.push((node, csr.target[place], csr.forward_class[place]));
                }
                for place in csr.inward(node) {
                    reverse.push((csr.source[place], node, csr.reverse_class[place]));
                }
            }
            let mut edges = edges;
            edges.sort_unstable();
            forward.sort_unstable();
            reverse.sort_unstable();
            prop_assert_eq!(&edges, &forward);
            prop_assert_eq!(&edges, &reverse);
        }
    }

    #[test]
    fn an_override_of_the_cost_keeps_the_kind() {
        let mut classes = Classes::default();
        let class = classes.of(EdgeKind::HasSession, 99);
        assert_eq!((classes.kind(class), classes.costs()[usize::from(class)]), (EdgeKind::HasSession, 99));
        assert_eq!(classes.of(EdgeKind::HasSession, 99), class);
        assert_eq!(classes.of(EdgeKind::AdminTo, EdgeKind::AdminTo.cost()), EdgeKind::AdminTo.index());
    }
}
