//! The transactions of SMB 2 and 3 (`[MS-SMB2] 3.2, 3.3`): requests and responses joined by MessageId, sessions by
//! SessionId, trees by TreeId.

mod session;

use hopwatch_model::event::SmbFileAction;
use hopwatch_model::{Account, Outcome};
use hopwatch_wire::smb2::{self, CreateRequest, FileId, Header, SetInfo, command};

use super::files::{Act, Files, Transfer, Tree, emit, opened, outcome};
use crate::analyzers::bounded::Bounded;
use crate::analyzers::gss::{At, GssContext};
use crate::analyzers::{Direction, Output};

/// The most sessions of a connection.
const SESSIONS: usize = 256;
/// The most trees of a connection.
const TREES: usize = 1024;
/// The most requests that wait for their response: clients are granted some 8,000 credits and use few.
const PENDING: usize = 1024;

/// STATUS_MORE_PROCESSING_REQUIRED: another leg follows.
const MORE_PROCESSING_REQUIRED: u32 = 0xC000_0016;
/// STATUS_PENDING: an interim response.
const STATUS_PENDING: u32 = 0x0000_0103;

/// What a session knows.
#[derive(Debug)]
struct Session {
    gss: GssContext,
    account: Option<Account>,
    /// Whether the session was reported.
    announced: bool,
}

impl Session {
    fn new() -> Self {
        Self { gss: GssContext::new("smb"), account: None, announced: false }
    }
}

/// A file of a request: by id, or the one that the compound opens.
#[derive(Clone, Copy, Debug)]
enum FileRef {
    Id(FileId),
    Created(u64),
}

/// A request that waits for its response.
enum Pending {
    /// The context of a first leg, which has no session id yet.
    SessionSetup(Option<Box<Session>>),
    TreeConnect(String),
    Create(Box<CreateRequest>),
    Read(FileRef),
    Ioctl(FileRef),
    SetInfo(FileRef, SetInfo),
    Close(FileRef),
    Logoff,
    TreeDisconnect,
}

/// What a request was.
struct Waiting {
    at: At,
    session_id: u64,
    tree_id: u32,
    pending: Pending,
}

/// The state of a connection.
pub(super) struct State {
    dialect: Option<&'static str>,
    signing_required: Option<bool>,
    sessions: Bounded<u64, Session>,
    trees: Bounded<(u64, u32), Tree>,
    waiting: Bounded<u64, Waiting>,
    /// The files that CREATEs of compounds opened, by MessageId.
    created: Bounded<u64, FileId>,
    /// The latest request header of the compound that is being read: related requests take their ids from it.
    previous: Option<(Header, Option<u64>)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            dialect: None,
            signing_required: None,
            sessions: Bounded::new(SESSIONS),
            trees: Bounded::new(TREES),
            waiting: Bounded::new(PENDING),
            created: Bounded::new(64),
            previous: None,
        }
    }
}

impl State {
    /// The compound is over.
    pub(super) fn end_of_frame(&mut self) {
        self.previous = None;
    }

    /// Takes one message, from its header on.
    pub(super) fn message(&mut self, header: &Header, message: &[u8], at: At, files: &mut Files, out: &mut Output<'_>) {
        let read = if header.response {
            self.response(header, message, at, files, out)
        } else {
            self.request(header, message, at, files, out)
        };
        if read.is_err() {
            out.counters.drop("smb: SMB2 message malformed");
        }
    }

    /// The connection ended: logons whose outcome was not seen are emitted as they stand, and so are opens and connects
    /// that nobody answered.
    pub(super) fn close(&mut self, out: &mut Output<'_>) {
        for waiting in self.waiting.drain() {
            self.unanswered(waiting, out);
        }
        for mut session in self.sessions.drain() {
            session.gss.finish(Outcome::Unseen, out);
        }
    }

