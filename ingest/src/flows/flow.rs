//! One connection: which end is the client, which analyser reads it, when it ends.
//!
//! Roles come from the SYN, else from known ports and the first bytes (`dispatch`). A connection may be met in its
//! midst, be seen from one side only, or be opened anew on the same ports.

use hopwatch_model::Timestamp;
use hopwatch_wire::net::Tcp;

use super::Caps;
use super::half::{Answered, Half, Piece, Pushed, Segment};
use super::inbox::Inbox;
use super::key::End;
use crate::analyzers::dispatch::{Choice, Dispatch};
use crate::analyzers::{Chunk, Direction, Endpoints, Output, StreamAnalyzer};

/// How many pieces may pass before a connection of unknown protocol is ignored.
const MAX_SNIFFED: u8 = 3;

/// A connection.
pub(super) struct Flow {
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

impl Flow {
    pub(super) fn new(sender: End, tcp: &Tcp<'_>, dispatch: &Dispatch) -> Self {
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

    pub(super) fn held(&self) -> usize {
        self.sides.iter().map(|side| side.half.held() + side.inbox.held()).sum()
    }

    /// Whether an analyser reads it.
    pub(super) fn read(&self) -> bool {
        matches!(self.state, State::Read(_))
    }

    /// Whether this SYN begins another connection on the same ports.
    pub(super) fn opens_anew(&self, sender: End, tcp: &Tcp<'_>) -> bool {
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
    pub(super) fn segment(
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
    pub(super) fn end(&mut self, caps: &Caps, out: &mut Output<'_>) {
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
