//! Input of the routes: query strings and JSON bodies, with errors that name the field.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::control::{ControlError, ControlErrorKind};

/// The longest body, in bytes.
const MAX_BODY: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Expected forms, in place of the names that parsers have for them.
const FORMS: [(&str, &str); 10] = [
    ("expected f64", "expected a number"),
    ("expected u32", "expected a whole number from 0 on"),
    ("expected u64", "expected a whole number from 0 on"),
    ("expected usize", "expected a whole number from 0 on"),
    ("expected a sequence", "expected a list"),
    ("invalid digit found in string", "expected a whole number from 0 on"),
    ("cannot parse integer from empty string", "expected a whole number from 0 on"),
    ("number too large to fit in target type", "the number is too large"),
    ("provided string was not `true` or `false`", "expected `true` or `false`"),
    ("floating point `", "`"),
];

/// The query string of a request.
pub(super) struct QueryInput<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for QueryInput<T> {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ControlError> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// The body of a request; an empty body is an empty object.
pub(super) struct BodyInput<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for BodyInput<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ControlError> {
        let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY));
        let bytes = bytes.await.map_err(|_| {
            ControlError::new(ControlErrorKind::Timeout, "the body did not arrive in time")
        })?;
        let bytes = bytes.map_err(|error| invalid(&error.to_string()))?;
        parse_body(&bytes).map(Self)
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, ControlError> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs)
        .map_err(|error| field_error(error.path(), &error.inner().to_string()))
}

fn parse_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ControlError> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    // serde would read a list as the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("expected a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let text = error.inner().to_string();
        // A syntax error is at a place, not in a field.
        match text.rsplit_once(" at line ") {
            Some((reason, _)) if error.inner().is_data() => field_error(error.path(), reason),
            _ => invalid(&text),
        }
    })?;
    json.end().map_err(|error| invalid(&error.to_string()))?;
    Ok(body)
}

/// An error of a field; some reasons name the field already.
fn field_error(path: &serde_path_to_error::Path, reason: &str) -> ControlError {
    let reason =
        FORMS.iter().fold(reason.to_owned(), |reason, (theirs, ours)| reason.replace(theirs, ours));
    if path.iter().next().is_none() || reason.contains("field `") {
        invalid(&reason)
    } else {
        invalid(&format!("`{path}`: {reason}"))
    }
}

fn invalid(reason: &str) -> ControlError {
    ControlError::new(ControlErrorKind::Wrong, format!("invalid request: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire::{ScaleRequest, SliceQuery, StartRequest, WaitRequest};

    fn body<T: DeserializeOwned>(text: &str) -> String {
        parse_body::<T>(text.as_bytes()).err().unwrap().message
    }

    #[test]
    fn an_error_of_a_body_says_the_field_the_reason_and_the_expected_form() {
        for (message, expected) in [
            (
                body::<ScaleRequest>(r#"{"process":"web","replicas":"two"}"#),
                r#"`replicas`: invalid type: string "two", expected a number"#,
            ),
            (
                body::<ScaleRequest>(r#"{"process":"web","replicas":1.5}"#),
                "`replicas`: invalid value: `1.5`, expected a whole number from 0 on",
            ),
            (
                body::<WaitRequest>(r#"{"names":["web"],"timeout_ms":-1}"#),
                "`timeout_ms`: invalid value: integer `-1`, expected a whole number from 0 on",
            ),
            (
                body::<StartRequest>(r#"{"names":["web",1]}"#),
                "`names[1]`: invalid type: integer `1`, expected a string",
            ),
            (
                body::<StartRequest>(r#"{"names":["web"],"nowait":true}"#),
                "unknown field `nowait`, expected one of `names`, `wait`, `dependants`, `no_wait`",
            ),
            (body::<StartRequest>("{}"), "missing field `names`"),
            (body::<StartRequest>("[]"), "expected a JSON object"),
            (body::<StartRequest>("{"), "EOF while parsing an object at line 1 column 1"),
            (body::<StartRequest>(r#"{"names":[]} x"#), "trailing characters at line 1 column 14"),
        ] {
            assert_eq!(message, format!("invalid request: {expected}"));
        }
    }

    #[test]
    fn an_error_of_a_query_says_the_field_the_reason_and_the_expected_form() {
        for (query, expected) in [
            ("rows=many", "`rows`: expected a whole number from 0 on"),
            ("rows=", "`rows`: expected a whole number from 0 on"),
            ("invert=1", "`invert`: expected `true` or `false`"),
        ] {
            let message = parse_query::<SliceQuery>(query).err().unwrap().message;
            assert_eq!(message, format!("invalid request: {expected}"));
        }
        let message = parse_query::<SliceQuery>("row=1").err().unwrap().message;
        assert!(
            message.starts_with("invalid request: unknown field `row`, expected one of `names`")
        );
    }
}
