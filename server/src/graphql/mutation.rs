//! The mutations. Each that changes something is written to the audit log.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::error::{ApiError, ApiResult};
use super::request::{Peer, analyst, identity, reader, state};
use super::time::DateTime;
use super::types::alert::{Alert, AlertState, Classification};
use super::types::entity::Entity;
use super::types::exclusion::{self, Exclusion, ExclusionInput};
use super::types::report::Report;
use super::types::sigma::{SigmaRefusal, SigmaRule, SigmaTaken};
use super::types::user::{Session, Viewer};
use crate::auth::token::{self, Token, Transport};
use crate::auth::{self, Identity};
use crate::clock;
use crate::state::ChangeKind;
use crate::store::Triage;

/// The longest comment, in characters.
const MAX_COMMENT: usize = 10_000;

/// The mutations.
pub struct Mutation;

/// What a user says of an alert; what is not set stays.
#[derive(Clone, Debug, InputObject)]
pub struct TriageInput {
    /// The alert.
    pub id: ID,
    /// Where it stands now.
    pub state: Option<AlertState>,
    /// What it turned out to be.
    pub classification: Option<Classification>,
    /// Who looks after it; empty = nobody.
    pub assignee: Option<String>,
    /// A note.
    pub comment: Option<String>,
}

/// The mutations.
#[Object]
impl Mutation {
    /// Opens a session; the token is set as an HttpOnly cookie.
    async fn login(&self, ctx: &Context<'_>, name: String, password: String) -> Result<Session> {
        let state = state(ctx)?;
        let peer = ctx.data_opt::<Peer>().map_or("unknown", |peer| peer.0.as_str());
        let opened = auth::login(&state.store, &state.throttle, peer, &name, &password).await.map_err(refused)?;
        let transport = ctx.data_opt::<Transport>().copied().unwrap_or_default();
        let cookie = token::set_cookie(&opened.token, clock::now(), opened.expires_at, transport);
        ctx.append_http_header("set-cookie", cookie);
        Ok(Session { viewer: Viewer::from(&opened.identity), expires_at: DateTime(opened.expires_at) })
    }

    /// Ends the session; false where there was none.
    async fn logout(&self, ctx: &Context<'_>) -> Result<bool> {
        let Some(Token(token)) = ctx.data_opt::<Token>() else { return Ok(false) };
        let ended = auth::logout(&state(ctx)?.store, token).await.map_err(refused)?;
        let transport = ctx.data_opt::<Transport>().copied().unwrap_or_default();
        ctx.append_http_header("set-cookie", token::clear_cookie(transport));
        Ok(ended)
    }

    /// Sets what a user makes of an alert.
    #[graphql(guard = "analyst()")]
    async fn triage_alert(&self, ctx: &Context<'_>, input: TriageInput) -> Result<Alert> {
        let state = state(ctx)?;
        if input.comment.as_ref().is_some_and(|comment| comment.chars().count() > MAX_COMMENT) {
            return Err(ApiError::BadInput(format!("a comment has at most {MAX_COMMENT} characters")).into());
        }
        let triage = Triage {
            state: input.state.map(Into::into),
            classification: input.classification.map(Into::into),
            assignee: input.assignee,
            comment: input.comment,
        };
        let alert = state.store.triage(&input.id, &triage, clock::now()).await.map_err(ApiError::from)?;
        if triage.classification.is_some() {
            state.reload_policy().await.map_err(ApiError::from)?;
        }
        audit(ctx, "triage", &input.id, &format!("{triage:?}")).await?;
        let alert = Arc::new(alert);
        state.announce(ChangeKind::Triaged, &alert);
        Ok(Alert(alert))
    }

    /// Closes an alert, and keeps it and others of its kind about the same entities closed until a time, whatever comes;
    /// what comes later opens it again.
    #[graphql(guard = "analyst()")]
    async fn suppress_alert(&self, ctx: &Context<'_>, id: ID, until: DateTime, reason: String) -> Result<Alert> {
        let state = state(ctx)?;
        if reason.trim().is_empty() || reason.chars().count() > MAX_COMMENT {
            return Err(ApiError::BadInput(format!("give a reason of at most {MAX_COMMENT} characters")).into());
        }
        let alert = state.store.suppress(&id, until.0, &reason, clock::now()).await.map_err(ApiError::from)?;
        audit(ctx, "suppress", &id, &format!("until {}: {reason}", until.0)).await?;
        let alert = Arc::new(alert);
        state.announce(ChangeKind::Triaged, &alert);
        Ok(Alert(alert))
    }

    /// Adds exclusions, all or none; in force with the next event.
    #[graphql(guard = "analyst()")]
    async fn add_exclusions(&self, ctx: &Context<'_>, input: Vec<ExclusionInput>) -> Result<Vec<Exclusion>> {
        let state = state(ctx)?;
        let exclusions = exclusion::checked(input)?;
        let detail = format!("{exclusions:?}");
        let user = identity(ctx)?.name.clone();
        let kept = state.store.add_exclusions(exclusions, &user, clock::now()).await.map_err(ApiError::from)?;
        state.reload_policy().await.map_err(ApiError::from)?;
        let ids: Vec<&str> = kept.iter().map(|kept| kept.id.as_str()).collect();
        audit(ctx, "add exclusions", &ids.join(" "), &detail).await?;
        Ok(kept.into_iter().map(Exclusion::Kept).collect())
    }

