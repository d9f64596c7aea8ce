//! The time limit of a request, and codes for the errors that the GraphQL library itself finds.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextValidation,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{ErrorExtensionValues, Response, ServerError, ValidationResult, Variables};

/// The time limit of requests.
pub(crate) struct TimeLimit(pub(crate) Duration);

impl ExtensionFactory for TimeLimit {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Limited(self.0))
    }
}

struct Limited(Duration);

#[async_graphql::async_trait::async_trait]
impl Extension for Limited {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> Result<ExecutableDocument, ServerError> {
        next.run(ctx, query, variables).await.map_err(coded)
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(ctx).await.map_err(|errors| errors.into_iter().map(coded).collect())
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let Ok(response) = tokio::time::timeout(self.0, next.run(ctx, operation_name)).await else {
            metrics::counter!("hopwatch_queries_refused_total", "reason" => "time").increment(1);
            let text = format!("the query took longer than {} s", self.0.as_secs());
            return Response::from_errors(vec![with_code(ServerError::new(text, None), "LIMIT_EXCEEDED")]);
        };
        let mut response = response;
        response.errors = response.errors.into_iter().map(coded).collect();
        response
    }
}

/// Gives an error of the library its code.
fn coded(error: ServerError) -> ServerError {
    if error.extensions.as_ref().is_some_and(|values| values.get("code").is_some()) {
        return error;
    }
    let limit = ["too complex", "too deep", "recursion depth"].iter().any(|text| error.message.contains(text));
    if limit {
        metrics::counter!("hopwatch_queries_refused_total", "reason" => "cost").increment(1);
    }
    with_code(error, if limit { "LIMIT_EXCEEDED" } else { "BAD_USER_INPUT" })
}

fn with_code(mut error: ServerError, code: &'static str) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}
