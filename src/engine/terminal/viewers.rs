//! Viewers of a terminal, and the size that they decide on.

use crate::terminal::Size;

/// Width and height of a cell in pixels.
pub(crate) type CellSize = (u16, u16);

/// The number of a viewer within one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewerId(u64);

/// The room that a viewer has for the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ViewerSize {
    pub(crate) size: Size,
    /// `None` if the viewer's terminal has not told it.
    pub(crate) cell: Option<CellSize>,
    /// The viewer can type. The size of one that only watches never counts.
    pub(crate) is_interactive: bool,
}

#[derive(Debug)]
struct Viewer {
    id: ViewerId,
    size: Option<ViewerSize>,
    /// Larger means later; 0 if it has not typed yet.
    typed: u64,
}

/// Who looks at a terminal.
///
/// A process has one size. The viewer who typed last decides it; when that one leaves, the one
/// before. Before anybody has typed, the first interactive viewer decides. Taking the smallest of
/// all sizes would give a size that nobody has, and a small watcher would cut everybody's screen.
#[derive(Debug, Default)]
pub(super) struct Viewers {
    list: Vec<Viewer>,
    next: u64,
}

impl Viewers {
    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn add(&mut self) -> ViewerId {
        let id = ViewerId(self.count());
        self.list.push(Viewer { id, size: None, typed: 0 });
        id
    }

    pub(super) fn remove(&mut self, id: ViewerId) {
        self.list.retain(|viewer| viewer.id != id);
    }

    pub(super) fn set_size(&mut self, id: ViewerId, size: ViewerSize) {
        if let Some(viewer) = self.list.iter_mut().find(|viewer| viewer.id == id) {
            viewer.size = Some(size);
        }
    }

    pub(super) fn has_typed(&mut self, id: ViewerId) {
        let number = self.count();
        if let Some(viewer) = self.list.iter_mut().find(|viewer| viewer.id == id) {
            viewer.typed = number;
        }
    }

    /// The size that the terminal should have; `None` if no interactive viewer has told one.
    pub(super) fn size(&self) -> Option<ViewerSize> {
        let sizes = self.list.iter().filter_map(|viewer| Some((viewer, viewer.size?)));
        let interactive = sizes.filter(|(_, size)| size.is_interactive);
        let decider =
            interactive.max_by_key(|(viewer, _)| (viewer.typed, std::cmp::Reverse(viewer.id.0)));
        decider.map(|(_, size)| size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(columns: u16, is_interactive: bool) -> ViewerSize {
        ViewerSize { size: Size::new(columns, 24), cell: None, is_interactive }
    }

    fn columns(viewers: &Viewers) -> Option<u16> {
        viewers.size().map(|size| size.size.columns())
    }

    #[test]
    fn who_typed_last_decides_and_after_that_one_the_one_before() {
        let mut viewers = Viewers::default();
        assert_eq!(columns(&viewers), None);
        let (first, second, third) = (viewers.add(), viewers.add(), viewers.add());
        assert_eq!(columns(&viewers), None);
        viewers.set_size(second, size(90, true));
        viewers.set_size(first, size(100, true));
        viewers.set_size(third, size(110, true));
        assert_eq!(columns(&viewers), Some(100), "the first, before anybody has typed");
        viewers.has_typed(third);
        viewers.has_typed(second);
        assert_eq!(columns(&viewers), Some(90));
        viewers.remove(second);
        assert_eq!(columns(&viewers), Some(110));
        viewers.remove(third);
        assert_eq!(columns(&viewers), Some(100));
        viewers.remove(first);
        assert_eq!(columns(&viewers), None);
    }

    #[test]
    fn a_watcher_decides_nothing() {
        let mut viewers = Viewers::default();
        let (watcher, typist) = (viewers.add(), viewers.add());
        viewers.set_size(watcher, size(40, false));
        assert_eq!(columns(&viewers), None);
        viewers.set_size(typist, size(120, true));
        assert_eq!(columns(&viewers), Some(120));
    }
}