    /// Takes exclusions back, all or none.
    #[graphql(guard = "analyst()")]
    async fn remove_exclusions(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<bool> {
        let state = state(ctx)?;
        let ids: Vec<String> = ids.into_iter().map(|id| id.0).collect();
        let user = identity(ctx)?.name.clone();
        state.store.remove_exclusions(&ids, &user, clock::now()).await.map_err(ApiError::from)?;
        state.reload_policy().await.map_err(ApiError::from)?;
        audit(ctx, "remove exclusions", &ids.join(" "), "").await?;
        Ok(true)
    }

    /// Takes Sigma rules in, each kept off until it is switched on; one that is known gets the new text.
    #[graphql(guard = "analyst()")]
    async fn add_sigma_rules(&self, ctx: &Context<'_>, yaml: String) -> Result<SigmaTaken> {
        let state = state(ctx)?;
        let user = identity(ctx)?.name.clone();
        let taken = crate::sigma::add(state, &yaml, &user, false).await.map_err(ApiError::from)?;
        let ids: Vec<String> = taken.rules.iter().map(|rule| rule.id.clone()).collect();
        audit(ctx, "add Sigma rules", &ids.join(" "), &format!("{} refused", taken.refused.len())).await?;
        let stored = state.store.rules().await.map_err(ApiError::from)?;
        let rules = stored.into_iter().filter(|stored| ids.contains(&stored.id)).map(SigmaRule::new).collect();
        let refused = taken.refused.into_iter().map(|(title, reason)| SigmaRefusal { title, reason }).collect();
        Ok(SigmaTaken { rules, refused })
    }

    /// Switches Sigma rules on or off, all or none.
    #[graphql(guard = "analyst()")]
    async fn enable_sigma_rules(&self, ctx: &Context<'_>, ids: Vec<ID>, enabled: bool) -> Result<bool> {
        let state = state(ctx)?;
        let ids: Vec<String> = ids.into_iter().map(|id| id.0).collect();
        state.store.enable_rules(&ids, enabled).await.map_err(ApiError::from)?;
        state.reload_rules().await.map_err(ApiError::from)?;
        audit(ctx, if enabled { "enable Sigma rules" } else { "disable Sigma rules" }, &ids.join(" "), "").await?;
        Ok(enabled)
    }

    /// Takes Sigma rules away, all or none.
    #[graphql(guard = "analyst()")]
    async fn remove_sigma_rules(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Result<bool> {
        let state = state(ctx)?;
        let ids: Vec<String> = ids.into_iter().map(|id| id.0).collect();
        state.store.remove_rules(&ids).await.map_err(ApiError::from)?;
        state.reload_rules().await.map_err(ApiError::from)?;
        audit(ctx, "remove Sigma rules", &ids.join(" "), "").await?;
        Ok(true)
    }

    /// Tags an entity as owned or sensitive, or takes the tag back.
    #[graphql(guard = "analyst()")]
    async fn tag_entity(
        &self,
        ctx: &Context<'_>,
        id: ID,
        owned: Option<bool>,
        sensitive: Option<bool>,
    ) -> Result<Entity> {
        let state = state(ctx)?;
        let entity = Entity::require(&state.snapshot(), &id)?;
        let object_id = entity.object_id();
        state.store.tag(&object_id, owned, sensitive, clock::now()).await.map_err(ApiError::from)?;
        state.reload_tags().await.map_err(ApiError::from)?;
        audit(ctx, "tag", &object_id, &format!("owned {owned:?}, sensitive {sensitive:?}")).await?;
        Ok(entity)
    }

    /// Writes a report now.
    #[graphql(guard = "analyst()")]
    async fn run_report(&self, ctx: &Context<'_>, name: String) -> Result<Report> {
        let state = state(ctx)?;
        if crate::reports::title(&name).is_none() {
            return Err(ApiError::missing("report", &name).into());
        }
        let trigger = identity(ctx)?.name.clone();
        let report = crate::reports::run(state, &name, &trigger).await;
        let report = report.map_err(|error| ApiError::Internal(super::error::chain(&error)))?;
        audit(ctx, "run report", &name, &report.id).await?;
        Ok(Report(report))
    }

    /// Sets one's own password and ends all of one's sessions.
    #[graphql(guard = "reader()")]
    async fn change_password(&self, ctx: &Context<'_>, current: String, new: String) -> Result<bool> {
        let state = state(ctx)?;
        let Identity { name, .. } = identity(ctx)?;
        let peer = ctx.data_opt::<Peer>().map_or("unknown", |peer| peer.0.as_str());
        auth::login(&state.store, &state.throttle, peer, name, &current).await.map_err(refused)?;
        auth::set_password(&state.store, name, &new).await.map_err(refused)?;
        audit(ctx, "change password", name, "").await?;
        Ok(true)
    }
}

async fn audit(ctx: &Context<'_>, action: &str, subject: &str, detail: &str) -> ApiResult<()> {
    let user = &identity(ctx)?.name;
    Ok(state(ctx)?.store.audit(clock::now(), user, action, subject, detail).await?)
}

fn refused(error: auth::Error) -> ApiError {
    match error {
        auth::Error::Refused => ApiError::Unauthenticated(error.to_string()),
        auth::Error::Throttled { .. } => ApiError::Limit(error.to_string()),
        auth::Error::Weak | auth::Error::Name => ApiError::BadInput(error.to_string()),
        auth::Error::Store(error) => error.into(),
        auth::Error::Hash => ApiError::Internal(error.to_string()),
    }
}
