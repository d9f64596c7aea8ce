//! What one DCE/RPC connection knows (C706 §9.3, `[MS-RPCE] 3.3`): the interfaces bound, the security context, the calls
//! that wait for their answer and the handles that calls opened.

use std::net::{IpAddr, SocketAddr};

use hopwatch_model::event::{AuthLevel, Opaque, OpaqueProtocol, RpcTransport};
use hopwatch_model::identity::ResolutionMethod;
use hopwatch_model::{Account, Activity, Guid, Outcome};
use hopwatch_wire::dcerpc::{self, Abstract, Accepted, Auth, Body, NdrSyntax, Pdu};
use hopwatch_wire::rpc;

use super::call::{Call, Target};
use super::pdus;
use crate::analyzers::bounded::Bounded;
use crate::analyzers::gss::{At, GssContext, observe};
use crate::analyzers::rpc_endpoints::RpcEndpoints;
use crate::analyzers::{Draft, Output, Told};

/// The most presentation contexts of a connection.
const CONTEXTS: usize = 64;
/// The most calls that wait for an answer; Windows clients have a handful, a one-sided capture all of them.
const CALLS: usize = 128;
/// The most handles that are remembered.
const HANDLES: usize = 1024;
/// Sealed messages after which they are reported, so that a long connection is seen before its end.
const OPAQUE_REPORT: u32 = 1_000;

/// auth_type of the Netlogon security provider (`[MS-RPCE] 2.2.1.1.7`).
const AUTHN_NETLOGON: u8 = 68;
/// auth_type of TLS.
const AUTHN_SCHANNEL: u8 = 14;

/// An interface bound under a presentation context.
#[derive(Debug)]
struct Context {
    id: u16,
    uuid: Guid,
    syntax: NdrSyntax,
}

/// One connection.
pub(super) struct Connection {
    transport: RpcTransport,
    endpoints: RpcEndpoints,
    contexts: Vec<Context>,
    /// The contexts of the latest bind, whose answer tells their syntax by position.
    offered: Vec<u16>,
    level: AuthLevel,
    gss: GssContext,
    /// The account of a secure channel.
    machine: Option<Account>,
    calls: Bounded<u32, Call>,
    handles: Bounded<[u8; 20], String>,
    opaque: u32,
}

impl Connection {
    pub(super) fn new(transport: RpcTransport, endpoints: RpcEndpoints) -> Self {
        Self {
            transport,
            endpoints,
            contexts: Vec::new(),
            offered: Vec::new(),
            level: AuthLevel::None,
            gss: GssContext::new("rpc"),
            machine: None,
            calls: Bounded::new(CALLS),
            handles: Bounded::new(HANDLES),
            opaque: 0,
        }
    }

    /// Takes the bytes of one direction; returns how many were whole PDUs. `session`: the account of the carrier.
    pub(super) fn bytes(&mut self, bytes: &[u8], at: At, session: Option<&Account>, out: &mut Output<'_>) -> usize {
        pdus(bytes, out, |frame, out| match dcerpc::decode(frame) {
            Ok(pdu) => self.pdu(&pdu, at, session, out),
            Err(_) => out.counters.drop("dcerpc: PDU malformed"),
        })
    }

    /// Bytes were lost: what a call has so far cannot be completed, and its stubs are not read.
    pub(super) fn gap(&mut self) {
        for call in self.calls.values_mut() {
            call.broken();
        }
    }

    /// The connection ended: calls without an answer are emitted as they stand.
    pub(super) fn close(&mut self, at: At, out: &mut Output<'_>) {
        for call in self.calls.drain() {
            call.emit(&self.transport, Outcome::Unseen, out);
        }
        self.gss.finish(Outcome::Unseen, out);
        self.report_opaque(at, out);
    }

