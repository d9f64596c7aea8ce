//! What both SMB protocols know of open files: bytes read and written per open, reported once, and named pipes, whose
//! content goes to `dcerpc`.

use hopwatch_model::event::{SmbFile, SmbFileAction};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::dcerpc::looks_like_pdu;

use crate::analyzers::bounded::Bounded;
use crate::analyzers::dcerpc::Pipe;
use crate::analyzers::gss::At;
use crate::analyzers::rpc_endpoints::RpcEndpoints;
use crate::analyzers::{Direction, Draft, Output};

/// The most open files of a connection; beyond it the oldest is reported as it stands.
const OPENS: usize = 2048;

/// The id of an open file: SMB2's FileId, or SMB1's FID filled up with zeros.
pub(super) type FileKey = [u8; 16];

/// A share that a client connected to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    /// The share's name without the host.
    pub(super) share: String,
    /// Whether it holds pipes.
    pub(super) pipes: bool,
}

impl Tree {
    /// The tree of a UNC path.
    pub(super) fn of(unc: &str) -> Self {
        let share = unc.rsplit('\\').next().unwrap_or_default();
        Self { share: share.into(), pipes: share.eq_ignore_ascii_case("IPC$") }
    }
}

/// Bytes of one direction of an open file, from when on.
#[derive(Clone, Copy, Debug)]
struct Total {
    bytes: u64,
    since: At,
}

/// An open file.
pub(super) struct Open {
    pub(super) share: String,
    pub(super) path: String,
    pub(super) actor: Option<Account>,
    /// Deleted at close, where that succeeds.
    pub(super) delete: bool,
    read: Option<Total>,
    written: Option<Total>,
    pipe: Option<Box<Pipe>>,
}

/// The open files of a connection.
pub(super) struct Files {
    opens: Bounded<FileKey, Open>,
    endpoints: RpcEndpoints,
}

impl Files {
    pub(super) fn new(endpoints: RpcEndpoints) -> Self {
        Self { opens: Bounded::new(OPENS), endpoints }
    }

    /// A file was opened.
    pub(super) fn open(
        &mut self,
        key: FileKey,
        tree: &Tree,
        path: &str,
        actor: Option<Account>,
        at: At,
        out: &mut Output<'_>,
    ) {
        let pipe = tree.pipes.then(|| Box::new(Pipe::new(pipe_name(path), &self.endpoints)));
        let open = Open {
            share: tree.share.clone(),
            path: path.into(),
            actor,
            delete: false,
            read: None,
            written: None,
            pipe,
        };
        if let Some(mut pushed_out) = self.opens.insert(key, open) {
            out.counters.drop("smb: open files beyond the cap");
            pushed_out.report(at, out);
        }
    }

    /// The open file of a key.
    pub(super) fn get_mut(&mut self, key: &FileKey) -> Option<&mut Open> {
        self.opens.get_mut(key)
    }

    /// Bytes were written to, or read from, a file. A file that was opened before the capture began is a pipe where its
    /// bytes are a PDU.
    pub(super) fn transfer(
        &mut self,
        key: FileKey,
        transfer: Transfer<'_>,
        actor: Option<&Account>,
        at: At,
        out: &mut Output<'_>,
    ) {
        if self.opens.get(&key).is_none() {
            if !looks_like_pdu(transfer.data) {
                return out.counters.ignore("smb: transfer on a file whose opening was not seen");
            }
            self.open(key, &Tree { share: "IPC$".into(), pipes: true }, "", actor.cloned(), at, out);
        }
        let Some(open) = self.opens.get_mut(&key) else { return };
        // The tree connect was not seen: what goes through tells whether it is a pipe.
        if open.pipe.is_none() && open.share.is_empty() && open.untouched() && looks_like_pdu(transfer.data) {
            open.pipe = Some(Box::new(Pipe::new(pipe_name(&open.path), &self.endpoints)));
        }
        let total = match transfer.direction {
            Direction::ToServer => &mut open.written,
            Direction::ToClient => &mut open.read,
        };
        total.get_or_insert(Total { bytes: 0, since: at }).bytes += u64::from(transfer.length);
        if let Some(pipe) = &mut open.pipe {
            pipe.bytes(transfer.data, transfer.direction, at, open.actor.as_ref(), out);
            if usize::try_from(transfer.length).is_ok_and(|length| length > transfer.data.len()) {
                pipe.gap();
            }
        }
    }

