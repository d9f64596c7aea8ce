//! The subscriptions.

use async_graphql::{Context, Enum, Result, SimpleObject};
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::request::{reader, state};
use super::types::alert::Alert;
use crate::auth;
use crate::auth::token::Token;
use crate::state::{AlertNotice, State};

/// The subscriptions.
pub struct Subscription;

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::state::ChangeKind")]
pub enum ChangeKind {
    /// It is new.
    Opened,
    /// More events belong to it.
    Updated,
    /// A user changed it.
    Triaged,
}

/// A change of an alert.
#[derive(Clone, SimpleObject)]
pub struct AlertChange {
    /// What happened.
    pub kind: ChangeKind,
    /// The alert as it stands now.
    pub alert: Alert,
}

/// The subscriptions.
#[async_graphql::Subscription]
impl Subscription {
    /// Every change of an alert from now on.
    #[graphql(guard = "reader()")]
    async fn alert_changed(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = AlertChange> + use<>> {
        let state = State::clone(state(ctx)?);
        let token = ctx.data_opt::<Token>().cloned();
        let changes = state.subscribe();
        Ok(futures_util::stream::unfold((state, token, changes), |(state, token, mut changes)| async move {
            let notice = loop {
                match changes.recv().await {
                    Ok(notice) => break notice,
                    Err(RecvError::Lagged(missed)) => {
                        metrics::counter!("hopwatch_changes_dropped_total", "reason" => "slow subscriber")
                            .increment(missed);
                    }
                    Err(RecvError::Closed) => return None,
                }
            };
            // A session that ended since must not go on to hear.
            if let Some(Token(token)) = &token {
                auth::identify(&state.store, token).await.ok().flatten()?;
            }
            let AlertNotice { kind, alert } = notice;
            Some((AlertChange { kind: kind.into(), alert: Alert(alert) }, (state, token, changes)))
        }))
    }
}
