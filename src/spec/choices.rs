//! Choices: enums with one word for each variant, used in the file, in JSON and in messages.

/// The error for a word that is not in a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct UnknownChoice {
    /// The known words, as a list for a message.
    pub expected: String,
}

impl UnknownChoice {
    pub(crate) fn of(words: &[&str]) -> Self {
        Self { expected: list_of_words(words) }
    }
}

/// `"a"`, `"b"` or `"c"`.
pub(crate) fn list_of_words(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
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
/// `FromStr`, and serde and the schema of the API, which use the word.
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
    }) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize,
        )]
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
                    _ => Err($crate::spec::UnknownChoice::of(Self::WORDS)),
                }
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
        assert_eq!(Pace::default(), Pace::Slow);
    }
}
