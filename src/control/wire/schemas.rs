//! Additions to the `OpenAPI` document that types cannot express.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// A server-sent event of the event stream.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the response is written as text; this describes it")]
pub(in crate::control) struct ServerSent {
    /// The number of the event.
    id: Option<String>,
    /// `missed` if events are no longer stored: then `data` is `{"from","to"}`, their first and last number.
    event: Option<String>,
    /// The event, as JSON.
    data: String,
}

pub(super) fn since() -> RefOr<Schema> {
    const DAY: &str = r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
    const TIME: &str = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z";
    const AGO: &str = r"[0-9]{1,4}(ms|s|m|h|d)";
    RefOr::T(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^({DAY}T{TIME}|{AGO})$")))
            .into(),
    )
}
