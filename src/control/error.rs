//! Errors of the control API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of an error, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlErrorKind {
    /// The project is not running.
    NotRunning,
    /// The project has nothing with this name.
    UnknownName,
    /// The request is invalid.
    InvalidRequest,
    /// There is no such path.
    NotFound,
    /// The present state does not allow it.
    Conflict,
    /// The project is ending or has ended.
    Ended,
    /// The versions of client and server are incompatible.
    Version,
    /// The token is missing or wrong.
    Unauthorized,
    /// The `Host` or the `Origin` of the request is not allowed.
    Forbidden,
    /// The time limit was exceeded.
    Timeout,
    /// The processes that run the project are suspended, so nothing responds.
    Suspended,
    /// Another failure.
    Failed,
}

/// An error of the control API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// The kind, for programs.
    pub error: ControlErrorKind,
    /// The message, for people.
    pub message: String,
}

/// The result of a control request.
pub(crate) type ControlResult<T> = Result<T, ControlError>;

impl ControlError {
    /// Creates an error of this kind.
    pub fn new(error: ControlErrorKind, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ControlErrorKind::InvalidRequest, message)
    }

    pub(crate) fn ended() -> Self {
        Self::new(ControlErrorKind::Ended, "the project has ended")
    }

    /// Returns the HTTP status of the response.
    pub(super) fn status(&self) -> u16 {
        match self.error {
            ControlErrorKind::UnknownName | ControlErrorKind::NotFound => 404,
            ControlErrorKind::InvalidRequest => 400,
            ControlErrorKind::Conflict => 409,
            ControlErrorKind::NotRunning
            | ControlErrorKind::Ended
            | ControlErrorKind::Suspended => 503,
            ControlErrorKind::Version => 426,
            ControlErrorKind::Unauthorized => 401,
            ControlErrorKind::Forbidden => 403,
            ControlErrorKind::Timeout => 408,
            ControlErrorKind::Failed => 500,
        }
    }
}
