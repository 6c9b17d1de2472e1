//! Cycling through the choices of a setting.

/// Returns the choice after this one, or the first one after the last.
pub(super) fn next_choice<T: Copy + PartialEq>(choices: &[T], current: T) -> T {
    let next = choices.iter().skip_while(|choice| **choice != current).nth(1);
    next.or(choices.first()).copied().unwrap_or(current)
}
