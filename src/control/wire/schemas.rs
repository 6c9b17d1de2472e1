//! Additions to the `OpenAPI` document that types cannot express.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::engine::command::words_schema;
use crate::output::Stream;

/// One event of a stream.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "written by hand, as a few lines of text")]
pub(in crate::control) struct ServerSent {
    /// The number of the event.
    id: Option<String>,
    /// `missed` where events are not kept any more; `data` is `{"from","to"}` then.
    event: Option<String>,
    /// The event, as JSON.
    data: String,
}

pub(super) fn stream() -> RefOr<Schema> {
    words_schema(Stream::WORDS.iter().copied().map(str::to_owned))
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
