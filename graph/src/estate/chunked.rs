//! A growing table whose copies share what did not change: rows lie in chunks behind `Arc`, and a chunk is copied only
//! when it is written while a snapshot still holds it.

use std::sync::Arc;

/// Rows in a chunk: a power of two. Larger makes reading cheaper, smaller makes the first write after a snapshot cheaper.
const ROWS: usize = 1024;

/// A table of rows in shared chunks.
#[derive(Clone, Debug)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / ROWS)?.get(index % ROWS)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        Arc::make_mut(self.chunks.get_mut(index / ROWS)?).get_mut(index % ROWS)
    }

    pub(crate) fn push(&mut self, row: T) {
        if self.len.is_multiple_of(ROWS) {
            self.chunks.push(Arc::new(Vec::with_capacity(ROWS.min(self.len.max(16)))));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            Arc::make_mut(chunk).push(row);
            self.len += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_the_rows_that_it_was_made_with() {
        let mut table = Chunked::default();
        for row in 0..3000 {
            table.push(row);
        }
        let copy = table.clone();
        *table.get_mut(2000).unwrap() = 0;
        table.push(3000);
        assert_eq!((copy.len(), copy.get(2000), copy.get(3000)), (3000, Some(&2000), None));
        assert_eq!((table.len(), table.get(2000), table.get(3000)), (3001, Some(&0), Some(&3000)));
        assert!(copy.iter().copied().eq(0..3000));
    }
}
