//! The one error of every decoder: what was expected, and where.

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes are needed; a stream analyser waits for them.
    #[error("{what} is cut off at offset {offset}: {needed} more bytes")]
    Incomplete {
        /// What was being read.
        what: &'static str,
        /// Where, from the start of the message.
        offset: usize,
        /// How many more bytes at least.
        needed: usize,
    },
    /// A field has a value that its specification does not allow.
    #[error("{what} is malformed at offset {offset}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Where, from the start of the message.
        offset: usize,
    },
    /// A declared bound was reached: nesting, count or length.
    #[error("{what} exceeds the bound of {bound} at offset {offset}")]
    Bound {
        /// What was being read.
        what: &'static str,
        /// Where, from the start of the message.
        offset: usize,
        /// The bound.
        bound: usize,
    },
}

/// The result of a decoder.
pub type Result<T> = std::result::Result<T, Error>;
