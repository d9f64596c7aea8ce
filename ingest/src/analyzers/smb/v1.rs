//! The transactions of SMB 1 (`[MS-CIFS] 3.2, 3.3`, `[MS-SMB]`): requests and responses joined by PID and MID, sessions by
//! UID, trees by TID, files by FID.
//!
//! A NEGOTIATE that a server answers in SMB2 makes no session here: offering SMB1 is not speaking it.

mod session;

use hopwatch_model::event::SmbFileAction;
use hopwatch_model::{Account, Outcome};
use hopwatch_wire::Error;
use hopwatch_wire::smb1::{self, Block, CreateRequest, Header, SessionCredentials, command};

use super::anomaly;
use super::files::{Act, FileKey, Files, Transfer, Tree, emit, opened, outcome};
use crate::analyzers::bounded::Bounded;
use crate::analyzers::gss::{At, GssContext};
use crate::analyzers::{Direction, Output};
use session::logon;

/// The most sessions of a connection.
const SESSIONS: usize = 256;
/// The most trees of a connection.
const TREES: usize = 1024;
/// The most messages that wait for their response: clients are granted 50 in general.
const PENDING: usize = 256;

/// STATUS_MORE_PROCESSING_REQUIRED: another leg follows.
const MORE_PROCESSING_REQUIRED: u32 = 0xC000_0016;
/// TransactNmPipe, the function of a TRANSACTION that writes a pipe and reads its answer (`[MS-CIFS] 2.2.5.6`).
const TRANSACT_NM_PIPE: u16 = 0x26;
/// TRANS2_SESSION_SETUP: reserved and never implemented (`[MS-CIFS] 2.2.6.15`); the DoublePulsar implant answers it.
const TRANS2_SESSION_SETUP: u16 = 0x0e;

/// NT_TRANSACT_RENAME: defined and never implemented (`[MS-CIFS] 2.2.7.5`); exploits of MS17-010 send it.
const NT_TRANSACT_RENAME: u16 = 5;

/// A request that waits for its response.
enum Pending {
    SessionSetup { basic: Option<SessionCredentials>, gss: Option<Box<GssContext>> },
    TreeConnect(String),
    Create(CreateRequest),
    Read(u16),
    Transact(u16),
    Delete(String),
    Close(u16),
    Other,
}

/// The requests of one chained message.
struct Waiting {
    at: At,
    uid: u16,
    tid: u16,
    chain: Vec<(u8, Pending)>,
}

/// The state of a connection.
pub(super) struct State {
    signing_required: Option<bool>,
    challenge_response: bool,
    native: Option<String>,
    /// Contexts of multi-leg logons and accounts of sessions, by UID.
    contexts: Bounded<u16, GssContext>,
    accounts: Bounded<u16, Option<Account>>,
    trees: Bounded<u16, Tree>,
    waiting: Bounded<(u16, u16), Waiting>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            signing_required: None,
            challenge_response: true,
            native: None,
            contexts: Bounded::new(SESSIONS),
            accounts: Bounded::new(SESSIONS),
            trees: Bounded::new(TREES),
            waiting: Bounded::new(PENDING),
        }
    }
}

impl State {
    /// Takes one message, from its header on.
    pub(super) fn message(
        &mut self,
        message: &[u8],
        direction: Direction,
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) {
        let read = smb1::header(message).and_then(|header| Ok((header, smb1::blocks(message)?)));
        let Ok((header, blocks)) = read else { return out.counters.drop("smb: SMB1 message malformed") };
        // The reply bit may be missing in what tools send; the direction knows.
        let result = if header.response || direction == Direction::ToClient {
            self.responses(&header, &blocks, at, files, out)
        } else {
            self.requests(&header, &blocks, at, files, out)
        };
        if result.is_err() {
            out.counters.drop("smb: SMB1 message malformed");
        }
    }

    /// The connection ended: what nobody answered is emitted as it stands.
    pub(super) fn close(&mut self, out: &mut Output<'_>) {
        for Waiting { at, uid, tid, chain } in self.waiting.drain() {
            for (_, pending) in chain {
                self.unanswered(pending, (uid, tid), at, out);
            }
        }
        for mut context in self.contexts.drain() {
            context.finish(Outcome::Unseen, out);
        }
    }

