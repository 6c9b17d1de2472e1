//! Fuzzy matching: scores how well typed letters match a name.
//!
//! Own code, because the maintained crates have licences that would bind the users of this crate, or
//! many dependencies; and the names here are short and few.

/// Returns a score, higher is better; `None` if the letters do not all occur in this order. Case is
/// ignored; every word between blanks has to match.
///
/// ```
/// use pitcrew::tui::fuzzy::score;
///
/// assert!(score("rst", "restart") > score("rst", "previous-error-start"));
/// assert_eq!(score("xyz", "restart"), None);
/// ```
pub fn score(typed: &str, name: &str) -> Option<i64> {
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let words = typed.split_whitespace();
    words.map(|word| word_score(&word.to_lowercase(), &name)).sum()
}

/// Returns the best score of one word, over all positions of its letters.
fn word_score(word: &str, name: &[char]) -> Option<i64> {
    let starts_word = |at: usize| match at.checked_sub(1) {
        Some(before) => name.get(before).is_some_and(|before| !before.is_alphanumeric()),
        None => true,
    };
    let positions = |letter: char| {
        let chars = name.iter().enumerate();
        chars.filter(move |(_, char)| **char == letter).map(|(at, _)| at)
    };
    let mut letters = word.chars();
    // The possible positions of the previous letter, each with its best score.
    let first = |at: usize| (at, i64::from(starts_word(at)) * 8 - to_i64(at).min(8));
    let mut matches: Vec<(usize, i64)> = positions(letters.next()?).map(first).collect();
    for letter in letters {
        let best = |at: usize| {
            let step = |(before, score): &(usize, i64)| {
                let gap = at.checked_sub(before + 1)?;
                Some(score + if starts_word(at) { 5 } else { gap_score(gap) })
            };
            Some((at, matches.iter().filter_map(step).max()?))
        };
        matches = positions(letter).filter_map(best).collect();
    }
    // The shorter the name, the larger the part that was typed.
    matches.iter().map(|(_, score)| score - to_i64(name.len()) / 4).max()
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns the score of a letter, by the number of letters between it and the previous one.
fn gap_score(gap: usize) -> i64 {
    if gap == 0 { 6 } else { -to_i64(gap).min(4) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_fit_comes_first() {
        let best = |typed: &str, names: &[&str]| {
            let mut names: Vec<_> =
                names.iter().filter_map(|name| Some((-score(typed, name)?, *name))).collect();
            names.sort_unstable();
            names.first().map(|(_, name)| (*name).to_owned())
        };
        assert_eq!(best("rs", &["previous-match", "restart", "hide-stopped"]).unwrap(), "restart");
        assert_eq!(best("rt", &["restart", "restart-tree"]).unwrap(), "restart-tree");
        assert_eq!(best("stop", &["hide-stopped", "stop"]).unwrap(), "stop");
        assert_eq!(best("QUIT", &["quit"]).unwrap(), "quit");
        assert_eq!(best("next err", &["next-match", "next-error"]).unwrap(), "next-error");
        assert_eq!(best("nope", &["quit"]), None);
        assert_eq!(score("", "anything"), Some(0));
    }

    proptest! {
        #[test]
        fn a_part_of_a_name_always_fits(name in "\\PC{0,20}", keep in prop::collection::vec(any::<bool>(), 20)) {
            // Lower case, because some capitals have no single lower-case letter.
            let name = name.to_lowercase();
            let part: String = name.chars().zip(keep).filter(|(_, keep)| *keep).map(|(c, _)| c).collect();
            prop_assert!(score(&part, &name).is_some());
        }

        #[test]
        fn anything_can_be_typed(typed in "\\PC{0,30}", name in "\\PC{0,30}") {
            _ = score(&typed, &name);
        }
    }
}
