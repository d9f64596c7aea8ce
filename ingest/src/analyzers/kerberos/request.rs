//! A request of which the answer is awaited: what it becomes as an event.

use hopwatch_model::event::{AsExchange, Principal, TgsExchange, TicketUse};
use hopwatch_model::{Account, Activity, Outcome, Timestamp};
use hopwatch_wire::krb5::{ApReq, KdcRep, KdcReq, PaData, kind};

use crate::analyzers::Output;
use crate::analyzers::seen::Seen;

/// KDC option renew, bit 30 (RFC 4120 §5.4.1).
const RENEW: u32 = 0x0000_0002;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// AS-REQ.
    As(Box<AsExchange>),
    /// TGS-REQ.
    Tgs(Box<TgsExchange>),
    /// A ticket for `kadmin/changepw`, used.
    PasswordChange(Box<TicketUse>),
}

/// A request, and the answer as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) seen: Seen,
    pub(super) nonce: i64,
    pub(super) asked: Asked,
}

impl Request {
    pub(super) fn of_as(seen: Seen, request: &KdcReq<'_>, out: &mut Output<'_>) -> Self {
        let body = &request.body;
        let exchange = AsExchange {
            cname: body.cname.clone().unwrap_or_default(),
            sname: body.sname.clone().unwrap_or_default(),
            etypes: body.etypes.clone(),
            padata: kinds(&request.padata),
            timestamp_etype: read(request, kind::ENC_TIMESTAMP, out, |data| Ok(data.encrypted_data()?.etype)),
            pac_requested: read(request, kind::PAC_REQUEST, out, PaData::pac_request),
            kdc_options: body.kdc_options,
            till: body.till,
            requests: 1,
            ..AsExchange::default()
        };
        Self { seen, nonce: body.nonce, asked: Asked::As(Box::new(exchange)) }
    }

    pub(super) fn of_tgs(seen: Seen, request: &KdcReq<'_>, out: &mut Output<'_>) -> Self {
        let body = &request.body;
        let tgt = request.tgs_ap_req().unwrap_or_else(|_| {
            out.counters.drop("kerberos.padata_malformed");
            None
        });
        let for_user = read(request, kind::FOR_USER, out, PaData::for_user)
            .or_else(|| read(request, kind::S4U_X509_USER, out, PaData::s4u_x509_user));
        let exchange = TgsExchange {
            sname: body.sname.clone().unwrap_or_default(),
            tgt: tgt.map(|ap_req| ap_req.ticket.event(|cipher| out.key.digest("ticket", cipher))),
            etypes: body.etypes.clone(),
            padata: kinds(&request.padata),
            kdc_options: body.kdc_options,
            for_user,
            additional_ticket: body
                .additional_tickets
                .first()
                .map(|ticket| ticket.event(|cipher| out.key.digest("ticket", cipher))),
            enc_authorization_data: body.enc_authorization_data.is_some(),
            fast: request.padata(kind::FX_FAST).is_some(),
            renewal: body.kdc_options & RENEW != 0,
            ..TgsExchange::default()
        };
        Self { seen, nonce: body.nonce, asked: Asked::Tgs(Box::new(exchange)) }
    }

    pub(super) fn of_password_change(seen: Seen, request: &ApReq<'_>, out: &Output<'_>) -> Self {
        let ticket = request.ticket.event(|cipher| out.key.digest("ticket", cipher));
        let used = TicketUse { ticket, carrier: "kpasswd".into(), ap_options: request.ap_options };
        Self { seen, nonce: 0, asked: Asked::PasswordChange(Box::new(used)) }
    }

    /// A request that was not seen, made up of its answer.
    pub(super) fn unseen(seen: Seen, asked: Asked) -> Self {
        Self { seen, nonce: 0, asked }
    }

    /// True where it asks the same as an earlier one: a retransmission, or a repetition over TCP.
    pub(super) fn repeats(&self, earlier: &Self) -> bool {
        self.nonce == earlier.nonce
            && match (&self.asked, &earlier.asked) {
                (Asked::As(a), Asked::As(b)) => a.cname == b.cname && a.sname == b.sname,
                (Asked::Tgs(a), Asked::Tgs(b)) => a.sname == b.sname && a.for_user == b.for_user,
                (Asked::PasswordChange(a), Asked::PasswordChange(b)) => a.ticket == b.ticket,
                _ => false,
            }
    }