    fn requests(
        &mut self,
        header: &Header,
        blocks: &[Block<'_>],
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let mut chain = Vec::new();
        for block in blocks {
            let pending = self.request(header, block, at, files, out)?;
            chain.push((block.command, pending));
        }
        let waiting = Waiting { at, uid: header.uid, tid: header.tid, chain };
        if let Some(pushed_out) = self.waiting.insert((header.pid, header.mid), waiting) {
            for (_, pending) in pushed_out.chain {
                self.unanswered(pending, (pushed_out.uid, pushed_out.tid), pushed_out.at, out);
            }
        }
        Ok(())
    }

    fn request(
        &mut self,
        header: &Header,
        block: &Block<'_>,
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<Pending, Error> {
        let unicode = header.unicode;
        Ok(match block.command {
            command::SESSION_SETUP_ANDX => self.session_setup(header, block, at, out)?,
            command::TREE_CONNECT_ANDX => Pending::TreeConnect(smb1::tree_connect_request(block, unicode)?),
            command::NT_CREATE_ANDX | command::OPEN_ANDX => Pending::Create(smb1::create_request(block, unicode)?),
            command::READ_ANDX => Pending::Read(smb1::fid_at(block)?),
            command::WRITE_ANDX => {
                let (length, data) = smb1::write_request(block)?;
                let transfer = Transfer { direction: Direction::ToServer, length, data };
                files.transfer(key(smb1::fid_at(block)?), transfer, self.account(header.uid), at, out);
                Pending::Other
            }
            command::TRANSACTION => {
                let transaction = smb1::transaction_request(block, unicode)?;
                match transaction.fid.filter(|_| transaction.function == Some(TRANSACT_NM_PIPE)) {
                    Some(fid) => {
                        let length = u32::try_from(transaction.data.len()).unwrap_or(u32::MAX);
                        let transfer = Transfer { direction: Direction::ToServer, length, data: transaction.data };
                        files.transfer(key(fid), transfer, self.account(header.uid), at, out);
                        Pending::Transact(fid)
                    }
                    None => Pending::Other,
                }
            }
            command::TRANSACTION2 => {
                if smb1::transaction_request(block, unicode)?.function == Some(TRANS2_SESSION_SETUP) {
                    let content = block.words;
                    anomaly("smb1", "TRANS2_SESSION_SETUP, which no client sends (DoublePulsar)", content, at, out);
                }
                Pending::Other
            }
            command::NT_TRANSACT => {
                if smb1::nt_transact_function(block)? == NT_TRANSACT_RENAME {
                    let content = block.words;
                    anomaly("smb1", "NT_TRANSACT_RENAME, which no client sends (MS17-010)", content, at, out);
                }
                Pending::Other
            }
            command::DELETE => Pending::Delete(smb1::delete_request(block, unicode)),
            command::CLOSE => Pending::Close(smb1::fid_at(block)?),
            _ => Pending::Other,
        })
    }

    fn responses(
        &mut self,
        header: &Header,
        blocks: &[Block<'_>],
        at: At,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if header.command == command::NEGOTIATE {
            let Some(block) = blocks.first() else { return Ok(()) };
            let response = smb1::negotiate_response(block, header.unicode)?;
            self.signing_required = Some(response.signing_required);
            self.challenge_response = response.challenge_response;
            return Ok(());
        }
        let Some(Waiting { at: asked, uid, tid, chain }) = self.waiting.remove(&(header.pid, header.mid)) else {
            return Ok(());
        };
        let (mut session, mut tree) = (uid, tid);
        let answered = blocks.len();
        for (index, ((_, pending), block)) in chain.into_iter().zip(blocks).enumerate() {
            // The status is that of the last block that was answered; those before it succeeded.
            let status = if index + 1 == answered { header.status } else { 0 };
            match &pending {
                Pending::SessionSetup { .. } => session = header.uid,
                Pending::TreeConnect(_) => tree = header.tid,
                _ => {}
            }
            let answer = Answer { asked, at, status, uid: session, tid: tree, unicode: header.unicode };
            // A transaction may be answered in several messages, and a pipe is read until it says so.
            if let Pending::Transact(fid) = pending
                && outcome(status).succeeded()
            {
                let again = Waiting { at: asked, uid, tid, chain: vec![(block.command, Pending::Transact(fid))] };
                self.waiting.insert((header.pid, header.mid), again);
            }
            self.response(pending, block, answer, files, out)?;
        }
        Ok(())
    }

    fn response(
        &mut self,
        pending: Pending,
        block: &Block<'_>,
        answer: Answer,
        files: &mut Files,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let actor = self.account(answer.uid).cloned();
        let succeeded = outcome(answer.status).succeeded();
        match pending {
            Pending::SessionSetup { basic: Some(credentials), .. } => {
                self.basic_session(&credentials, block, answer, out);
            }
            Pending::SessionSetup { basic: None, gss } => self.extended_session(gss, block, answer, out)?,
            Pending::TreeConnect(unc) => {
                let mut tree = Tree::of(&unc);
                let act = Act { share: &tree.share, path: "", action: SmbFileAction::Connect, bytes: 0 };
                emit(act, actor, outcome(answer.status), answer.asked, out);
                if succeeded {
                    tree.pipes |= smb1::tree_connect_response(block);
                    self.trees.insert(answer.tid, tree);
                }
            }
            Pending::Create(request) => {
                let tree = self.trees.get(&answer.tid).cloned().unwrap_or_default();
                let response = if succeeded { smb1::create_response(block).ok() } else { None };
                let action = opened(response.map(|(_, action)| action), request.disposition);
                let act = Act { share: &tree.share, path: &request.name, action, bytes: 0 };
                emit(act, actor.clone(), outcome(answer.status), answer.asked, out);
                if let Some((fid, _)) = response {
                    files.open(key(fid), &tree, &request.name, actor, answer.asked, out);
                    if let Some(open) = files.get_mut(&key(fid)) {
                        open.delete = request.options & 0x1000 != 0;
                    }
                }
            }
            Pending::Read(fid) if succeeded => {
                let read = smb1::read_response(block)?;
                let transfer = Transfer { direction: Direction::ToClient, length: read.length, data: read.data };
                files.transfer(key(fid), transfer, actor.as_ref(), answer.at, out);
            }
            Pending::Transact(fid) if succeeded => {
                let data = smb1::transaction_response(block).unwrap_or_default();
                let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let transfer = Transfer { direction: Direction::ToClient, length, data };
                files.transfer(key(fid), transfer, actor.as_ref(), answer.at, out);
            }
            Pending::Delete(path) => {
                let tree = self.trees.get(&answer.tid);
                let share = tree.map_or("", |tree| tree.share.as_str());
                let act = Act { share, path: &path, action: SmbFileAction::Delete, bytes: 0 };
                emit(act, actor, outcome(answer.status), answer.asked, out);
            }
            Pending::Close(fid) if succeeded => files.close_file(&key(fid), answer.asked, out),
            Pending::Read(_) | Pending::Transact(_) | Pending::Close(_) | Pending::Other => {}
        }
        Ok(())
    }

    fn account(&self, uid: u16) -> Option<&Account> {
        self.accounts.get(&uid)?.as_ref()
    }

    /// A request that nobody answered.
    fn unanswered(&self, pending: Pending, (uid, tid): (u16, u16), at: At, out: &mut Output<'_>) {
        let actor = self.account(uid).cloned();
        let share = self.trees.get(&tid).map_or("", |tree| tree.share.as_str());
        match pending {
            Pending::SessionSetup { basic: Some(credentials), .. } => {
                logon(&credentials, Outcome::Unseen, at, out);
            }
            Pending::SessionSetup { gss: Some(mut context), .. } => {
                context.finish(Outcome::Unseen, out);
            }
            Pending::TreeConnect(unc) => {
                let tree = Tree::of(&unc);
                let act = Act { share: &tree.share, path: "", action: SmbFileAction::Connect, bytes: 0 };
                emit(act, actor, Outcome::Unseen, at, out);
            }
            Pending::Create(request) => {
                let action = opened(None, request.disposition);
                emit(Act { share, path: &request.name, action, bytes: 0 }, actor, Outcome::Unseen, at, out);
            }
            Pending::Delete(path) => {
                let act = Act { share, path: &path, action: SmbFileAction::Delete, bytes: 0 };
                emit(act, actor, Outcome::Unseen, at, out);
            }
            _ => {}
        }
    }
}

/// What a response says beside its block.
#[derive(Clone, Copy)]
struct Answer {
    /// Where the request was seen.
    asked: At,
    /// Where the response was seen.
    at: At,
    status: u32,
    uid: u16,
    tid: u16,
    unicode: bool,
}

fn key(fid: u16) -> FileKey {
    u128::from(fid).to_le_bytes()
}
