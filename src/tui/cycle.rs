//! Cycling through the choices of a setting.

/// Returns the choice after this one, or the first one after the last.
pub(super) fn following<T: Copy + PartialEq>(all: &[T], current: T) -> T {
    let next = all.iter().skip_while(|choice| **choice != current).nth(1);
    next.or(all.first()).copied().unwrap_or(current)
}
