//! Strongly connected components: sets of nodes each of which reaches the others. Tarjan's algorithm (1972) without
//! recursion, since paths of an estate can be longer than a stack is deep.

use crate::Error;
use crate::filter::{Direction, Filter, Scope};
use crate::ids::{NodeId, at, narrow};
use crate::limits::Limits;
use crate::snapshot::Snapshot;

/// Of no component: a place where no node exists.
const NONE: u32 = u32::MAX;

/// Steps between two questions whether to stop.
const STEPS: usize = 1 << 16;

/// The strongly connected components of a snapshot.
#[derive(Clone, Debug)]
pub struct Components {
    of: Vec<u32>,
    sizes: Vec<u32>,
}

impl Components {
    /// The component of a node. Numbers run against the edges: an edge leads to the same or a lower number.
    #[must_use]
    pub fn of(&self, id: NodeId) -> Option<usize> {
        self.of.get(id.index()).copied().filter(|component| *component != NONE).map(at)
    }

    /// How many components there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// True where there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// How many nodes a component has; 0 for an unknown one.
    #[must_use]
    pub fn size(&self, component: usize) -> usize {
        self.sizes.get(component).copied().map_or(0, at)
    }
}

impl Snapshot {
    /// The strongly connected components of the nodes that the filter leaves.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub fn components(&self, filter: &Filter, limits: &Limits<'_>) -> Result<Components, Error> {
        let scope = Scope::new(self, filter);
        let bound = self.node_bound();
        let mut tarjan = Tarjan {
            number: vec![0; bound],
            low: vec![0; bound],
            next: 1,
            stack: Vec::new(),
            components: Components { of: vec![NONE; bound], sizes: Vec::new() },
        };
        for id in self.nodes().filter(|id| !scope.blocked(id.0)) {
            if tarjan.number.get(id.index()) == Some(&0) {
                tarjan.visit(&scope, id.0, limits)?;
            }
        }
        Ok(tarjan.components)
    }
}

struct Tarjan {
    /// The order of discovery, from 1; 0 while undiscovered.
    number: Vec<u32>,
    low: Vec<u32>,
    next: u32,
    stack: Vec<u32>,
    components: Components,
}

/// A node whose edges are being followed.
struct Frame {
    node: u32,
    edges: std::vec::IntoIter<(u32, u8)>,
}

impl Tarjan {
    fn visit(&mut self, scope: &Scope<'_>, root: u32, limits: &Limits<'_>) -> Result<(), Error> {
        let mut frames = vec![self.discover(scope, root)];
        let mut steps = 0_usize;
        while let Some(frame) = frames.last_mut() {
            steps += 1;
            if steps.is_multiple_of(STEPS) {
                limits.stopped()?;
            }
            let node = frame.node;
            if let Some((end, _)) = frame.edges.next() {
                let number = self.number.get(at(end)).copied().unwrap_or_default();
                if number == 0 {
                    let frame = self.discover(scope, end);
                    frames.push(frame);
                } else if self.components.of.get(at(end)) == Some(&NONE) {
                    self.lower(node, number);
                }
                continue;
            }
            frames.pop();
            let low = self.low.get(at(node)).copied().unwrap_or_default();
            if let Some(parent) = frames.last() {
                self.lower(parent.node, low);
            }
            if self.number.get(at(node)) == Some(&low) {
                self.close(node);
            }
        }
        Ok(())
    }

    fn discover(&mut self, scope: &Scope<'_>, node: u32) -> Frame {
        if let (Some(number), Some(low)) = (self.number.get_mut(at(node)), self.low.get_mut(at(node))) {
            (*number, *low) = (self.next, self.next);
        }
        self.next += 1;
        self.stack.push(node);
        Frame { node, edges: scope.edges(node, Direction::Outbound).into_iter() }
    }

    fn lower(&mut self, node: u32, number: u32) {
        if let Some(low) = self.low.get_mut(at(node)) {
            *low = (*low).min(number);
        }
    }

    fn close(&mut self, root: u32) {
        let component = narrow(self.components.sizes.len());
        let mut size = 0;
        while let Some(node) = self.stack.pop() {
            if let Some(cell) = self.components.of.get_mut(at(node)) {
                *cell = component;
            }
            size += 1;
            if node == root {
                break;
            }
        }
        self.components.sizes.push(size);
    }
}
