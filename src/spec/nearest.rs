//! Suggestions: finds the known word that is nearest to an unknown one, for "did you mean".

/// The minimum length of an unknown word that is treated as the beginning of a known one.
const MIN_PREFIX: usize = 3;

/// The distance of a known word from an unknown one; the smallest is the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Distance {
    /// Whether the unknown word is only the beginning of the known one.
    is_prefix: bool,
    edits: usize,
    other_first_letter: bool,
}

/// Returns the distance without regard to case; `None` if the words are not similar.
pub(crate) fn distance(word: &str, known: &str) -> Option<Distance> {
    let letters = word.chars().count();
    let bound = (letters / 3).clamp(1, 3);
    let far = known.len().abs_diff(word.len());
    // A cheap test first: the distance is at least the difference of the lengths.
    let is_near_in_length = far <= 4 * bound;
    let may_be_prefix = letters >= MIN_PREFIX && known.len() > word.len();
    if !is_near_in_length && !may_be_prefix {
        return None;
    }
    let (word, known) = (word.to_lowercase(), known.to_lowercase());
    if is_near_in_length {
        let edits = strsim::damerau_levenshtein(&word, &known);
        if edits <= bound && edits < known.chars().count() {
            let other_first_letter = word.chars().next() != known.chars().next();
            return Some(Distance { is_prefix: false, edits, other_first_letter });
        }
    }
    (may_be_prefix && known.starts_with(&word)).then_some(Distance {
        is_prefix: true,
        edits: far,
        other_first_letter: false,
    })
}

/// Returns the known word nearest to `word`, if one is near; the first one of several.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter().filter_map(|known| Some((distance(word, known)?, known)));
    known.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Returns the suggestion at the end of a message: ``; did you mean `web`?``, or nothing.
pub(crate) fn suggestion(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Returns the hint "did you mean" for `word`, if a known word is near.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        for (word, known, expected) in [
            ("dbb", &["api", "db"][..], Some("db")),
            ("depend_on", &["options", "depends_on"], Some("depends_on")),
            ("onfailure", &["never", "on-failure"], Some("on-failure")),
            // Swapped letters and short names.
            ("wbe", &["api", "web"], Some("web")),
            ("aip", &["web", "api"], Some("api")),
            ("wyh", &["ps", "why", "wait"], Some("why")),
            ("wb", &["api", "web"], Some("web")),
            ("backnd", &["web", "@backend"], Some("@backend")),
            ("@bakend", &["backend-1", "@backend"], Some("@backend")),
            ("WEB", &["api", "web"], Some("web")),
            ("hpu", &["INT", "HUP"], Some("HUP")),
            // The first letter is rarely the wrong one.
            ("wb", &["db", "web"], Some("web")),
            // The beginning of a word.
            ("front", &["frontend-next", "frontend"], Some("frontend")),
            ("desc", &["env", "description"], Some("description")),
            ("fro", &["for", "frontend"], Some("for")),
            ("x", &["a", "b"], None),
            ("a", &["ab-cd"], None),
            ("web", &["api", "db"], None),
            ("", &["a", ""], None),
        ] {
            assert_eq!(nearest(word, known.iter().copied()), expected, "{word}");
        }
    }
}
