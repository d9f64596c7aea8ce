//! The logons of SMB 1 (`[MS-CIFS] 2.2.4.53`, `[MS-SMB] 2.2.4.6`): with the responses in the message itself, or in legs of a
//! security token.

use hopwatch_model::event::{NtlmVersion, SmbSession};
use hopwatch_model::{Account, Activity, Outcome};
use hopwatch_wire::Error;
use hopwatch_wire::smb1::{self, Block, Header, SessionCredentials};

use super::super::anomaly;
use super::super::files::outcome;
use super::{Answer, MORE_PROCESSING_REQUIRED, Pending, State};
use crate::analyzers::gss::{At, GssContext, ntlm_logon};
use crate::analyzers::{Draft, Output};

impl State {
    pub(super) fn session_setup(
        &mut self,
        header: &Header,
        block: &Block<'_>,
        at: At,
        out: &mut Output<'_>,
    ) -> Result<Pending, Error> {
        let request = smb1::session_setup_request(block, header.unicode)?;
        let native = [request.native_os.as_str(), request.native_lan_man.as_str()].join(" / ");
        if !request.native_os.is_empty() || !request.native_lan_man.is_empty() {
            self.native = Some(native);
        }
        let Some(token) = request.token else {
            if !self.challenge_response && request.credentials.as_ref().is_some_and(|c| !c.account.is_empty()) {
                anomaly("smb1", "password sent in clear text", &header.uid.to_le_bytes(), at, out);
            }
            return Ok(Pending::SessionSetup { basic: request.credentials, gss: None });
        };
        // The first leg has no UID yet; later legs carry the one of the server's answer.
        if let Some(context) = self.contexts.get_mut(&header.uid) {
            context.token(token, at, out);
            return Ok(Pending::SessionSetup { basic: None, gss: None });
        }
        let mut context = GssContext::new("smb");
        context.token(token, at, out);
        Ok(Pending::SessionSetup { basic: None, gss: Some(Box::new(context)) })
    }

    /// A logon without extended security: one leg, with the responses in the message itself.
    pub(super) fn basic_session(
        &mut self,
        credentials: &SessionCredentials,
        block: &Block<'_>,
        answer: Answer,
        out: &mut Output<'_>,
    ) {
        let account = logon(credentials, outcome(answer.status), answer.asked, out);
        if outcome(answer.status).succeeded() {
            let guest = smb1::session_setup_response(block, answer.unicode).is_ok_and(|response| response.guest);
            self.session(account, guest, answer, out);
        }
    }

    pub(super) fn extended_session(
        &mut self,
        begun: Option<Box<GssContext>>,
        block: &Block<'_>,
        answer: Answer,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if let Some(context) = begun
            && let Some(mut pushed_out) = self.contexts.insert(answer.uid, *context)
        {
            pushed_out.finish(Outcome::Unseen, out);
        }
        let Some(context) = self.contexts.get_mut(&answer.uid) else { return Ok(()) };
        if answer.status != 0 && answer.status != MORE_PROCESSING_REQUIRED {
            context.finish(Outcome::Failure(answer.status), out);
            self.contexts.remove(&answer.uid);
            return Ok(());
        }
        let response = smb1::session_setup_response(block, answer.unicode)?;
        context.token(response.token, answer.at, out);
        if answer.status == MORE_PROCESSING_REQUIRED {
            return Ok(());
        }
        let account = context.account();
        context.finish(Outcome::Success, out);
        self.contexts.remove(&answer.uid);
        self.session(account, response.guest, answer, out);
        Ok(())
    }

    fn session(&mut self, account: Option<Account>, guest: bool, answer: Answer, out: &mut Output<'_>) {
        self.accounts.insert(answer.uid, account.clone());
        let what = SmbSession {
            dialect: "1".into(),
            signing_required: self.signing_required,
            guest,
            native: self.native.clone(),
        };
        let content = answer.uid.to_le_bytes();
        let At { endpoints, time, frame } = answer.asked;
        let draft = Draft { endpoints, time, frame, actor: account, outcome: Outcome::Success, content: &content };
        out.emit(draft, Activity::SmbSession(Box::new(what)));
    }
}

/// The event of a basic logon; returns the account that it named.
pub(super) fn logon(
    credentials: &SessionCredentials,
    outcome: Outcome,
    at: At,
    out: &mut Output<'_>,
) -> Option<Account> {
    let what = ntlm_logon(credentials.response, "smb");
    let anonymous = what.version == NtlmVersion::Anonymous || credentials.account.is_empty();
    let account = (!anonymous).then(|| Account::named(&credentials.account).in_domain(&credentials.domain));
    let content = format!("{account:?} {}", at.frame);
    let At { endpoints, time, frame } = at;
    let draft = Draft { endpoints, time, frame, actor: account.clone(), outcome, content: content.as_bytes() };
    out.emit(draft, Activity::NtlmLogon(Box::new(what)));
    account
}
