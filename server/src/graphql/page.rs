//! Connections: pages of lists with opaque cursors.

use async_graphql::SimpleObject;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{ApiError, ApiResult};
use crate::store::page::{End, PageRequest, Position};

/// Rows of a page where the request names no number.
pub(crate) const DEFAULT: u32 = 50;
/// The most rows of a page.
pub(crate) const MOST: u32 = 500;

/// Where a page lies in its list.
#[derive(Clone, Debug, SimpleObject)]
pub struct PageInfo {
    /// Whether rows lie before the first.
    pub has_previous_page: bool,
    /// Whether rows lie behind the last.
    pub has_next_page: bool,
    /// The cursor of the first row.
    pub start_cursor: Option<String>,
    /// The cursor of the last row.
    pub end_cursor: Option<String>,
}

/// The cursor of a place.
#[must_use]
pub(crate) fn cursor((key, id): &Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{key}:{id}"))
}

/// The place of a cursor.
pub(crate) fn position(cursor: &str) -> ApiResult<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = bytes.as_deref().and_then(|text| text.split_once(':'));
    let place = parts.and_then(|(key, id)| Some((key.parse().ok()?, id.to_owned())));
    place.ok_or_else(|| ApiError::BadInput("the cursor is none of this server's".into()))
}

/// The page that the arguments ask for.
pub(crate) fn request(
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
) -> ApiResult<PageRequest> {
    if first.is_some() && last.is_some() {
        return Err(ApiError::BadInput("ask for `first` or for `last`, not for both".into()));
    }
    let asked = first.or(last).map_or(Ok(DEFAULT), |asked| amount(asked, MOST))?;
    let from = if last.is_some() { End::End } else { End::Start };
    let place = |cursor: Option<&str>| cursor.map(position).transpose();
    Ok(PageRequest { after: place(after)?, before: place(before)?, from, ..PageRequest::first(asked) })
}

/// A number of rows within its bounds.
pub(crate) fn amount(asked: i32, most: u32) -> ApiResult<u32> {
    match u32::try_from(asked) {
        Ok(amount) if (1..=most).contains(&amount) => Ok(amount),
        Ok(amount) if amount > most => Err(ApiError::Limit(format!("ask for at most {most} rows, not {amount}"))),
        _ => Err(ApiError::BadInput("ask for at least one row".into())),
    }
}

/// What a page costs: its rows by what each costs.
pub(crate) fn cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let rows = first.or(last).and_then(|rows| u32::try_from(rows).ok()).unwrap_or(DEFAULT);
    usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(child).saturating_add(1)
}

/// What a list of so many rows costs.
pub(crate) fn list_cost(rows: i32, child: usize) -> usize {
    cost(Some(rows), None, child)
}

/// Declares the connection of a node type: `edges`, `nodes`, `pageInfo`, and a `totalCount` that is computed only where
/// it is asked for.
macro_rules! connection {
    ($node:ident, $edge:ident, $connection:ident) => {
        /// A row of a page with its cursor.
        #[derive(Clone, async_graphql::SimpleObject)]
        pub struct $edge {
            /// The row.
            pub node: $node,
            /// Its place, for `after` and `before`.
            pub cursor: String,
        }

        /// A page of a list.
        pub struct $connection {
            rows: Vec<$edge>,
            previous: bool,
            next: bool,
            total: $crate::graphql::page::Total,
        }

        impl $connection {
            /// The page, with the place of each row.
            pub(crate) fn new(
                page: $crate::store::Page<$node>,
                total: $crate::graphql::page::Total,
                position: impl Fn(&$node) -> $crate::store::page::Position,
            ) -> Self {
                let $crate::store::Page { rows, previous, next } = page;
                let edge = |node: $node| {
                    let cursor = $crate::graphql::page::cursor(&position(&node));
                    $edge { node, cursor }
                };
                Self { rows: rows.into_iter().map(edge).collect(), previous, next, total }
            }
        }

        /// A page of a list.
        #[async_graphql::Object]
        impl $connection {
            /// The rows with their cursors.
            async fn edges(&self) -> &[$edge] {
                &self.rows
            }

            /// The rows.
            async fn nodes(&self) -> Vec<&$node> {
                self.rows.iter().map(|edge| &edge.node).collect()
            }

            /// Where the page lies in the list.
            async fn page_info(&self) -> $crate::graphql::page::PageInfo {
                $crate::graphql::page::PageInfo {
                    has_previous_page: self.previous,
                    has_next_page: self.next,
                    start_cursor: self.rows.first().map(|edge| edge.cursor.clone()),
                    end_cursor: self.rows.last().map(|edge| edge.cursor.clone()),
                }
            }

            /// How many rows the whole list has.
            async fn total_count(&self, ctx: &async_graphql::Context<'_>) -> async_graphql::Result<u64> {
                Ok(self.total.count(ctx).await?)
            }
        }
    };
}
pub(crate) use connection;

/// How the rows of a whole list are counted.
pub(crate) enum Total {
    /// They are.
    Known(usize),
    /// Alerts of the store.
    Alerts(crate::store::AlertFilter),
    /// Events of the history.
    Events(crate::store::EventFilter),
    /// Reports of the store.
    Reports,
    /// Incidents of the store.
    Incidents(crate::store::IncidentFilter),
}

impl Total {
    pub(crate) async fn count(&self, ctx: &async_graphql::Context<'_>) -> ApiResult<u64> {
        let state = super::request::state(ctx)?;
        Ok(match self {
            Self::Known(count) => u64::try_from(*count).unwrap_or(u64::MAX),
            Self::Alerts(filter) => state.store.alert_count(filter).await?,
            Self::Events(filter) => state.events.count(filter).await?,
            Self::Incidents(filter) => state.store.incident_count(filter).await?,
            Self::Reports => state.store.report_count().await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_its_place() {
        let place = (-5, "LAB.EXAMPLE-S-1-5-11:x".to_owned());
        assert_eq!(position(&cursor(&place)).unwrap(), place);
        assert!(position("nonsense!").is_err());
    }

    #[test]
    fn too_many_rows_are_refused_and_not_cut() {
        assert!(matches!(request(Some(100_000), None, None, None), Err(ApiError::Limit(_))));
        assert!(matches!(request(Some(0), None, None, None), Err(ApiError::BadInput(_))));
        assert!(matches!(request(Some(1), None, Some(1), None), Err(ApiError::BadInput(_))));
    }
}