    fn pdu(&mut self, pdu: &Pdu<'_>, at: At, session: Option<&Account>, out: &mut Output<'_>) {
        match &pdu.body {
            Body::Bind(contexts) => {
                self.bind(contexts);
                self.auth(pdu.auth.as_ref(), at, out);
            }
            Body::BindAck(results) => {
                self.bind_ack(results);
                let waited = self.gss.pending();
                self.auth(pdu.auth.as_ref(), at, out);
                if waited {
                    self.gss.finish(Outcome::Success, out);
                }
            }
            Body::BindNak(rejection) => {
                self.gss.finish(Outcome::Failure(rejection.status), out);
            }
            Body::Auth3 => self.auth(pdu.auth.as_ref(), at, out),
            Body::Request { context_id, opnum, stub, .. } => {
                self.request(pdu, (*context_id, *opnum), stub, at, session, out);
            }
            Body::Response { stub, .. } => self.response(pdu, stub, at, out),
            Body::Fault(rejection) => {
                self.gss.finish(Outcome::Failure(rejection.status), out);
                match self.calls.remove(&pdu.call_id) {
                    Some(call) => call.emit(&self.transport, Outcome::Failure(rejection.status), out),
                    None => out.counters.ignore("dcerpc: fault without request"),
                }
            }
            Body::Other(_) => {}
        }
    }

    fn bind(&mut self, contexts: &[Abstract]) {
        self.offered = contexts.iter().map(|context| context.context_id).collect();
        for offered in contexts {
            let syntax = if offered.ndr64 { NdrSyntax::Ndr64 } else { NdrSyntax::Ndr };
            let context = Context { id: offered.context_id, uuid: offered.interface, syntax };
            if let Some(known) = self.contexts.iter_mut().find(|known| known.id == offered.context_id) {
                *known = context;
            } else if self.contexts.len() < CONTEXTS {
                self.contexts.push(context);
            }
        }
    }

    /// The answer tells the syntax of the contexts that the bind offered, by position.
    fn bind_ack(&mut self, results: &[Accepted]) {
        for (id, result) in self.offered.iter().zip(results).filter(|(_, result)| result.accepted) {
            if let Some(context) = self.contexts.iter_mut().find(|context| context.id == *id) {
                context.syntax = result.syntax;
            }
        }
    }

    fn auth(&mut self, auth: Option<&Auth<'_>>, at: At, out: &mut Output<'_>) {
        let Some(auth) = auth else { return };
        self.level = level(auth.level);
        match auth.kind {
            AUTHN_NETLOGON => self.secure_channel(auth.value, at, out),
            AUTHN_SCHANNEL => {}
            _ => self.gss.token(auth.value, at, out),
        }
    }

    /// A machine names itself when it opens a secure channel; the answer names nobody.
    fn secure_channel(&mut self, token: &[u8], at: At, out: &mut Output<'_>) {
        let Ok(message) = dcerpc::decode_nl_auth(token) else { return };
        let Some(computer) = message.computer else { return };
        observe(&computer, at.endpoints.client.ip(), ResolutionMethod::Ntlm, at, out);
        self.machine = Some(Account { name: format!("{computer}$"), domain: message.domain, sid: None });
    }

    fn target(&self, context_id: u16, server: SocketAddr) -> Target {
        if let Some(context) = self.contexts.iter().find(|context| context.id == context_id) {
            let interface = rpc::interface(context.uuid);
            return Target { uuid: Some(context.uuid), interface, syntax: context.syntax, bind_seen: true };
        }
        let uuid = match self.transport {
            RpcTransport::Tcp => self.endpoints.interface(server),
            RpcTransport::Pipe(_) | RpcTransport::Other(_) => None,
        };
        Target { uuid, interface: uuid.and_then(rpc::interface), syntax: NdrSyntax::Ndr, bind_seen: false }
    }

