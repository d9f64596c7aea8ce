//! One call: the fragments of its request and response, and the event they become.

use hopwatch_model::event::{AuthLevel, RpcArguments, RpcCall, RpcTransport};
use hopwatch_model::{Account, Activity, Guid, Outcome};
use hopwatch_wire::dcerpc::NdrSyntax;
use hopwatch_wire::rpc::{self, Interface, Stub};

use crate::analyzers::gss::At;
use crate::analyzers::{Draft, Output};
use crate::secrets::content_digest;

/// The most bytes of a request that are put together: the XML of a task, with room to spare. What follows is passed over.
const REQUEST_CAP: usize = 256 * 1024;
/// The most bytes of a response that are put together: an answer of the endpoint mapper.
const RESPONSE_CAP: usize = 64 * 1024;

/// What is known of the interface of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    /// The interface's UUID, by the bind or by the endpoint mapper.
    pub(super) uuid: Option<Guid>,
    /// The interface, where we know it.
    pub(super) interface: Option<&'static Interface>,
    /// The transfer syntax that the server accepted.
    pub(super) syntax: NdrSyntax,
    /// Whether the bind was seen.
    pub(super) bind_seen: bool,
}

/// A call whose answer is not complete.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: At,
    pub(super) target: Target,
    pub(super) opnum: u16,
    pub(super) auth_level: AuthLevel,
    pub(super) actor: Option<Account>,
    /// Whether the stubs cannot be read.
    pub(super) sealed: bool,
    pub(super) big_endian: bool,
    pub(super) arguments: RpcArguments,
    request: Vec<u8>,
    response: Vec<u8>,
    response_cut: bool,
    digest: u64,
}

impl Call {
    /// A call that begins.
    pub(super) fn new(at: At, target: Target, opnum: u16) -> Self {
        Self {
            at,
            target,
            opnum,
            auth_level: AuthLevel::None,
            actor: None,
            sealed: false,
            big_endian: false,
            arguments: RpcArguments::None,
            request: Vec::new(),
            response: Vec::new(),
            response_cut: false,
            digest: 0,
        }
    }

    /// Takes a fragment of the request.
    pub(super) fn request(&mut self, stub: &[u8], out: &mut Output<'_>) {
        self.digest ^= content_digest(stub).rotate_left(1);
        if self.sealed {
            return;
        }
        let room = REQUEST_CAP.saturating_sub(self.request.len());
        if stub.len() > room {
            out.counters.drop("dcerpc: request longer than its buffer");
        }
        self.request.extend_from_slice(stub.get(..room).unwrap_or(stub));
    }

    /// The request is complete: its arguments are read and its bytes dropped. `handle` names what a handle stands for.
    pub(super) fn decode(&mut self, handle: impl Fn(&[u8; 20]) -> Option<String>, out: &mut Output<'_>) {
        let request = std::mem::take(&mut self.request);
        let Some(interface) = self.target.interface.filter(|_| self.target.bind_seen && !self.sealed) else { return };
        let stub = Stub { bytes: &request, syntax: self.target.syntax, big_endian: self.big_endian };
        match interface.arguments(self.opnum, stub) {
            Ok(arguments) => self.arguments = arguments,
            Err(_) => return out.counters.drop("dcerpc: stub malformed"),
        }
        if let Some(name) = request.first_chunk::<20>().and_then(handle) {
            let arguments = std::mem::take(&mut self.arguments);
            self.arguments = rpc::with_handle(interface, self.opnum, arguments, &name);
        }
    }

    /// Takes a fragment of the response. Of one that is too long only the end is kept, for the return value.
    pub(super) fn response(&mut self, stub: &[u8]) {
        if self.sealed {
            return;
        }
        if self.response_cut || self.response.len().saturating_add(stub.len()) > RESPONSE_CAP {
            self.response_cut = true;
            self.response.clear();
        }
        self.response.extend_from_slice(stub);
    }

    /// Bytes of the connection were lost while the call was open: its stubs may have a hole.
    pub(super) fn broken(&mut self) {
        self.sealed = true;
        self.request = Vec::new();
        self.response = Vec::new();
    }

    /// The response as it was put together; `None` where it is sealed or its beginning is lost.
    pub(super) fn whole_response(&self) -> Option<Stub<'_>> {
        (!self.sealed && !self.response_cut).then_some(self.response_stub())
    }

    fn response_stub(&self) -> Stub<'_> {
        Stub { bytes: &self.response, syntax: self.target.syntax, big_endian: self.big_endian }
    }

    /// What the complete response says of the outcome. A sealed response is no fault: that is all that can be told.
    pub(super) fn outcome(&self) -> Outcome {
        let interface = self.target.interface.filter(|_| !self.sealed && self.target.bind_seen);
        match interface.and_then(|interface| interface.failure(self.response_stub())) {
            Some(code) => Outcome::Failure(code),
            None => Outcome::Success,
        }
    }

    /// The call becomes an event.
    pub(super) fn emit(self, transport: &RpcTransport, outcome: Outcome, out: &mut Output<'_>) {
        let interface = self.target.interface;
        let call = RpcCall {
            interface: self.target.uuid,
            interface_name: interface.map_or(String::new(), |interface| interface.name.into()),
            opnum: self.opnum,
            operation: interface.map_or(String::new(), |interface| interface.operation(self.opnum).into()),
            transport: transport.clone(),
            auth_level: self.auth_level,
            bind_seen: self.target.bind_seen,
            arguments: self.arguments,
        };
        let mut content = self.digest.to_le_bytes().to_vec();
        content.extend(self.opnum.to_le_bytes());
        content.extend(self.at.frame.to_le_bytes());
        let At { endpoints, time, frame } = self.at;
        let draft = Draft { endpoints, time, frame, actor: self.actor, outcome, content: &content };
        out.emit(draft, Activity::RpcCall(Box::new(call)));
    }
}
