//! The connections of a capture: found by their ends, bounded in number, memory and time.
//!
//! Two lists in order of last use bound the table: connections that an analyser reads, and the rest (not ours, ended,
//! nothing sent yet), which is evicted first, so that a port scan does not push out what is read.

use std::collections::HashMap;
use std::time::Duration;

use hopwatch_model::Timestamp;
use hopwatch_wire::net::Tcp;
use rustc_hash::FxBuildHasher;

use super::Caps;
use super::flow::Flow;
use super::key::{End, Key};
use crate::analyzers::Output;
use crate::analyzers::dispatch::Dispatch;

/// How long a connection that is read may be silent: LDAP and SMB clients hold theirs for many minutes.
const IDLE: Duration = Duration::from_secs(3600);
/// How long an ended or ignored one is remembered, so that late repetitions do not open it anew.
const LINGER: Duration = Duration::from_secs(60);
/// No slot.
const NONE: usize = usize::MAX;

/// The table.
pub(crate) struct Table {
    caps: Caps,
    pub(super) index: HashMap<Key, usize, FxBuildHasher>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// By [`Class`]: the connection used last and the one used longest ago.
    lists: [List; 2],
    /// The latest time seen; a packet with an earlier one does not turn the clock back.
    clock: Timestamp,
    pub(super) held: usize,
}

#[derive(Clone, Copy)]
struct List {
    newest: usize,
    oldest: usize,
}

/// Which list a connection is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Read = 0,
    Other = 1,
}

impl Class {
    fn place(self) -> usize {
        match self {
            Self::Read => 0,
            Self::Other => 1,
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::Read => IDLE,
            Self::Other => LINGER,
        }
    }
}

struct Slot {
    key: Key,
    class: Class,
    newer: usize,
    older: usize,
    used: Timestamp,
    flow: Flow,
}

impl Table {
    pub(crate) fn new(caps: Caps) -> Self {
        let empty = List { newest: NONE, oldest: NONE };
        Self {
            caps,
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            lists: [empty; 2],
            clock: Timestamp::MIN,
            held: 0,
        }
    }

    /// Takes a segment.
    pub(crate) fn segment(
        &mut self,
        tcp: &Tcp<'_>,
        time: Timestamp,
        frame: u64,
        dispatch: &mut Dispatch,
        out: &mut Output<'_>,
    ) {
        self.clock = self.clock.max(time);
        self.expire(out);
        let (key, sender) = Key::of(tcp.source, tcp.target);
        let Some(at) = self.find_or_open(key, sender, tcp, dispatch, out) else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        let before = slot.flow.held();
        slot.flow.segment(sender, tcp, time, frame, &self.caps, dispatch, out);
        let after = slot.flow.held();
        let class = if slot.flow.read() { Class::Read } else { Class::Other };
        self.held = self.held + after - before;
        self.touch(at, class);
        if self.held > self.caps.total_bytes {
            self.relieve(out);
        }
    }

    /// Time went on without a segment: connections that were silent for too long are closed.
    pub(crate) fn tick(&mut self, now: Timestamp, out: &mut Output<'_>) {
        self.clock = self.clock.max(now);
        self.expire(out);
    }

    /// The capture ended: every connection is closed, the one used longest ago first.
    pub(crate) fn finish(&mut self, out: &mut Output<'_>) {
        for class in [Class::Read, Class::Other] {
            while self.lists[class.place()].oldest != NONE {
                self.remove(self.lists[class.place()].oldest, out);
            }
        }
    }

    fn find_or_open(
        &mut self,
        key: Key,
        sender: End,
        tcp: &Tcp<'_>,
        dispatch: &Dispatch,
        out: &mut Output<'_>,
    ) -> Option<usize> {
        if let Some(at) = self.index.get(&key).copied() {
            let anew = tcp.has(Tcp::SYN)
                && !tcp.has(Tcp::RST)
                && self.slots.get(at).is_some_and(|slot| slot.flow.opens_anew(sender, tcp));
            if !anew {
                return Some(at);
            }
            self.remove(at, out);
        } else if tcp.has(Tcp::RST) || (!tcp.has(Tcp::SYN) && tcp.payload.is_empty()) {
            // A bare acknowledgement or the end of something unseen opens nothing.
            return None;
        }
        if self.index.len() >= self.caps.flows {
            let class = if self.lists[Class::Other.place()].oldest == NONE { Class::Read } else { Class::Other };
            if class == Class::Read {
                out.counters.drop("connection evicted");
            }
            self.remove(self.lists[class.place()].oldest, out);
        }
        Some(self.open(key, Flow::new(sender, tcp, dispatch)))
    }

    fn open(&mut self, key: Key, flow: Flow) -> usize {
        let slot = Slot { key, class: Class::Other, newer: NONE, older: NONE, used: self.clock, flow };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.index.insert(key, at);
        self.link(at);
        at
    }

    /// Closes and forgets the connections that were silent for too long.
    fn expire(&mut self, out: &mut Output<'_>) {
        for class in [Class::Read, Class::Other] {
            let list = class.place();
            while let Some(slot) = self.slots.get(self.lists[list].oldest)
                && self.clock.since(slot.used) > class.patience()
            {
                self.remove(self.lists[list].oldest, out);
            }
        }
    }

    /// Too many bytes are held: the connections used longest ago give theirs up.
    fn relieve(&mut self, out: &mut Output<'_>) {
        while self.held > self.caps.total_bytes && self.lists[Class::Read.place()].oldest != NONE {
            out.counters.drop("connection evicted for memory");
            self.remove(self.lists[Class::Read.place()].oldest, out);
        }
    }

    fn remove(&mut self, at: usize, out: &mut Output<'_>) {
        self.unlink(at);
        let caps = self.caps;
        let Some(slot) = self.slots.get_mut(at) else { return };
        self.index.remove(&slot.key);
        self.held -= slot.flow.held();
        slot.flow.end(&caps, out);
        self.free.push(at);
    }

    fn touch(&mut self, at: usize, class: Class) {
        if self.lists[class.place()].newest != at || self.slots[at].class != class {
            self.unlink(at);
            self.slots[at].class = class;
            self.link(at);
        }
        self.slots[at].used = self.clock;
    }

    fn link(&mut self, at: usize) {
        let list = self.slots[at].class.place();
        let second = std::mem::replace(&mut self.lists[list].newest, at);
        self.slots[at].older = second;
        self.slots[at].newer = NONE;
        match self.slots.get_mut(second) {
            Some(slot) => slot.newer = at,
            None => self.lists[list].oldest = at,
        }
    }

    fn unlink(&mut self, at: usize) {
        let Slot { class, newer, older, .. } = self.slots[at];
        let list = &mut self.lists[class.place()];
        if list.newest == at {
            list.newest = older;
        }
        if list.oldest == at {
            list.oldest = newer;
        }
        if let Some(slot) = self.slots.get_mut(newer) {
            slot.older = older;
        }
        if let Some(slot) = self.slots.get_mut(older) {
            slot.newer = newer;
        }
    }
}
