//! What is said more closely in the document than the types can.

use serde::de::{Deserialize, Deserializer, Error, Unexpected};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ArrayItems, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::spec::{Condition, Signal};

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

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn one_of(words: impl IntoIterator<Item = String>) -> RefOr<Schema> {
    RefOr::T(text().enum_values(Some(words)).into())
}

pub(super) fn signal() -> RefOr<Schema> {
    one_of(Signal::names().map(str::to_owned))
}

pub(super) fn condition() -> RefOr<Schema> {
    let all = [Condition::Ready, Condition::Started, Condition::Completed, Condition::Succeeded];
    one_of(all.iter().map(|one| one.as_str().to_owned()))
}

pub(super) fn stream() -> RefOr<Schema> {
    one_of(["out".to_owned(), "err".to_owned()])
}

pub(super) fn since() -> RefOr<Schema> {
    const DAY: &str = r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
    const TIME: &str = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z";
    const AGO: &str = r"[0-9]{1,4}(ms|s|m|h|d)";
    RefOr::T(text().pattern(Some(format!("^({DAY}T{TIME}|{AGO})$"))).into())
}

/// A program that has a name, and any arguments.
pub(super) fn command() -> RefOr<Schema> {
    let program: Schema = text().min_length(Some(1)).into();
    let command = ArrayBuilder::new()
        .prefix_items([program])
        .items(ArrayItems::RefOrSchema(Box::new(RefOr::T(text().into()))))
        .min_items(Some(1));
    RefOr::T(command.into())
}

/// A whole number, also where it is written as `3.0`: in JSON that is the same.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let number = f64::deserialize(from)?;
    let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    let wrong = || D::Error::invalid_value(Unexpected::Float(number), &"a whole number from 0 on");
    is_whole.then_some(number as u32).ok_or_else(wrong)
}