    /// True where it goes on with an earlier AS-REQ that was sent back for pre-authentication or for its size.
    pub(super) fn continues(&self, earlier: &Self) -> bool {
        let proves = matches!(&self.asked, Asked::As(exchange) if exchange.preauthenticated() || armored(exchange));
        proves && matches!(earlier.asked, Asked::As(_)) || self.repeats(earlier)
    }

    /// Counts an earlier request of the same logon into this one.
    pub(super) fn fold(&mut self, earlier: Self) {
        if let (Asked::As(exchange), Asked::As(earlier)) = (&mut self.asked, earlier.asked) {
            exchange.requests = exchange.requests.saturating_add(earlier.requests);
            if exchange.offered_etypes.is_empty() {
                exchange.offered_etypes = earlier.offered_etypes;
            }
            exchange.kdc_ahead_millis = exchange.kdc_ahead_millis.or(earlier.kdc_ahead_millis);
        }
    }

    /// Notes what the KDC offers.
    pub(super) fn offer(&mut self, padata: &[PaData<'_>]) {
        let Asked::As(exchange) = &mut self.asked else { return };
        let info = [kind::ETYPE_INFO2, kind::ETYPE_INFO]
            .iter()
            .find_map(|wanted| padata.iter().find(|data| data.kind == *wanted)?.etype_info().ok());
        if let Some(etypes) = info {
            exchange.offered_etypes = etypes;
        }
    }

    /// Notes what the KDC says of the time, beside when that was captured.
    pub(super) fn clock(&mut self, stime: Option<Timestamp>, captured: Timestamp) {
        if let (Asked::As(exchange), Some(stime)) = (&mut self.asked, stime) {
            exchange.kdc_ahead_millis = Some(stime.as_micros().saturating_sub(captured.as_micros()) / 1_000);
        }
    }

    /// Notes the ticket that was issued; returns the account to which.
    pub(super) fn grant(&mut self, reply: &KdcRep<'_>, out: &Output<'_>) -> Account {
        let ticket = reply.ticket.event(|cipher| out.key.digest("ticket", cipher));
        self.offer(&reply.padata);
        match &mut self.asked {
            Asked::As(exchange) => {
                fill(&mut exchange.cname, &reply.cname);
                fill(&mut exchange.sname, &ticket.sname);
                exchange.reply_etype = Some(reply.enc_part.etype);
                exchange.ticket = Some(ticket);
            }
            Asked::Tgs(exchange) => {
                exchange.cname = reply.cname.clone();
                fill(&mut exchange.sname, &ticket.sname);
                exchange.reply_etype = Some(reply.enc_part.etype);
                exchange.ticket = Some(ticket);
            }
            Asked::PasswordChange(_) => {}
        }
        reply.cname.account()
    }

    /// Hands the exchange on. Without a granted account the actor of an AS exchange is the one that it claims to be; that
    /// of any other stays unknown.
    pub(super) fn emit(self, granted: Option<Account>, outcome: Outcome, out: &mut Output<'_>) {
        let claimed = match &self.asked {
            Asked::As(exchange) if !exchange.cname.name.is_empty() => Some(exchange.cname.account()),
            _ => None,
        };
        let activity = match self.asked {
            Asked::As(exchange) => Activity::AsExchange(exchange),
            Asked::Tgs(exchange) => Activity::TgsExchange(exchange),
            Asked::PasswordChange(used) => Activity::TicketUse(used),
        };
        out.emit(self.seen.draft(granted.or(claimed), outcome), activity);
    }
}

/// True where FAST hides what else the request holds.
pub(super) fn armored(exchange: &AsExchange) -> bool {
    exchange.padata.contains(&kind::FX_FAST)
}

fn fill(name: &mut Principal, from: &Principal) {
    if name.name.is_empty() {
        name.clone_from(from);
    }
}

fn kinds(padata: &[PaData<'_>]) -> Vec<i32> {
    padata.iter().map(|data| data.kind).collect()
}

/// The value of a padata, or `None` and a count where it is malformed: the request is worth having without it.
fn read<'a, T>(
    request: &KdcReq<'a>,
    kind: i32,
    out: &mut Output<'_>,
    decode: impl Fn(&PaData<'a>) -> hopwatch_wire::error::Result<T>,
) -> Option<T> {
    match decode(request.padata(kind)?) {
        Ok(value) => Some(value),
        Err(_) => {
            out.counters.drop("kerberos.padata_malformed");
            None
        }
    }
}
