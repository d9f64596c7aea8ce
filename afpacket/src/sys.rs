//! The calls to the kernel and the memory shared with it. All unsafe code of the crate.
#![allow(unsafe_code, reason = "system calls and shared memory; every block says why it is sound")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::{Options, Statistics};

/// Where a block's status lies in its head.
const STATUS: usize = 8;

/// The number of an interface; 0 for `any`.
pub(crate) fn interface(name: &str) -> io::Result<i32> {
    if name == "any" {
        return Ok(0);
    }
    let text = CString::new(name).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the name holds a NUL"))?;
    // SAFETY: the pointer is to a NUL-terminated text that lives through the call.
    let index = unsafe { libc::if_nametoindex(text.as_ptr()) };
    if index == 0 { Err(io::Error::last_os_error()) } else { i32::try_from(index).map_err(|_| out_of_range()) }
}

/// A packet socket.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(crate) fn open() -> io::Result<Self> {
        // Protocol 0: nothing arrives before `bind` names the interface.
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn make_ring(&self, options: &Options) -> io::Result<()> {
        // TPACKET_V3 is 2 (`enum tpacket_versions`).
        self.set(libc::PACKET_VERSION, &2_i32)?;
        let frame: u32 = 2048;
        let request = libc::tpacket_req3 {
            tp_block_size: options.block_bytes,
            tp_block_nr: options.blocks,
            tp_frame_size: frame,
            tp_frame_nr: (options.block_bytes / frame).saturating_mul(options.blocks),
            tp_retire_blk_tov: u32::try_from(options.retire.as_millis()).unwrap_or(50).max(1),
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::PACKET_RX_RING, &request)
    }

    pub(crate) fn map(&self, bytes: usize) -> io::Result<Memory> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping at a place of the kernel's choice; `Memory` unmaps it and nothing else uses it.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, self.0.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(out_of_range)?;
        Ok(Memory { start, bytes })
    }

    pub(crate) fn bind(&self, index: i32) -> io::Result<()> {
        let mut address = empty_address();
        address.sll_family = u16::try_from(libc::AF_PACKET).map_err(|_| out_of_range())?;
        // ETH_P_ALL in network order.
        address.sll_protocol = 3_u16.to_be();
        address.sll_ifindex = index;
        // SAFETY: the pointer is to a `sockaddr_ll` of the length that is told.
        let done =
            unsafe { libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), length::<libc::sockaddr_ll>()) };
        check(done)
    }

    pub(crate) fn promiscuous(&self, index: i32) -> io::Result<()> {
        // PACKET_MR_PROMISC is 1; it ends with the socket.
        let request = libc::packet_mreq { mr_ifindex: index, mr_type: 1, mr_alen: 0, mr_address: [0; 8] };
        self.set(libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Shares the interface by [`by_hosts`].
    pub(crate) fn join(&self, group: u16) -> io::Result<()> {
        self.set(libc::PACKET_FANOUT, &(u32::from(group) | libc::PACKET_FANOUT_CBPF << 16))?;
        let mut filter = by_hosts();
        let length = u16::try_from(filter.len()).map_err(|_| out_of_range())?;
        self.set(libc::PACKET_FANOUT_DATA, &libc::sock_fprog { len: length, filter: filter.as_mut_ptr() })
    }

    pub(crate) fn hardware(&self) -> io::Result<u16> {
        let mut address = empty_address();
        let mut size = length::<libc::sockaddr_ll>();
        // SAFETY: the pointer is to a `sockaddr_ll` and `size` is its length; the kernel writes at most that.
        check(unsafe { libc::getsockname(self.0.as_raw_fd(), (&raw mut address).cast(), &raw mut size) })?;
        Ok(address.sll_hatype)
    }

    /// Waits until a block may be ready. A signal ends the wait early.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<()> {
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        let mut asked = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one `pollfd`, which lives through the call.
        let ready = unsafe { libc::poll(&raw mut asked, 1, millis) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        if asked.revents & libc::POLLERR != 0 {
            return Err(self.failure());
        }
        Ok(())
    }

    /// Why the socket has an error: in general the interface went down.
    fn failure(&self) -> io::Error {
        let mut code: libc::c_int = 0;
        let mut size = length::<libc::c_int>();
        let (fd, level, name) = (self.0.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR);
        // SAFETY: the pointer is to an integer of the length that is told.
        let asked = unsafe { libc::getsockopt(fd, level, name, (&raw mut code).cast(), &raw mut size) };
        if asked < 0 { io::Error::last_os_error() } else { io::Error::from_raw_os_error(code) }
    }

    pub(crate) fn statistics(&self) -> io::Result<Statistics> {
        let mut counted = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut size = length::<libc::tpacket_stats_v3>();
        let (fd, level, name) = (self.0.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS);
        // SAFETY: the pointer is to a structure of the length that is told; the kernel writes at most that.
        check(unsafe { libc::getsockopt(fd, level, name, (&raw mut counted).cast(), &raw mut size) })?;
        Ok(Statistics {
            packets: counted.tp_packets.into(),
            drops: counted.tp_drops.into(),
            freezes: counted.tp_freeze_q_cnt.into(),
        })
    }

    fn set<T>(&self, name: libc::c_int, value: &T) -> io::Result<()> {
        let (fd, size) = (self.0.as_raw_fd(), length::<T>());
        // SAFETY: the pointer is to a value of the length that is told; the kernel only reads it.
        check(unsafe { libc::setsockopt(fd, libc::SOL_PACKET, name, std::ptr::from_ref(value).cast(), size) })
    }
}

/// The ring's memory.
#[derive(Debug)]
pub(crate) struct Memory {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone; a thread that has it has all of it.
unsafe impl Send for Memory {}

impl Memory {
    /// Whether the block at an offset was handed to us.
    pub(crate) fn ready(&self, block: usize) -> bool {
        self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// The bytes of a block that was handed to us.
    pub(crate) fn bytes(&self, block: usize, size: usize) -> &[u8] {
        assert!(self.ready(block) && block.checked_add(size).is_some_and(|end| end <= self.bytes));
        // SAFETY: the range lies in the mapping, and the kernel does not write to a block while its status is ours; it
        // becomes the kernel's only in `give_back`, which borrows the memory mutably.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(block), size) }
    }

    /// Hands a block back to the kernel.
    pub(crate) fn give_back(&mut self, block: usize) {
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        assert!(block.is_multiple_of(16) && block.checked_add(STATUS + 4).is_some_and(|end| end <= self.bytes));
        // SAFETY: the place lies in the mapping and is aligned; the kernel reads and writes it as one word.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(block + STATUS).cast()) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping of `Socket::map`, which nothing borrows any more.
        let done = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(done == 0);
    }
}

/// The filter program that tells a frame's ring: a number from both IP addresses, the same in either direction. By hosts
/// and not by ports, since one logon asks over UDP and again over TCP, and its frames must be read in order. What is no
/// IP, or lies under a VLAN tag that the card left in place, goes to the first ring.
fn by_hosts() -> Vec<libc::sock_filter> {
    /// Offsets from the network header, and of what the kernel knows beside the bytes (`linux/filter.h`).
    const NETWORK: u32 = 0xfff0_0000;
    const PROTOCOL: u32 = 0xffff_f000;
    /// Codes of classic BPF: load half, load word, copy to X, jump if equal, xor X, multiply, shift right, return.
    const LDH: u16 = 0x28;
    const LD: u16 = 0x20;
    const TAX: u16 = 0x07;
    const JEQ: u16 = 0x15;
    const XOR: u16 = 0xac;
    const MUL: u16 = 0x24;
    const RSH: u16 = 0x74;
    const RET_A: u16 = 0x16;
    const RET_K: u16 = 0x06;
    let line = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    vec![
        line(LDH, 0, 0, PROTOCOL),
        line(JEQ, 2, 0, 0x0800),
        line(JEQ, 5, 0, 0x86dd),
        line(RET_K, 0, 0, 0),
        // IPv4: source at 12, target at 16.
        line(LD, 0, 0, NETWORK + 12),
        line(TAX, 0, 0, 0),
        line(LD, 0, 0, NETWORK + 16),
        line(JEQ, 3, 3, 0),
        // IPv6: the last words of source (8) and target (24).
        line(LD, 0, 0, NETWORK + 20),
        line(TAX, 0, 0, 0),
        line(LD, 0, 0, NETWORK + 36),
        line(XOR, 0, 0, 0),
        // Fibonacci hashing: neighbouring addresses spread.
        line(MUL, 0, 0, 0x9e37_79b1),
        line(RSH, 0, 0, 16),
        line(RET_A, 0, 0, 0),
    ]
}

fn empty_address() -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

fn length<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn check(done: libc::c_int) -> io::Result<()> {
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn out_of_range() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is out of range")
}
