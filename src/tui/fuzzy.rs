//! Fuzzy matching: scores how well typed letters match a name.
//!
//! The matchers that are well kept come under licences that bind whoever uses this crate, or bring a
//! tree of their own; names here are short and few.

/// A score, higher is better; nothing where the letters do not all occur in this order. Case does
/// not count, blanks divide words which all have to fit.
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
    words.map(|word| of_word(&word.to_lowercase(), &name)).sum()
}

/// The best way to find one word, over all places its letters occur at.
fn of_word(word: &str, name: &[char]) -> Option<i64> {
    let begins = |at: usize| match at.checked_sub(1) {
        Some(before) => name.get(before).is_some_and(|before| !before.is_alphanumeric()),
        None => true,
    };
    let places = |letter: char| {
        let all = name.iter().enumerate();
        all.filter(move |(_, char)| **char == letter).map(|(at, _)| at)
    };
    let mut letters = word.chars();
    // Where the letter before can be, with the best score that leads there.
    let first = |at: usize| (at, i64::from(begins(at)) * 8 - number(at).min(8));
    let mut ways: Vec<(usize, i64)> = places(letters.next()?).map(first).collect();
    for letter in letters {
        let best = |at: usize| {
            let step = |(before, score): &(usize, i64)| {
                let far = at.checked_sub(before + 1)?;
                Some(score + if begins(at) { 5 } else { worth(far) })
            };
            Some((at, ways.iter().filter_map(step).max()?))
        };
        ways = places(letter).filter_map(best).collect();
    }
    // The shorter the name, the more of it was typed.
    ways.iter().map(|(_, score)| score - number(name.len()) / 4).max()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Of a letter so many places after the one before it.
fn worth(far: usize) -> i64 {
    if far == 0 { 6 } else { -number(far).min(4) }
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
            // One case: some capitals have no single small letter.
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
