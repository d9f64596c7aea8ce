//! Attribute-value pairs, `[MS-NLMP] 2.2.2.1`: the names that a server gives itself, and what a client adds to them.

use hopwatch_model::Timestamp;

use crate::reader::{Reader, utf16};

/// MsvAvFlags bit: the AUTHENTICATE_MESSAGE carries a MIC.
pub const FLAG_MIC: u32 = 0x0000_0002;

/// The most pairs that are read: the specification names eleven kinds.
const MAX_PAIRS: usize = 64;

/// The pairs of one list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvPairs {
    /// MsvAvNbComputerName.
    pub netbios_computer: Option<String>,
    /// MsvAvNbDomainName.
    pub netbios_domain: Option<String>,
    /// MsvAvDnsComputerName.
    pub dns_computer: Option<String>,
    /// MsvAvDnsDomainName.
    pub dns_domain: Option<String>,
    /// MsvAvDnsTreeName.
    pub dns_forest: Option<String>,
    /// MsvAvFlags.
    pub flags: Option<u32>,
    /// MsvAvTimestamp.
    pub timestamp: Option<Timestamp>,
    /// MsvAvTargetName: the service that the client meant.
    pub target_name: Option<String>,
}

impl AvPairs {
    /// Reads pairs up to MsvAvEOL, to the end, or to the first that is cut off: a broken list keeps what stood before.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let mut pairs = Self::default();
        let mut reader = Reader::new(bytes, "AV_PAIR");
        for _ in 0..MAX_PAIRS {
            let (Ok(id), Ok(length)) = (reader.u16(), reader.u16()) else { break };
            let Ok(value) = reader.take(usize::from(length)) else { break };
            let text = || Some(utf16(value)).filter(|text| !text.is_empty());
            match id {
                0 => break,
                1 => pairs.netbios_computer = text(),
                2 => pairs.netbios_domain = text(),
                3 => pairs.dns_computer = text(),
                4 => pairs.dns_domain = text(),
                5 => pairs.dns_forest = text(),
                6 => pairs.flags = Reader::new(value, "MsvAvFlags").u32().ok(),
                7 => {
                    pairs.timestamp =
                        Reader::new(value, "MsvAvTimestamp").u64().ok().and_then(Timestamp::from_filetime);
                }
                9 => pairs.target_name = text(),
                _ => {}
            }
        }
        pairs
    }

    /// The best name of the computer: the fully qualified one, else NetBIOS.
    #[must_use]
    pub fn computer(&self) -> Option<&str> {
        self.dns_computer.as_deref().or(self.netbios_computer.as_deref())
    }
}
