//! Input of the routes: query strings and JSON bodies, with errors that name the field.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde_json::{Map, Value};

use super::field_names::unknown_field;
use crate::control::{ControlError, ControlErrorKind, ControlResult};
use crate::engine::command::WHOLE_NUMBER;

/// The longest body, in bytes.
const MAX_BODY: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The query string of a request.
pub(super) struct QueryInput<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for QueryInput<T> {
    type Rejection = ControlError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ControlResult<Self> {
        parse_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// The body of a request; an empty body is an empty object.
pub(super) struct BodyInput<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for BodyInput<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, _: &S) -> ControlResult<Self> {
        let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY));
        let bytes = bytes.await.map_err(|_| {
            ControlError::new(ControlErrorKind::Timeout, "the body did not arrive in time")
        })?;
        let bytes = bytes.map_err(|error| invalid(&error.to_string()))?;
        parse_body(&bytes).map(Self)
    }
}

fn parse_query<T: DeserializeOwned>(query: &str) -> ControlResult<T> {
    let pairs = || form_urlencoded::parse(query.as_bytes());
    let values = MapDeserializer::new(pairs().map(|(name, value)| (name, QueryValue(value))));
    serde_path_to_error::deserialize(values).map_err(|error| {
        let fields: Vec<_> = pairs().map(|(name, _)| name).collect();
        field_error::<T>(&fields, error.path(), error.inner())
    })
}

fn parse_body<T: DeserializeOwned>(bytes: &[u8]) -> ControlResult<T> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let body: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            invalid("expected a JSON object")
        } else {
            invalid(&error.to_string())
        }
    })?;
    serde_path_to_error::deserialize(&body).map_err(|error| {
        let fields: Vec<&String> = body.keys().collect();
        field_error::<T>(&fields, error.path(), error.inner())
    })
}

/// An error of a field; some reasons name the field already.
fn field_error<T: DeserializeOwned>(
    fields: &[impl AsRef<str>],
    path: &serde_path_to_error::Path,
    error: &impl std::error::Error,
) -> ControlError {
    let reason = unknown_field::<T>(fields).unwrap_or_else(|| error.to_string());
    if path.iter().next().is_none() || reason.contains("field `") {
        invalid(&reason)
    } else {
        invalid(&format!("`{path}`: {reason}"))
    }
}

/// The value of a field of a query string.
struct QueryValue<'a>(Cow<'a, str>);

impl<'de> Deserializer<'de> for QueryValue<'de> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.0.into_deserializer().deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let value = self.0.parse().map_err(|_| Self::Error::custom("expected `true` or `false`"));
        visitor.visit_bool(value?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let wrong = |_| Self::Error::custom(format_args!("expected {WHOLE_NUMBER}"));
        visitor.visit_u64(self.0.parse().map_err(wrong)?)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de> for QueryValue<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

fn invalid(reason: &str) -> ControlError {
    ControlError::invalid_request(format!("invalid request: {reason}"))
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
                r#"`replicas`: invalid type: string "two", expected a JSON number"#,
            ),
            (
                body::<ScaleRequest>(r#"{"process":"web","replicas":1.5}"#),
                "`replicas`: expected a whole number from 0 on",
            ),
            (
                body::<WaitRequest>(r#"{"names":["web"],"timeout_ms":-1}"#),
                "`timeout_ms`: expected a whole number from 0 on",
            ),
            (
                body::<StartRequest>(r#"{"names":["web",1]}"#),
                "`names[1]`: invalid type: integer `1`, expected a string",
            ),
            (
                body::<StartRequest>(r#"{"names":["web"],"nowait":true}"#),
                "unknown field `nowait`, expected `names`, `wait`, `dependants` or `no_wait`; \
                 did you mean `no_wait`?",
            ),
            (
                body::<WaitRequest>(r#"{"names":["web"],"for":"redy"}"#),
                r#"`for`: expected "started", "ready", "succeeded" or "completed"; did you mean `ready`?"#,
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
            ("stream=otu", "`stream`: expected \"out\" or \"err\"; did you mean `out`?"),
        ] {
            let message = parse_query::<SliceQuery>(query).err().unwrap().message;
            assert_eq!(message, format!("invalid request: {expected}"));
        }
        let message = parse_query::<SliceQuery>("row=1").err().unwrap().message;
        assert!(
            message.starts_with("invalid request: unknown field `row`, expected `names`, ")
                && message.ends_with("; did you mean `rows`?")
        );
    }
}
