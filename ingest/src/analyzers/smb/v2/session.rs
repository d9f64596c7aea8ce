//! The logons of SMB 2 and 3 (`[MS-SMB2] 3.3.5.5`): legs of a security token, joined by the session's id.

use hopwatch_model::event::SmbSession;
use hopwatch_model::{Activity, Outcome};
use hopwatch_wire::smb2::{self, Header};

use super::{MORE_PROCESSING_REQUIRED, Pending, Session, State};
use crate::analyzers::gss::At;
use crate::analyzers::{Draft, Output};

impl State {
    /// A leg of the logon goes to the session's context; the first leg has no session yet and carries its own.
    pub(super) fn session_setup(
        &mut self,
        session_id: u64,
        message: &[u8],
        at: At,
        out: &mut Output<'_>,
    ) -> Result<Pending, hopwatch_wire::Error> {
        let request = smb2::session_setup_request(message)?;
        if let Some(session) = self.sessions.get_mut(&session_id) {
            session.gss.token(request.token, at, out);
            return Ok(Pending::SessionSetup(None));
        }
        let mut session = Session::new();
        // Another channel of a session that was reported where it began.
        session.announced = request.binding;
        session.gss.token(request.token, at, out);
        if session_id == 0 {
            return Ok(Pending::SessionSetup(Some(Box::new(session))));
        }
        self.add_session(session_id, session, out);
        Ok(Pending::SessionSetup(None))
    }

    /// `asked` and `at`: where the request and the response were seen.
    pub(super) fn session_response(
        &mut self,
        header: &Header,
        message: &[u8],
        (asked, at): (At, At),
        begun: Option<Box<Session>>,
        out: &mut Output<'_>,
    ) -> Result<(), hopwatch_wire::Error> {
        if let Some(session) = begun {
            self.add_session(header.session_id, *session, out);
        }
        let Some(session) = self.sessions.get_mut(&header.session_id) else { return Ok(()) };
        if header.status != 0 && header.status != MORE_PROCESSING_REQUIRED {
            session.gss.finish(Outcome::Failure(header.status), out);
            self.sessions.remove(&header.session_id);
            return Ok(());
        }
        let response = smb2::session_setup_response(message)?;
        session.gss.token(response.token, at, out);
        if header.status == MORE_PROCESSING_REQUIRED {
            return Ok(());
        }
        session.account = session.gss.account().or_else(|| session.account.take());
        session.gss.finish(Outcome::Success, out);
        if session.announced {
            return Ok(());
        }
        session.announced = true;
        let what = SmbSession {
            dialect: self.dialect.unwrap_or("2.x").into(),
            signing_required: self.signing_required,
            guest: response.guest,
            native: None,
        };
        let content = header.session_id.to_le_bytes();
        let (actor, outcome) = (session.account.clone(), Outcome::Success);
        let At { endpoints, time, frame } = asked;
        let draft = Draft { endpoints, time, frame, actor, outcome, content: &content };
        out.emit(draft, Activity::SmbSession(Box::new(what)));
        Ok(())
    }

    fn add_session(&mut self, id: u64, session: Session, out: &mut Output<'_>) {
        if let Some(mut pushed_out) = self.sessions.insert(id, session) {
            out.counters.drop("smb: sessions beyond the cap");
            pushed_out.gss.finish(Outcome::Unseen, out);
        }
    }
}
