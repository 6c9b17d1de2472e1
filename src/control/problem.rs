//! Why something was not done, in the same words for everybody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of problem it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
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
pub struct Problem {
    /// For programs.
    pub error: Kind,
    /// For people.
    pub message: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(error: Kind, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }

    /// The project has ended.
    pub(crate) fn ended() -> Self {
        Self::new(Kind::Ended, "the project has ended")
    }

    /// The HTTP status it is sent with.
    pub(super) fn status(&self) -> u16 {
        match self.error {
            Kind::UnknownName => 404,
            Kind::Wrong => 400,
            Kind::Conflict => 409,
            Kind::NotRunning | Kind::Ended | Kind::Suspended => 503,
            Kind::Version => 426,
            Kind::Unauthorized => 401,
            Kind::Forbidden => 403,
            Kind::Timeout => 408,
            Kind::Failed => 500,
        }
    }
}
