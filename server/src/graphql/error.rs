//! Errors as clients get them: a sentence and a code. Internals are only logged.

use async_graphql::{ErrorExtensionValues, ErrorExtensions};

/// Why a field could not be answered.
#[derive(Debug)]
pub enum ApiError {
    /// The request itself is wrong.
    BadInput(String),
    /// The user's role does not allow it.
    Forbidden,
    /// Nobody is logged in, or the login failed.
    Unauthenticated(String),
    /// What was named is not there.
    NotFound(String),
    /// The server is not set up for it.
    Unavailable(String),
    /// It would cost more than a request may.
    Limit(String),
    /// The server failed.
    Internal(String),
}

/// A result of a resolver.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// The code in `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadInput(_) => "BAD_USER_INPUT",
            Self::Forbidden => "FORBIDDEN",
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Unavailable(_) => "FEATURE_UNAVAILABLE",
            Self::Limit(_) => "LIMIT_EXCEEDED",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// That something is not there.
    #[must_use]
    pub fn missing(what: &str, id: &str) -> Self {
        Self::NotFound(format!("there is no {what} `{id}`"))
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let code = error.code();
        let text = match error {
            ApiError::Internal(text) => {
                tracing::error!(error = %text, "a request failed inside");
                "the server failed; its log says why".to_owned()
            }
            ApiError::Forbidden => "your role does not allow this".to_owned(),
            ApiError::BadInput(text)
            | ApiError::Unauthenticated(text)
            | ApiError::NotFound(text)
            | ApiError::Unavailable(text)
            | ApiError::Limit(text) => text,
        };
        Self::new(text).extend_with(|_, values: &mut ErrorExtensionValues| values.set("code", code))
    }
}

impl From<crate::store::Error> for ApiError {
    fn from(error: crate::store::Error) -> Self {
        match &error {
            crate::store::Error::Missing { .. } => Self::NotFound(error.to_string()),
            crate::store::Error::Exists { .. } => Self::BadInput(error.to_string()),
            _ => Self::Internal(chain(&error)),
        }
    }
}

impl From<hopwatch_graph::Error> for ApiError {
    fn from(error: hopwatch_graph::Error) -> Self {
        use hopwatch_graph::Error;
        match &error {
            Error::UnknownNode { id } => Self::missing("entity", id),
            Error::UnknownKind { .. } | Error::EmptySet { .. } | Error::OutOfRange { .. } => {
                Self::BadInput(error.to_string())
            }
            Error::LimitReached { .. } | Error::Stopped => Self::Limit(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

impl From<async_graphql::Error> for ApiError {
    fn from(error: async_graphql::Error) -> Self {
        Self::Internal(error.message)
    }
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
