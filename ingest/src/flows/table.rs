//! The connections of a capture: which end is the client, which analyser reads them, when they end.
//!
//! Roles come from the SYN, else from known ports and the first bytes (`dispatch`). A connection may be met in its
//! midst, be seen from one side only, or be opened anew on the same ports. Two lists in order of last use bound the
//! table: connections that an analyser reads, and the rest (not ours, ended, nothing sent yet), which is evicted first.

use std::collections::HashMap;
use std::time::Duration;

use hopwatch_model::Timestamp;
use hopwatch_wire::net::Tcp;
use rustc_hash::FxBuildHasher;

use super::Caps;
use super::half::{Answered, Half, Piece, Pushed, Segment};
use super::inbox::Inbox;
use super::key::{End, Key};
use crate::analyzers::dispatch::{Choice, Dispatch};
use crate::analyzers::{Chunk, Direction, Endpoints, Output, StreamAnalyzer};

/// How long a connection that is read may be silent: LDAP and SMB clients hold theirs for many minutes.
const IDLE: Duration = Duration::from_secs(3600);
/// How long an ended or ignored one is remembered, so that late repetitions do not open it anew.
const LINGER: Duration = Duration::from_secs(60);
/// How many pieces may pass before a connection of unknown protocol is ignored.
const MAX_SNIFFED: u8 = 3;

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

struct Flow {
    endpoints: Endpoints,
    /// Which end of the key the client is.
    client: End,
    /// Whether the SYN said who the client is.
    certain: bool,
    sniffed: u8,
    state: State,
    sides: [Side; 2],
}

/// What one end sends.
#[derive(Default)]
struct Side {
    half: Half,
    inbox: Inbox,
}

enum State {
    /// Nothing was sent yet, or not enough to tell the protocol.
    Fresh,
    Read(Box<dyn StreamAnalyzer>),
    /// Of no protocol that we read.
    Ignored,
    /// Closed or reset; what comes late belongs to it.
    Ended,
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
        let (after, class) = (slot.flow.held(), slot.flow.class());
        self.held = self.held + after - before;
        self.touch(at, class);
        if self.held > self.caps.total_bytes {
            self.relieve(out);
        }
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
        slot.flow.sides = [Side::default(), Side::default()];
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

impl Flow {
    fn new(sender: End, tcp: &Tcp<'_>, dispatch: &Dispatch) -> Self {
        let syn = tcp.has(Tcp::SYN);
        let sender_is_client = match (syn, tcp.has(Tcp::ACK)) {
            (true, false) => true,
            (true, true) => false,
            (false, _) => dispatch.likely_client(tcp.source, tcp.target),
        };
        let (client, endpoints) = match sender_is_client {
            true => (sender, Endpoints { client: tcp.source, server: tcp.target }),
            false => (sender.other(), Endpoints { client: tcp.target, server: tcp.source }),
        };
        let sides = [Side::default(), Side::default()];
        Self { endpoints, client, certain: syn, sniffed: 0, state: State::Fresh, sides }
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.half.held() + side.inbox.held()).sum()
    }

    fn class(&self) -> Class {
        match self.state {
            State::Read(_) => Class::Read,
            State::Fresh | State::Ignored | State::Ended => Class::Other,
        }
    }

    /// Whether this SYN begins another connection on the same ports.
    fn opens_anew(&self, sender: End, tcp: &Tcp<'_>) -> bool {
        matches!(self.state, State::Ended) || !self.side(sender).half.began_at(tcp.seq.wrapping_add(1))
    }

    fn side(&self, end: End) -> &Side {
        match end {
            End::Low => &self.sides[0],
            End::High => &self.sides[1],
        }
    }

    fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Low => &mut self.sides[0],
            End::High => &mut self.sides[1],
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call per segment; a struct of these would be built for each")]
    fn segment(
        &mut self,
        sender: End,
        tcp: &Tcp<'_>,
        time: Timestamp,
        frame: u64,
        caps: &Caps,
        dispatch: &mut Dispatch,
        out: &mut Output<'_>,
    ) {
        if matches!(self.state, State::Ignored | State::Ended) {
            if tcp.has(Tcp::RST) || tcp.has(Tcp::FIN) {
                self.state = State::Ended;
            }
            return;
        }
        let seq = if tcp.has(Tcp::SYN) { tcp.seq.wrapping_add(1) } else { tcp.seq };
        // A keep-alive probe repeats the last byte: it says nothing of where the stream goes on.
        let probe = tcp.payload.len() <= 1 && !tcp.has(Tcp::SYN) && !self.side(sender).half.started();
        if !probe {
            self.side_mut(sender).half.start(seq);
        }
        if tcp.has(Tcp::ACK) && !tcp.has(Tcp::RST) {
            self.side_mut(sender.other()).half.start(tcp.ack);
            let answered = if tcp.payload.is_empty() { Answered::Bare } else { Answered::WithData };
            self.skip_holes(sender.other(), time, Some((tcp.ack, answered)), caps, dispatch, out);
        }
        if !tcp.payload.is_empty() && !probe {
            let segment = Segment { seq, payload: tcp.payload, cut: tcp.cut, time, frame };
            self.push(sender, segment, caps, dispatch, out);
            self.skip_holes(sender, time, None, caps, dispatch, out);
        }
        if tcp.has(Tcp::RST) {
            self.end(caps, out);
        } else if tcp.has(Tcp::FIN) {
            let length = u32::try_from(tcp.payload.len()).unwrap_or(0).wrapping_add(tcp.cut);
            self.side_mut(sender).half.finish_at(seq.wrapping_add(length));
        }
        if self.sides.iter().all(|side| side.half.finished()) {
            self.end(caps, out);
        }
    }

