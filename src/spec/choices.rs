//! Choices: enums with one word for each variant, used in the file, in JSON and in messages.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

use super::format::list_with;
use super::nearest::{nearest, suggestion};

/// The error for a word that is not in a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}{}", suggestion(self.near.as_deref()))]
pub struct UnknownChoice {
    /// The known words, as a list for a message.
    pub expected: String,
    /// The known word that is most similar to the unknown one.
    pub near: Option<String>,
}

impl UnknownChoice {
    pub(crate) fn new(word: &str, known: &[&str]) -> Self {
        let near = nearest(word, known.iter().copied()).map(str::to_owned);
        Self { expected: list_of_words(known), near }
    }
}

/// Deserializes a choice or a signal from its word; an unknown one gets a suggestion.
pub(crate) fn deserialize_word<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// `"a"`, `"b"` or `"c"`.
pub(crate) fn list_of_words(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    list_with("or", &quoted)
}

/// The schema of a string that is one of these words.
#[cfg(feature = "control")]
pub(crate) fn words_schema<'a>(
    words: impl IntoIterator<Item = &'a str>,
) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, Type};
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

/// Declares an enum with one word for each variant: the list of words, `as_str`, `Display`,
/// `FromStr`, and serde and the schema of the API, which use the word. An unknown word gets a suggestion.
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
    }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize)]
        $(#[$meta])*
        $vis enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every choice, in order.
            $vis const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// Every word, in the same order.
            $vis const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl From<$name> for &'static str {
            fn from(choice: $name) -> Self {
                choice.as_str()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::spec::UnknownChoice;

            fn from_str(word: &str) -> Result<Self, $crate::spec::UnknownChoice> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::spec::UnknownChoice::new(word, Self::WORDS)),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::spec::deserialize_word(from)
            }
        }

        #[cfg(feature = "control")]
        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::Schema> {
                $crate::spec::words_schema(Self::WORDS.iter().copied())
            }
        }

        #[cfg(feature = "control")]
        impl ::utoipa::ToSchema for $name {}
    };
}

pub(crate) use choices;

#[cfg(test)]
mod tests {
    choices! {
        /// Something with two words.
        #[derive(Default)]
        enum Pace {
            #[default]
            Slow = "slow",
            VeryFast = "very-fast",
        }
    }

    #[test]
    fn a_choice_is_its_word_everywhere() {
        assert_eq!(Pace::WORDS, ["slow", "very-fast"]);
        for (choice, word) in Pace::ALL.iter().zip(Pace::WORDS) {
            assert_eq!((choice.as_str(), choice.to_string().as_str()), (*word, *word));
            assert_eq!(word.parse(), Ok(*choice));
            assert_eq!(serde_json::to_value(choice).unwrap(), *word);
            assert_eq!(serde_json::from_value::<Pace>((*word).into()).unwrap(), *choice);
        }
        let error = "fast".parse::<Pace>().unwrap_err();
        assert_eq!(error.to_string(), "expected \"slow\" or \"very-fast\"");
        let error = serde_json::from_str::<Pace>("\"solw\"").unwrap_err().to_string();
        assert!(error.starts_with("expected \"slow\" or \"very-fast\"; did you mean `slow`?"));
        assert_eq!(Pace::default(), Pace::Slow);
    }
}
