//! Frames of a network interface of Linux: an `AF_PACKET` socket with a receive ring of version 3 (packet(7),
//! `Documentation/networking/packet_mmap.rst`). The kernel fills blocks of a memory that it shares with us; a block is
//! read in place and given back. Several rings of one fanout group share an interface by both hosts' addresses: all that two
//! hosts say to each other comes to one ring, in order.
//!
//! No libpcap, no filter program, no sending. The crate holds all of the house's unsafe code and nothing else: what the
//! frames mean is `hopwatch-wire`'s business.
//!
//! *Blind spots.* A VLAN tag that the card took off is not put back: the frame behind it is the same.

#![cfg(target_os = "linux")]

mod block;
mod sys;

use std::io;
use std::time::Duration;

pub use block::{Block, Packet};

/// How a ring is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The interface's name, or `any` for all of them.
    pub interface: String,
    /// Blocks of the ring.
    pub blocks: u32,
    /// Bytes of a block: a multiple of the page size, larger than the largest frame.
    pub block_bytes: u32,
    /// After how long a block that is not full is handed over.
    pub retire: Duration,
    /// The group of rings that share the interface; `None` for a ring on its own.
    pub fanout: Option<u16>,
    /// Whether the interface takes frames that are not addressed to it, as on a mirror port.
    pub promiscuous: bool,
}

impl Options {
    /// A ring of 16 MiB on an interface: a tenth of a second of a full gigabit.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.into(),
            blocks: 64,
            block_bytes: 256 * 1024,
            retire: Duration::from_millis(50),
            fanout: None,
            promiscuous: true,
        }
    }
}

/// What the kernel counted since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that arrived, those that were lost included.
    pub packets: u64,
    /// Frames that found no room in the ring.
    pub drops: u64,
    /// How often the ring was full.
    pub freezes: u64,
}

/// A receive ring.
#[derive(Debug)]
pub struct Ring {
    socket: sys::Socket,
    memory: sys::Memory,
    block_bytes: usize,
    blocks: usize,
    next: usize,
}

impl Ring {
    /// Opens a ring; frames arrive from here on.
    ///
    /// # Errors
    /// Where the process may not capture (`CAP_NET_RAW`), the interface does not exist, or the kernel refuses the sizes.
    pub fn open(options: &Options) -> io::Result<Self> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "the ring is too large");
        let (block_bytes, blocks) = (size(options.block_bytes)?, size(options.blocks)?);
        let bytes = block_bytes.checked_mul(blocks).filter(|bytes| *bytes > 0).ok_or_else(invalid)?;
        let index = sys::interface(&options.interface)?;
        let socket = sys::Socket::open()?;
        socket.make_ring(options)?;
        let memory = socket.map(bytes)?;
        socket.bind(index)?;
        if options.promiscuous && index != 0 {
            socket.promiscuous(index)?;
        }
        if let Some(group) = options.fanout {
            socket.join(group)?;
        }
        Ok(Self { socket, memory, block_bytes, blocks, next: 0 })
    }

    /// The kind of the interface's frames (`ARPHRD_…`): 1 for Ethernet, 772 for loopback, 65534 for none.
    ///
    /// # Errors
    /// Where the socket cannot be asked.
    pub fn hardware(&self) -> io::Result<u16> {
        self.socket.hardware()
    }

    /// The next block that the kernel handed over; `None` where none came within `patience`.
    ///
    /// # Errors
    /// Where the interface went away.
    pub fn block(&mut self, patience: Duration) -> io::Result<Option<Block<'_>>> {
        let offset = self.next * self.block_bytes;
        if !self.memory.ready(offset) {
            self.socket.wait(patience)?;
            if !self.memory.ready(offset) {
                return Ok(None);
            }
        }
        self.next = (self.next + 1) % self.blocks;
        Ok(Some(Block::new(&mut self.memory, offset, self.block_bytes)))
    }

    /// What was counted since this was asked last.
    ///
    /// # Errors
    /// Where the socket cannot be asked.
    pub fn statistics(&self) -> io::Result<Statistics> {
        self.socket.statistics()
    }
}

fn size(value: u32) -> io::Result<usize> {
    usize::try_from(value).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the ring is too large"))
}
