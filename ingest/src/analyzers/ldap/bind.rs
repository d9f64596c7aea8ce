//! Binds: one event for all legs, and the identity that the connection has afterwards (RFC 4511 §4.2, RFC 4513).

use hopwatch_model::event::{BindMethod, LdapBind};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::krb5;
use hopwatch_wire::ldap::{Authentication, BindRequest, LdapResult};

use super::session::{bounded, outcome};
use crate::analyzers::Output;
use crate::analyzers::gss::{At, GssContext};
use crate::analyzers::seen::Seen;

/// LDAP result saslBindInProgress: another leg follows.
const SASL_BIND_IN_PROGRESS: u32 = 14;

/// Who the connection is bound as, and how it comes to be.
#[derive(Default)]
pub(super) struct Binding {
    identity: Option<Account>,
    open: Option<Open>,
    /// A bind that succeeded and waits for the next bytes, which show whether a security layer lies over them.
    held: Option<Finished>,
}

/// A bind of which the last answer is awaited.
struct Open {
    seen: Seen,
    id: i64,
    bind: LdapBind,
    /// The account that the proof names, where it is legible.
    account: Option<Account>,
    security: GssContext,
    /// What the request that was sent last is to the whole.
    leg: Leg,
}

/// A sicily bind answers its first two legs with success, too; only the last one's counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leg {
    Preliminary,
    Final,
}

struct Finished {
    seen: Seen,
    actor: Option<Account>,
    outcome: Outcome,
    bind: LdapBind,
}

impl Binding {
    pub(super) fn identity(&self) -> Option<Account> {
        self.identity.clone()
    }

    /// A BindRequest: the first leg of a bind, or the next.
    pub(super) fn request(&mut self, id: i64, request: &BindRequest<'_>, seen: Seen, out: &mut Output<'_>) {
        let method = method(request, out);
        let continues = self.open.as_ref().is_some_and(|open| open.bind.method == method && multi_leg(&method));
        if !continues {
            self.abandon(out);
            let (name, _) = bounded(request.name.clone());
            self.open = Some(Open {
                seen,
                id,
                account: named_account(&method, &name),
                bind: LdapBind { name, method, tls: false, sealed: None },
                security: GssContext::new("ldap"),
                leg: Leg::Final,
            });
        }
        let Some(open) = &mut self.open else { return };
        open.id = id;
        let (token, leg) = match &request.authentication {
            Authentication::Sasl(mechanism, token) => {
                open.account = token.and_then(|token| legible_account(mechanism, token)).or(open.account.take());
                (*token, Leg::Final)
            }
            Authentication::SicilyDiscovery => (None, Leg::Preliminary),
            Authentication::SicilyNegotiate(token) => (Some(*token), Leg::Preliminary),
            Authentication::SicilyResponse(token) => (Some(*token), Leg::Final),
            Authentication::Simple(_) | Authentication::Other(_) => (None, Leg::Final),
        };
        open.leg = leg;
        if let Some(token) = token {
            security_token(&mut open.security, &open.bind.method, token, &seen, out);
        }
    }

    /// A BindResponse.
    pub(super) fn response(
        &mut self,
        id: i64,
        result: &LdapResult,
        token: Option<&[u8]>,
        seen: &Seen,
        out: &mut Output<'_>,
    ) {
        let Some(mut open) = self.open.take_if(|open| open.id == id) else {
            return out.counters.ignore("ldap.answer_without_request");
        };
        if let Some(token) = token {
            security_token(&mut open.security, &open.bind.method, token, seen, out);
        }
        let goes_on = result.code == SASL_BIND_IN_PROGRESS || open.leg == Leg::Preliminary && result.code == 0;
        if goes_on {
            self.open = Some(open);
            return;
        }
        let outcome = outcome(result.code);
        let actor = open.account.or(open.security.account());
        open.security.finish(outcome, out);
        // A bind that fails leaves the connection anonymous (RFC 4511 §4.2.1).
        self.identity = actor.clone().filter(|_| outcome.succeeded());
        let mut finished = Finished { seen: open.seen, actor, outcome, bind: open.bind };
        match finished.bind.method {
            BindMethod::Simple { .. } | BindMethod::Anonymous => {
                finished.bind.sealed = Some(false);
                finished.emit(out);
            }
            BindMethod::Sasl(_) | BindMethod::Sicily if outcome.succeeded() => self.held = Some(finished),
            BindMethod::Sasl(_) | BindMethod::Sicily => finished.emit(out),
        }
    }