    fn request(
        &mut self,
        pdu: &Pdu<'_>,
        (context_id, opnum): (u16, u16),
        stub: &[u8],
        at: At,
        session: Option<&Account>,
        out: &mut Output<'_>,
    ) {
        let level = pdu.auth.as_ref().map_or(self.level, |auth| level(auth.level));
        let sealed = pdu.auth.is_some() && level == AuthLevel::Privacy;
        self.count_opaque(sealed, at, out);
        let bound = self.contexts.iter().find(|context| context.id == context_id);
        let interface = bound.map(|context| context.uuid);
        out.tell(at.frame, Told::Rpc { interface, opnum, first: pdu.flags.first() });
        if pdu.flags.first() || self.calls.get(&pdu.call_id).is_none() {
            let target = self.target(context_id, at.endpoints.server);
            let mut call = Call::new(at, target, opnum);
            call.auth_level = level;
            call.sealed = sealed;
            call.big_endian = pdu.big_endian;
            call.actor = self.gss.account().or_else(|| self.machine.clone()).or_else(|| session.cloned());
            if let Some(pushed_out) = self.calls.insert(pdu.call_id, call) {
                pushed_out.emit(&self.transport, Outcome::Unseen, out);
            }
        }
        let Some(call) = self.calls.get_mut(&pdu.call_id) else { return };
        call.request(stub, out);
        if pdu.flags.last() {
            let handles = &self.handles;
            call.decode(|handle| handles.get(handle).cloned(), out);
        }
    }

    fn response(&mut self, pdu: &Pdu<'_>, stub: &[u8], at: At, out: &mut Output<'_>) {
        let sealed = pdu.auth.as_ref().is_some_and(|auth| level(auth.level) == AuthLevel::Privacy);
        self.count_opaque(sealed, at, out);
        // The first answer says that the last leg of the logon was accepted.
        self.gss.finish(Outcome::Success, out);
        let Some(call) = self.calls.get_mut(&pdu.call_id) else {
            return out.counters.ignore("dcerpc: response without request");
        };
        call.sealed |= sealed;
        call.response(stub);
        if !pdu.flags.last() {
            return;
        }
        let Some(call) = self.calls.remove(&pdu.call_id) else { return };
        self.learn(&call, at.endpoints.server.ip());
        let outcome = call.outcome();
        call.emit(&self.transport, outcome, out);
    }

    /// What a complete answer teaches: endpoints and handles.
    fn learn(&mut self, call: &Call, server: IpAddr) {
        let (Some(interface), Some(response)) = (call.target.interface, call.whole_response()) else { return };
        if interface.name == "epm" && call.opnum == 3 {
            let towers = dcerpc::ept_map_towers(response.bytes, response.syntax, response.big_endian);
            for tower in towers.unwrap_or_default() {
                if let Some(port) = tower.tcp_port.filter(|port| *port != 0) {
                    let address = tower.address.map_or(server, IpAddr::V4);
                    self.endpoints.learn(SocketAddr::new(address, port), tower.interface);
                }
            }
        }
        let opened = rpc::opened_handle(interface, call.opnum, response);
        if let (Some(handle), Some(label)) = (opened, rpc::label(&call.arguments)) {
            self.handles.insert(handle, label);
        }
    }

    fn count_opaque(&mut self, sealed: bool, at: At, out: &mut Output<'_>) {
        self.opaque += u32::from(sealed);
        if self.opaque >= OPAQUE_REPORT {
            self.report_opaque(at, out);
        }
    }

    fn report_opaque(&mut self, at: At, out: &mut Output<'_>) {
        let messages = std::mem::take(&mut self.opaque);
        if messages == 0 {
            return;
        }
        let content = messages.to_le_bytes();
        let At { endpoints, time, frame } = at;
        let draft = Draft { endpoints, time, frame, actor: None, outcome: Outcome::Unseen, content: &content };
        out.emit(draft, Activity::Opaque(Box::new(Opaque { protocol: OpaqueProtocol::Rpc, messages })));
    }
}

/// The level of an auth_level (`[MS-RPCE] 2.2.1.1.8`).
fn level(number: u8) -> AuthLevel {
    match number {
        2 => AuthLevel::Connect,
        3 | 4 => AuthLevel::Packet,
        5 => AuthLevel::Integrity,
        6 => AuthLevel::Privacy,
        _ => AuthLevel::None,
    }
}
