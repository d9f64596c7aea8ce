//! Why a capture could not be read at all. A capture that breaks off later is read up to there and counted.

/// The error of opening or reading a capture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes.
    #[error("the capture is empty")]
    Empty,
    /// The file is neither pcap nor pcapng, nor one of them compressed.
    #[error("not a capture file (pcap or pcapng): it starts with {}", hex(.magic))]
    Foreign {
        /// The first bytes.
        magic: Vec<u8>,
    },
    /// A length or a version in the file's structure is impossible before any frame was read.
    #[error("{what} of the capture is malformed")]
    Malformed {
        /// What was being read.
        what: &'static str,
    },
    /// Reading failed.
    #[error("the capture could not be read")]
    Read(#[from] std::io::Error),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
