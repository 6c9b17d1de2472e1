//! Field names of requests: finds the unknown field of a request that serde refuses.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use crate::spec::{list_with, nearest, suggestion};

/// Returns the error for the first of these fields that `T` does not have, with a suggestion.
pub(super) fn unknown_field<T: DeserializeOwned>(fields: &[impl AsRef<str>]) -> Option<String> {
    let FieldNames(known) = T::deserialize(FieldNameReader).err()?;
    let mut unknown = fields.iter().map(AsRef::as_ref).filter(|field| !known.contains(field));
    let field = unknown.next().filter(|_| !known.is_empty())?;
    let quoted: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let (expected, near) = (list_with("or", &quoted), nearest(field, known.iter().copied()));
    Some(format!("unknown field `{field}`, expected {expected}{}", suggestion(near)))
}

/// A deserializer that reads nothing: it ends with the names of the fields that a struct requests.
struct FieldNameReader;

/// The result of [`FieldNameReader`]; empty for what is no struct.
#[derive(Debug)]
struct FieldNames(&'static [&'static str]);

impl fmt::Display for FieldNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for FieldNames {}

impl Error for FieldNames {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(&[])
    }
}

impl<'de> Deserializer<'de> for FieldNameReader {
    type Error = FieldNames;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, FieldNames> {
        Err(FieldNames(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, FieldNames> {
        Err(FieldNames(fields))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