    /// A file was closed: what was done to it is reported.
    pub(super) fn close_file(&mut self, key: &FileKey, at: At, out: &mut Output<'_>) {
        if let Some(mut open) = self.opens.remove(key) {
            open.report(at, out);
        }
    }

    /// Bytes of the connection were lost.
    pub(super) fn gap(&mut self) {
        for open in self.opens.values_mut() {
            if let Some(pipe) = &mut open.pipe {
                pipe.gap();
            }
        }
    }

    /// The connection ended: what is open is reported as it stands.
    pub(super) fn close(&mut self, at: At, out: &mut Output<'_>) {
        for mut open in self.opens.drain() {
            // Not closed on the wire, hence not deleted as far as we know.
            open.delete = false;
            open.report(at, out);
        }
    }
}

/// Bytes that go through an open file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer<'a> {
    pub(super) direction: Direction,
    /// As announced.
    pub(super) length: u32,
    /// As captured.
    pub(super) data: &'a [u8],
}

impl Open {
    fn untouched(&self) -> bool {
        self.read.is_none() && self.written.is_none()
    }

    fn report(&mut self, at: At, out: &mut Output<'_>) {
        if let Some(pipe) = &mut self.pipe {
            // What went through a pipe is told call by call.
            return pipe.close(at, out);
        }
        let read = self.read.take().map(|total| (SmbFileAction::Read, total));
        let written = self.written.take().map(|total| (SmbFileAction::Write, total));
        for (action, Total { bytes, since }) in read.into_iter().chain(written).filter(|(_, total)| total.bytes > 0) {
            let act = Act { share: &self.share, path: &self.path, action, bytes };
            emit(act, self.actor.clone(), Outcome::Success, since, out);
        }
        if self.delete {
            let act = Act { share: &self.share, path: &self.path, action: SmbFileAction::Delete, bytes: 0 };
            emit(act, self.actor.clone(), Outcome::Success, at, out);
        }
    }
}

/// What was done to a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act<'a> {
    pub(super) share: &'a str,
    pub(super) path: &'a str,
    pub(super) action: SmbFileAction,
    pub(super) bytes: u64,
}

/// An act becomes an event.
pub(super) fn emit(act: Act<'_>, actor: Option<Account>, outcome: Outcome, at: At, out: &mut Output<'_>) {
    let path = act.path.trim_start_matches('\\');
    let content = format!("{:?} {}\\{path} {} {}", act.action, act.share, act.bytes, at.frame);
    let file = SmbFile { share: act.share.into(), path: path.into(), action: act.action, bytes: act.bytes };
    let At { endpoints, time, frame } = at;
    let draft = Draft { endpoints, time, frame, actor, outcome, content: content.as_bytes() };
    out.emit(draft, Activity::SmbFile(Box::new(file)));
}

/// The outcome of a status: warnings and informational statuses are successes.
pub(super) fn outcome(status: u32) -> Outcome {
    if status >= 0xC000_0000 { Outcome::Failure(status) } else { Outcome::Success }
}

/// The action of a successful open by its CreateAction, of a failed one by its CreateDisposition.
pub(super) fn opened(created: Option<u32>, disposition: u32) -> SmbFileAction {
    let creates = match created {
        // 0 superseded, 2 created, 3 overwritten.
        Some(action) => matches!(action, 0 | 2 | 3),
        // 0 supersede, 2 create, 5 overwrite_if.
        None => matches!(disposition, 0 | 2 | 5),
    };
    if creates { SmbFileAction::Create } else { SmbFileAction::Open }
}

/// A pipe's name without `\PIPE\` or leading backslash.
fn pipe_name(path: &str) -> &str {
    let path = path.trim_start_matches('\\');
    match path.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("pipe\\") => path.get(5..).unwrap_or_default(),
        _ => path,
    }
}
