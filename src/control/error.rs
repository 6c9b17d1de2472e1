//! Errors of the control API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of problem it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlErrorKind {
    /// No project runs there.
    NotRunning,
    /// A name that means nothing in this project.
    UnknownName,
    /// What was asked makes no sense.
    Wrong,
    /// It cannot be done in the present state.
    Conflict,
    /// The project is ending or has ended.
    Ended,
    /// The two sides are of versions that do not understand each other.
    Version,
    /// The token is missing or wrong.
    Unauthorized,
    /// Who asks from there may not.
    Forbidden,
    /// It took too long.
    Timeout,
    /// The processes that run the project are stopped, so nothing answers.
    Suspended,
    /// Something else went wrong.
    Failed,
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// For programs.
    pub error: ControlErrorKind,
    /// For people.
    pub message: String,
}

impl ControlError {
    /// A problem of this kind.
    pub fn new(error: ControlErrorKind, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    pub(crate) fn ended() -> Self {
        Self::new(ControlErrorKind::Ended, "the project has ended")
    }

    /// The HTTP status it is sent with.
    pub(super) fn status(&self) -> u16 {
        match self.error {
            ControlErrorKind::UnknownName => 404,
            ControlErrorKind::Wrong => 400,
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