    fn request(
        &mut self,
        header: &Header,
        message: &[u8],
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<(), hopwatch_wire::Error> {
        let (mut session_id, mut tree_id) = (header.session_id, header.tree_id.unwrap_or_default());
        let mut creator = None;
        if let Some((previous, created_by)) = self.previous.filter(|_| header.related) {
            (session_id, tree_id) = (previous.session_id, previous.tree_id.unwrap_or_default());
            creator = created_by;
        }
        let file = |id: FileId| match creator {
            Some(message_id) if id.related() => FileRef::Created(message_id),
            _ => FileRef::Id(id),
        };
        let pending = match header.command {
            command::SESSION_SETUP => Some(self.session_setup(session_id, message, at, out)?),
            command::TREE_CONNECT => Some(Pending::TreeConnect(smb2::tree_connect_request(message)?)),
            command::CREATE => Some(Pending::Create(Box::new(smb2::create_request(message)?))),
            command::READ => Some(Pending::Read(file(smb2::read_request(message)?.file_id))),
            command::WRITE => {
                let write = smb2::write_request(message)?;
                let transfer = Transfer { direction: Direction::ToServer, length: write.length, data: write.data };
                self.transfer(file(write.file_id), transfer, session_id, at, files, out);
                None
            }
            command::IOCTL => {
                let ioctl = smb2::ioctl_request(message)?;
                if ioctl.code == smb2::FSCTL_PIPE_TRANSCEIVE {
                    let length = u32::try_from(ioctl.input.len()).unwrap_or(u32::MAX);
                    let transfer = Transfer { direction: Direction::ToServer, length, data: ioctl.input };
                    self.transfer(file(ioctl.file_id), transfer, session_id, at, files, out);
                    Some(Pending::Ioctl(file(ioctl.file_id)))
                } else {
                    None
                }
            }
            command::SET_INFO => match smb2::set_info_request(message)? {
                (_, SetInfo::Other) => None,
                (id, change) => Some(Pending::SetInfo(file(id), change)),
            },
            command::CLOSE => Some(Pending::Close(file(smb2::close_request(message)?))),
            command::LOGOFF => Some(Pending::Logoff),
            command::TREE_DISCONNECT => Some(Pending::TreeDisconnect),
            _ => None,
        };
        if header.command == command::CREATE {
            creator = Some(header.message_id);
        }
        let ids = Header { session_id, tree_id: Some(tree_id), ..*header };
        self.previous = Some((ids, creator));
        if let Some(pending) = pending {
            let waiting = Waiting { at, session_id, tree_id, pending };
            if let Some(pushed_out) = self.waiting.insert(header.message_id, waiting) {
                out.counters.drop("smb: requests beyond the cap or repeated");
                self.unanswered(pushed_out, out);
            }
        }
        Ok(())
    }

    fn response(
        &mut self,
        header: &Header,
        message: &[u8],
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<(), hopwatch_wire::Error> {
        if header.command == command::NEGOTIATE && header.status == 0 {
            let response = smb2::negotiate_response(message)?;
            self.dialect = smb2::dialect_name(response.dialect);
            self.signing_required = Some(response.signing_required);
            return Ok(());
        }
        if header.status == STATUS_PENDING {
            return Ok(());
        }
        let Some(Waiting { at: asked, session_id, tree_id, pending }) = self.waiting.remove(&header.message_id) else {
            return Ok(());
        };
        let actor = || self.sessions.get(&session_id).and_then(|session| session.account.clone());
        match pending {
            Pending::SessionSetup(begun) => self.session_response(header, message, (asked, at), begun, out)?,
            Pending::TreeConnect(unc) => {
                let mut tree = Tree::of(&unc);
                if header.status == 0 {
                    tree.pipes |= smb2::tree_connect_response(message)?;
                }
                let act = Act { share: &tree.share, path: "", action: SmbFileAction::Connect, bytes: 0 };
                emit(act, actor(), outcome(header.status), asked, out);
                if let Some(id) = header.tree_id.filter(|_| header.status == 0) {
                    self.trees.insert((session_id, id), tree);
                }
            }
            Pending::Create(request) => {
                let tree = self.trees.get(&(session_id, tree_id)).cloned().unwrap_or_default();
                let response = if header.status < 0xC000_0000 { smb2::create_response(message).ok() } else { None };
                let action = opened(response.map(|response| response.action), request.disposition);
                let act = Act { share: &tree.share, path: &request.name, action, bytes: 0 };
                emit(act, actor(), outcome(header.status), asked, out);
                if let Some(response) = response {
                    self.created.insert(header.message_id, response.file_id);
                    let key = response.file_id.0;
                    files.open(key, &tree, &request.name, actor(), asked, out);
                    if let Some(open) = files.get_mut(&key) {
                        open.delete = request.options & 0x1000 != 0;
                    }
                }
            }
            Pending::Read(file) if header.status < 0xC000_0000 => {
                let (length, data) = smb2::read_response(message)?;
                let transfer = Transfer { direction: Direction::ToClient, length, data };
                self.transfer(file, transfer, session_id, at, files, out);
            }
            Pending::Ioctl(file) if header.status < 0xC000_0000 => {
                let output = smb2::ioctl_response(message)?.output;
                let length = u32::try_from(output.len()).unwrap_or(u32::MAX);
                let transfer = Transfer { direction: Direction::ToClient, length, data: output };
                self.transfer(file, transfer, session_id, at, files, out);
            }
            Pending::SetInfo(file, change) => self.set_info(file, &change, header.status, asked, files, out),
            Pending::Close(file) if header.status == 0 => {
                if let Some(id) = self.file_id(file) {
                    files.close_file(&id.0, asked, out);
                }
            }
            Pending::Logoff => {
                if let Some(mut session) = self.sessions.remove(&session_id) {
                    session.gss.finish(Outcome::Unseen, out);
                }
            }
            Pending::TreeDisconnect => {
                self.trees.remove(&(session_id, tree_id));
            }
            Pending::Read(_) | Pending::Ioctl(_) | Pending::Close(_) => {}
        }
        Ok(())
    }

    fn set_info(
        &mut self,
        file: FileRef,
        change: &SetInfo,
        status: u32,
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) {
        let Some(open) = self.file_id(file).and_then(|id| files.get_mut(&id.0)) else { return };
        let outcome = outcome(status);
        match change {
            SetInfo::Delete if outcome.succeeded() => open.delete = true,
            SetInfo::Delete => {
                let act = Act { share: &open.share, path: &open.path, action: SmbFileAction::Delete, bytes: 0 };
                emit(act, open.actor.clone(), outcome, at, out);
            }
            // A file that moves is one that goes and one that comes.
            SetInfo::Rename(name) => {
                let gone = Act { share: &open.share, path: &open.path, action: SmbFileAction::Delete, bytes: 0 };
                emit(gone, open.actor.clone(), outcome, at, out);
                let come = Act { share: &open.share, path: name, action: SmbFileAction::Create, bytes: 0 };
                emit(come, open.actor.clone(), outcome, at, out);
                if outcome.succeeded() {
                    open.path.clone_from(name);
                }
            }
            SetInfo::Other => {}
        }
    }

    fn transfer(
        &self,
        file: FileRef,
        transfer: Transfer<'_>,
        session_id: u64,
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) {
        let Some(id) = self.file_id(file) else {
            return out.counters.drop("smb: transfer on a file of the same compound");
        };
        let actor = self.sessions.get(&session_id).and_then(|session| session.account.as_ref());
        files.transfer(id.0, transfer, actor, at, out);
    }

    fn file_id(&self, file: FileRef) -> Option<FileId> {
        match file {
            FileRef::Id(id) => Some(id),
            FileRef::Created(message_id) => self.created.get(&message_id).copied(),
        }
    }

    /// A request that nobody answered.
    fn unanswered(&self, waiting: Waiting, out: &mut Output<'_>) {
        let actor = self.sessions.get(&waiting.session_id).and_then(|session| session.account.clone());
        match waiting.pending {
            Pending::SessionSetup(Some(mut session)) => {
                session.gss.finish(Outcome::Unseen, out);
            }
            Pending::TreeConnect(unc) => {
                let tree = Tree::of(&unc);
                let act = Act { share: &tree.share, path: "", action: SmbFileAction::Connect, bytes: 0 };
                emit(act, actor, Outcome::Unseen, waiting.at, out);
            }
            Pending::Create(request) => {
                let tree = self.trees.get(&(waiting.session_id, waiting.tree_id));
                let share = tree.map_or("", |tree| tree.share.as_str());
                let action = opened(None, request.disposition);
                let act = Act { share, path: &request.name, action, bytes: 0 };
                emit(act, actor, Outcome::Unseen, waiting.at, out);
            }
            _ => {}
        }
    }
}
