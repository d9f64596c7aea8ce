//! Pages over lists that are ordered by a key and an id: how many, from where, in which direction.

use std::num::NonZeroU32;

/// The place of a row in an ordered list.
pub type Position = (i64, String);

/// What part of a list is wanted. The order of the list itself is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many rows at most.
    pub limit: NonZeroU32,
    /// Only rows behind this place.
    pub after: Option<Position>,
    /// Only rows before this place.
    pub before: Option<Position>,
    /// From which end rows are taken.
    pub from: End,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The first rows are taken.
    #[default]
    Start,
    /// The last rows are taken.
    End,
}

impl PageRequest {
    /// The first rows.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        Self { limit, after: None, before: None, from: End::Start }
    }
}

/// A part of a list, in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether rows lie before the first.
    pub previous: bool,
    /// Whether rows lie behind the last.
    pub next: bool,
}

impl<T> Page<T> {
    /// No rows.
    #[must_use]
    pub fn empty() -> Self {
        Self { rows: Vec::new(), previous: false, next: false }
    }

    /// A page of rows that were read in the direction of the request, one more than asked for where there are more.
    #[must_use]
    pub fn read(mut rows: Vec<T>, request: &PageRequest) -> Self {
        let limit = usize::try_from(request.limit.get()).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        match request.from {
            End::Start => Self { rows, previous: request.after.is_some(), next: more || request.before.is_some() },
            End::End => {
                rows.reverse();
                Self { rows, previous: more || request.after.is_some(), next: request.before.is_some() }
            }
        }
    }

    /// The same page with every row changed.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(change).collect(), previous: self.previous, next: self.next }
    }
}

/// Cuts a page out of a whole list in memory, by position.
#[must_use]
pub fn slice<T: Clone>(list: &[T], request: &PageRequest, position: impl Fn(&T) -> Position) -> Page<T> {
    let start = match &request.after {
        Some(after) => list.iter().position(|row| position(row) == *after).map_or(list.len(), |at| at + 1),
        None => 0,
    };
    let end = match &request.before {
        Some(before) => list.iter().position(|row| position(row) == *before).unwrap_or(list.len()),
        None => list.len(),
    };
    let window = list.get(start..end.max(start)).unwrap_or_default();
    let limit = usize::try_from(request.limit.get()).unwrap_or(usize::MAX).min(window.len());
    let (skipped, rows) = match request.from {
        End::Start => (0, window.get(..limit)),
        End::End => (window.len() - limit, window.get(window.len() - limit..)),
    };
    Page {
        rows: rows.unwrap_or_default().to_vec(),
        previous: start + skipped > 0,
        next: start + skipped + limit < list.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(row: &i64) -> Position {
        (*row, row.to_string())
    }

    #[test]
    fn a_slice_knows_what_lies_on_both_sides() {
        let list: Vec<i64> = (0..10).collect();
        let mut request = PageRequest::first(3);
        assert_eq!(slice(&list, &request, position), Page { rows: vec![0, 1, 2], previous: false, next: true });
        request.after = Some(position(&6));
        assert_eq!(slice(&list, &request, position), Page { rows: vec![7, 8, 9], previous: true, next: false });
        request = PageRequest { from: End::End, after: None, before: Some(position(&5)), ..request };
        assert_eq!(slice(&list, &request, position), Page { rows: vec![2, 3, 4], previous: true, next: true });
    }

    #[test]
    fn rows_read_backwards_come_in_the_order_of_the_list() {
        let request = PageRequest { from: End::End, ..PageRequest::first(2) };
        assert_eq!(Page::read(vec![9, 8, 7], &request), Page { rows: vec![8, 9], previous: true, next: false });
    }
}