    /// The first bytes after a bind show whether there is a security layer.
    pub(super) fn layer(&mut self, sealed: bool, out: &mut Output<'_>) {
        if let Some(mut finished) = self.held.take() {
            finished.bind.sealed = Some(sealed);
            finished.emit(out);
        }
    }

    pub(super) fn close(&mut self, out: &mut Output<'_>) {
        if let Some(finished) = self.held.take() {
            finished.emit(out);
        }
        self.abandon(out);
    }

    /// Emits a bind whose last answer will not come.
    fn abandon(&mut self, out: &mut Output<'_>) {
        if let Some(mut open) = self.open.take() {
            let actor = open.account.or(open.security.account());
            open.security.finish(Outcome::Unseen, out);
            Finished { seen: open.seen, actor, outcome: Outcome::Unseen, bind: open.bind }.emit(out);
        }
    }
}

impl Finished {
    fn emit(self, out: &mut Output<'_>) {
        out.emit(self.seen.draft(self.actor, self.outcome), Activity::LdapBind(Box::new(self.bind)));
    }
}

/// Hands a token to the security context. Not every mechanism has one; the last legs of GSSAPI (RFC 4752 §3.1) agree on
/// the layer in Wrap tokens, which prove nothing more.
fn security_token(context: &mut GssContext, method: &BindMethod, token: &[u8], seen: &Seen, out: &mut Output<'_>) {
    let secured = match method {
        BindMethod::Sasl(mechanism) => {
            ["GSSAPI", "GSS-SPNEGO", "NTLM"].iter().any(|known| mechanism.eq_ignore_ascii_case(known))
        }
        BindMethod::Sicily => true,
        BindMethod::Simple { .. } | BindMethod::Anonymous => false,
    };
    if secured && krb5::unwrap_clear(token).is_err() {
        context.token(token, At { endpoints: seen.endpoints, time: seen.time, frame: seen.frame }, out);
    }
}

fn method(request: &BindRequest<'_>, out: &Output<'_>) -> BindMethod {
    match &request.authentication {
        // A name without a password proves nothing, and binds as nobody (RFC 4513 §5.1.2).
        Authentication::Simple([]) => BindMethod::Anonymous,
        Authentication::Simple(password) => {
            BindMethod::Simple { password_digest: out.key.digest("password", password) }
        }
        Authentication::Sasl(mechanism, _) => BindMethod::Sasl(bounded(mechanism.clone()).0),
        Authentication::SicilyDiscovery | Authentication::SicilyNegotiate(_) | Authentication::SicilyResponse(_) => {
            BindMethod::Sicily
        }
        Authentication::Other(tag) => BindMethod::Sasl(format!("unknown choice {tag}")),
    }
}

fn multi_leg(method: &BindMethod) -> bool {
    matches!(method, BindMethod::Sasl(_) | BindMethod::Sicily)
}

/// The account of a simple bind's name: a DN, a UPN or `DOMAIN\name`.
fn named_account(method: &BindMethod, name: &str) -> Option<Account> {
    if !matches!(method, BindMethod::Simple { .. }) || name.is_empty() {
        return None;
    }
    if !name.contains('=') {
        return Some(Account::named(name));
    }
    let labels: Vec<&str> = name
        .split(',')
        .filter_map(|rdn| rdn.trim().split_once('='))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("dc"))
        .map(|(_, label)| label)
        .collect();
    Some(Account { name: name.into(), ..Account::default() }.in_domain(&labels.join(".")))
}

/// The account that a mechanism names in the clear: PLAIN (RFC 4616) `authzid NUL authcid NUL password`, DIGEST-MD5 (RFC
/// 2831 §2.1.2) `username="…",realm="…"`.
fn legible_account(mechanism: &str, token: &[u8]) -> Option<Account> {
    if mechanism.eq_ignore_ascii_case("PLAIN") {
        let name = token.split(|octet| *octet == 0).nth(1).filter(|name| !name.is_empty())?;
        return Some(Account::named(&bounded(String::from_utf8_lossy(name).into_owned()).0));
    }
    if !mechanism.eq_ignore_ascii_case("DIGEST-MD5") {
        return None;
    }
    let text = String::from_utf8_lossy(token);
    let directive = |key: &str| text.split(key).nth(1)?.strip_prefix("=\"")?.split('"').next();
    let name = directive("username").filter(|name| !name.is_empty())?;
    let account = Account::named(&bounded(name.to_owned()).0);
    Some(account.in_domain(&bounded(directive("realm").unwrap_or_default().to_owned()).0))
}
