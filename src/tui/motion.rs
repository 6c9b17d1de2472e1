//! Cursor motion in rows.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Motion {
    Up,
    Down,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Motion {
    /// Rows to move down, if `page` rows are visible.
    pub(in crate::tui) fn rows(self, page: usize) -> isize {
        let page = isize::try_from(page).unwrap_or(isize::MAX);
        // One row of a page stays visible for orientation.
        let far = (page - 1).max(1);
        let half = (page / 2).max(1);
        match self {
            Self::Up => -1,
            Self::Down => 1,
            Self::HalfUp => -half,
            Self::HalfDown => half,
            Self::PageUp => -far,
            Self::PageDown => far,
            Self::First => isize::MIN,
            Self::Last => isize::MAX,
        }
    }

    /// The new row after `row`, between 0 and `last`.
    pub(in crate::tui) fn apply(self, row: usize, last: usize, page: usize) -> usize {
        row.saturating_add_signed(self.rows(page)).min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motion_stays_within_the_rows() {
        let from_five = |motion: Motion| motion.apply(5, 20, 8);
        assert_eq!(from_five(Motion::Up), 4);
        assert_eq!(from_five(Motion::Down), 6);
        assert_eq!(from_five(Motion::HalfUp), 1);
        assert_eq!(from_five(Motion::HalfDown), 9);
        assert_eq!(from_five(Motion::PageUp), 0);
        assert_eq!(from_five(Motion::PageDown), 12);
        assert_eq!(from_five(Motion::First), 0);
        assert_eq!(from_five(Motion::Last), 20);
        assert_eq!(Motion::PageDown.apply(18, 20, 8), 20);
        assert_eq!(Motion::Down.apply(0, 0, 0), 0);
    }
}