    fn push(&mut self, sender: End, segment: Segment<'_>, caps: &Caps, dispatch: &mut Dispatch, out: &mut Output<'_>) {
        let mut half = std::mem::take(&mut self.side_mut(sender).half);
        let pushed = half.push(segment, |piece| self.piece(sender, piece, caps, dispatch, out));
        self.side_mut(sender).half = half;
        match pushed {
            Pushed::Taken => {}
            Pushed::Repeated => out.counters.ignore("tcp segment repeated"),
            Pushed::Stranger => out.counters.drop("tcp segment outside the window"),
        }
    }

    fn skip_holes(
        &mut self,
        end: End,
        now: Timestamp,
        acknowledged: Option<(u32, Answered)>,
        caps: &Caps,
        dispatch: &mut Dispatch,
        out: &mut Output<'_>,
    ) {
        while self.side(end).half.stuck(now, acknowledged, caps) {
            let mut half = std::mem::take(&mut self.side_mut(end).half);
            half.skip_hole(&mut |piece: Piece<'_>| self.piece(end, piece, caps, dispatch, out));
            self.side_mut(end).half = half;
        }
    }

    /// Hands a piece to the analyser, which is chosen by the first bytes.
    fn piece(&mut self, sender: End, piece: Piece<'_>, caps: &Caps, dispatch: &mut Dispatch, out: &mut Output<'_>) {
        if let (State::Fresh, Piece::Bytes { bytes, .. }) = (&self.state, piece) {
            self.choose(sender, bytes, dispatch, out);
        }
        self.hand_over(sender, piece, caps, out);
    }

    fn choose(&mut self, sender: End, bytes: &[u8], dispatch: &mut Dispatch, out: &mut Output<'_>) {
        self.sniffed += 1;
        match dispatch.choose(self.endpoints, self.direction(sender), bytes, self.certain) {
            Choice::Analyze { analyzer, swapped } => {
                if swapped {
                    self.client = self.client.other();
                    self.endpoints = Endpoints { client: self.endpoints.server, server: self.endpoints.client };
                }
                self.state = State::Read(analyzer);
            }
            Choice::Ignore(reason) => {
                out.counters.ignore(reason);
                self.state = State::Ignored;
            }
            Choice::Unknown if self.sniffed < MAX_SNIFFED => {}
            Choice::Unknown => {
                out.counters.ignore("connection of another protocol");
                self.state = State::Ignored;
            }
        }
    }

    fn direction(&self, sender: End) -> Direction {
        if sender == self.client { Direction::ToServer } else { Direction::ToClient }
    }

    fn hand_over(&mut self, sender: End, piece: Piece<'_>, caps: &Caps, out: &mut Output<'_>) {
        let (direction, endpoints) = (self.direction(sender), self.endpoints);
        let State::Read(analyzer) = &mut self.state else { return };
        let inbox = match sender {
            End::Low => &mut self.sides[0].inbox,
            End::High => &mut self.sides[1].inbox,
        };
        match piece {
            Piece::Bytes { bytes, time, frame } => {
                let chunk = Chunk { endpoints, direction, bytes, time, frame };
                inbox.deliver(chunk, caps.pending_bytes, analyzer.as_mut(), out);
            }
            Piece::Gap(bytes) => {
                out.counters.drop("tcp bytes missing");
                inbox.gap(bytes, direction, analyzer.as_mut(), out);
            }
        }
    }

    /// The connection is over: what waits behind holes is delivered, open transactions are emitted.
    fn end(&mut self, caps: &Caps, out: &mut Output<'_>) {
        for end in [End::Low, End::High] {
            let mut half = std::mem::take(&mut self.side_mut(end).half);
            half.flush(&mut |piece: Piece<'_>| self.hand_over(end, piece, caps, out));
            let side = self.side_mut(end);
            side.half = half;
            side.inbox = Inbox::default();
        }
        if let State::Read(mut analyzer) = std::mem::replace(&mut self.state, State::Ended) {
            analyzer.close(out);
        }
    }
}
