//! Table of all actions. Keys are written as in the user's file; contexts are those of [`Context`].

use super::applicability::{
    always, attachable, awaited, browsable, connected, declared, filterable, killable, marked, one,
    one_process, restartable, searched, selected, startable, stoppable, terminal, typing,
    watchable, writable,
};
use super::{ActionEntry, ArgumentKind, Context, Group};
use crate::control::wire::ControlCommand;

macro_rules! actions {
    ($( $group:ident $kind:ident {
        $( $action:ident $name:literal, $hint:literal, $words:literal, $takes:ident, $applies:ident, [$($context:ident $key:literal),*]; )*
    } )*) => {
        /// An action of the interface.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $( $( #[doc = concat!("`", $name, "`: ", $words, ".")] $action, )* )*
        }

        $(
            #[doc = concat!("The actions of the group `", stringify!($group), "`.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub(in crate::tui) enum $kind {
                $( $action, )*
            }

            impl From<$kind> for Action {
                fn from(action: $kind) -> Self {
                    match action {
                        $( $kind::$action => Self::$action, )*
                    }
                }
            }
        )*

        /// An action by its group. Each group has one handler, which matches all of its actions: an
        /// unhandled action does not compile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::tui) enum GroupedAction {
            $( $group($kind), )*
        }

        impl Action {
            pub(in crate::tui) fn grouped(self) -> GroupedAction {
                match self {
                    $( $( Self::$action => GroupedAction::$group($kind::$action), )* )*
                }
            }
        }

        /// All actions, in the order they are shown.
        pub const TABLE: &[ActionEntry] = &[
            $( $( ActionEntry {
                action: Action::$action,
                name: $name,
                description: $words,
                hint: $hint,
                group: Group::$group,
                takes: ArgumentKind::$takes,
                keys: &[$((Context::$context, $key)),*],
                applies: $applies,
            }, )* )*
        ];
    };
}

actions! {
    Process ProcessAction {
        Start "start", "start", "start", Names, startable, [Process "s"];
        Stop "stop", "stop", "stop gracefully", Names, stoppable, [Process "x"];
        Kill "kill", "kill", "kill the whole tree (SIGKILL)", Names, killable, [Process "X", Process "ctrl-k"];
        Restart "restart", "restart", "restart (in back-off: retry now)", Names, restartable, [Process "r"];
        RestartTree "restart-tree", "restart tree", "restart with its dependants", Names, restartable, [Process "R"];
        Signal "signal", "signal", "send a signal", Signal, killable, [Process "S"];
        Attach "attach", "type", "type into its terminal", Name, attachable, [Process "a", Process "i", Terminal "enter"];
        NextInput "next-input", "next input", "go to the next process that waits for input", Nothing, awaited, [Process "I"];
        ScaleUp "scale-up", "scale up", "add a replica", Nothing, one_process, [Process "+"];
        ScaleDown "scale-down", "scale down", "remove a replica", Nothing, one_process, [Process "-"];
        Scale "scale", "scale", "set replicas: scale NAME N", Scale, connected, [];
        Watch "watch", "watch", "toggle file watching", Nothing, watchable, [Process "W"];
        Details "details", "details", "details", Name, one, [Process "d"];
        Edit "edit", "edit", "edit its definition", Nothing, declared, [List "e", Details "e"];
        Browse "browse", "browse", "open its URL in a browser", Nothing, browsable, [Process "b"];
        Copy "copy", "copy", "copy menu; in the logs: copy the selection", Nothing, always, [Process "y"];
        Send "send", "send", "send a line to its input: send TEXT", Line, writable, [];
    }

    List ListAction {
        Up "up", "up", "up", Nothing, always, [List "up", List "k", View "up", View "k"];
        Down "down", "down", "down", Nothing, always, [List "down", List "j", View "down", View "j"];
        First "first", "first", "first", Nothing, always, [List "g", List "home", View "g", View "home"];
        Last "last", "last", "last", Nothing, always, [List "G", List "end", View "G", View "end"];
        Open "open", "logs", "open logs; fold or unfold a group", Nothing, always, [List "enter", List "l", List "right", View "enter"];
        Mark "mark", "mark", "mark, for the merged view and actions", Nothing, one, [List "space"];
        MarkAll "mark-all", "mark all", "mark all visible", Nothing, always, [List "ctrl-a"];
        Unmark "unmark-all", "unmark", "unmark all", Nothing, marked, [List "u"];
        FilterList "filter-list", "filter", "filter the list (regex, !regex, -f fuzzy)", Text, always, [List "/"];
        Sort "sort", "sort", "sort by the next column", Nothing, always, [List "o"];
        SortReverse "sort-reverse", "reverse", "reverse the sort order", Nothing, always, [List "O"];
        HideStopped "hide-stopped", "hide", "hide stopped processes", Nothing, always, [List "H"];
        Mute "mute", "mute", "hide from the merged logs", Nothing, one, [List "m"];
        RunAdHoc "run", "run", "run a one-off command (on a pool: as a job)", Rest, connected, [List "n"];
    }

    Logs LogsAction {
        LineUp "line-up", "up", "line up (pauses)", Nothing, always, [Logs "up", Logs "k", List "K"];
        LineDown "line-down", "down", "line down", Nothing, always, [Logs "down", Logs "j", List "J"];
        HalfUp "half-page-up", "half up", "half a page up", Nothing, always, [Logs "ctrl-u", View "ctrl-u"];
        HalfDown "half-page-down", "half down", "half a page down", Nothing, always, [Logs "ctrl-d", View "ctrl-d"];
        PageUp "page-up", "page up", "page up", Nothing, always, [Logs "pageup", View "pageup"];
        PageDown "page-down", "page down", "page down", Nothing, always, [Logs "pagedown", View "pagedown"];
        Top "top", "top", "first line", Nothing, always, [Logs "g", Logs "home"];
        Bottom "bottom", "latest", "last line, follow; back to the terminal", Nothing, always, [Logs "G", Logs "end"];
        Follow "follow", "follow", "toggle following", Nothing, always, [Logs "f"];
        Search "search", "search", "search (regex)", Text, always, [Logs "/", Global "ctrl-f"];
        NextMatch "next-match", "next", "next match", Nothing, searched, [Logs "n"];
        PreviousMatch "previous-match", "previous", "previous match", Nothing, searched, [Logs "N"];
        FilterLines "filter-lines", "filter lines", "show only lines that match (!regex hides them)", Text, always, [Logs "&"];
        NextError "next-error", "next error", "next error", Nothing, always, [Logs "e"];
        PreviousError "previous-error", "previous error", "previous error", Nothing, always, [Logs "E"];
        PreviousRun "previous-run", "previous run", "previous run", Nothing, always, [Logs "{"];
        NextRun "next-run", "next run", "next run", Nothing, always, [Logs "}"];
        Level "level", "level", "set the minimum level", Level, always, [Logs "L"];
        Timestamps "timestamps", "time", "timestamps: off, time, relative, delta", Nothing, always, [Logs "t"];
        Wrap "wrap", "wrap", "wrap long lines", Nothing, always, [Logs "w"];
        ScrollLeft "scroll-left", "left", "scroll left (unless wrapped)", Nothing, always, [Logs "left"];
        ScrollRight "scroll-right", "right", "scroll right (unless wrapped)", Nothing, always, [Logs "right"];
        LineStart "line-start", "start", "scroll to the left edge", Nothing, always, [Logs "0"];
        LineEnd "line-end", "end", "scroll to the right edge", Nothing, always, [Logs "$"];
        Select "select", "select", "select lines; y copies them", Nothing, always, [Logs "v"];
        CopyVisible "copy-visible", "copy page", "copy the visible lines", Nothing, always, [Logs "c"];
        ClearView "clear-view", "clear", "clear the view (nothing is lost)", Nothing, always, [Logs "C"];
        Marker "marker", "marker", "insert a marker", Text, always, [Logs "m"];
        PrettyJson "pretty-json", "json", "format JSON", Nothing, always, [Logs "P"];
        Save "save", "save", "save to a file", Text, always, [Logs "ctrl-s"];
        Pipe "pipe", "pipe", "pipe through a command: pipe CMD", Rest, always, [];
        Pager "pager", "pager", "open in the pager", Nothing, always, [Logs "ctrl-o"];
        CopySelection "copy-selection", "copy", "copy the selection", Nothing, selected, [];
    }

    Terminal TerminalAction {
        Leave "leave-terminal", "leave", "stop typing into the terminal; twice: send this key to it", Nothing, typing, [Typing "ctrl-]"];
        TerminalLog "terminal-log", "log", "switch between terminal and logs", Nothing, terminal, [Process "V"];
    }

    Views ViewsAction {
        Dashboard "dashboard", "dashboard", "processes and logs", Nothing, always, [Global "1"];
        Events "events", "events", "all events, with their causes", Nothing, always, [Global "2"];
        Graph "graph", "graph", "dependency graph", Nothing, always, [Global "3"];
        Stats "stats", "stats", "CPU and memory usage", Nothing, always, [Global "4"];
        FilterView "filter-view", "filter", "filter the view", Text, filterable, [View "/"];
        NextTab "next-tab", "next tab", "next tab", Nothing, always, [Details "]", Details "right", Details "l"];
        PreviousTab "previous-tab", "previous tab", "previous tab", Nothing, always, [Details "[", Details "left", Details "h"];
        ShowEnv "show-env", "show values", "show or hide environment values", Nothing, always, [Details "E"];
    }

    Global GlobalAction {
        Help "help", "help", "help", Nothing, always, [Global "?", Global "f1"];
        Palette "palette", "palette", "palette of all commands", Nothing, always, [Global ":", Global "ctrl-p"];
        NextPane "next-pane", "focus", "next pane", Nothing, always, [Global "tab"];
        PreviousPane "previous-pane", "focus back", "previous pane", Nothing, always, [Global "shift-tab"];
        Back "back", "back", "go back one level", Nothing, always, [Global "esc"];
        Zoom "zoom", "zoom", "show only the focused pane", Nothing, always, [Global "z"];
        Layout "layout", "layout", "layout: by size, side by side, stacked", Nothing, always, [Global "|"];
        Reload "reload", "reload", "reload the file", Nothing, connected, [Global "ctrl-r"];
        Theme "theme", "theme", "choose a theme", Theme, always, [Global "T"];
        Mouse "mouse", "mouse", "toggle the mouse", Nothing, always, [Global "M"];
        Suspend "suspend", "suspend", "suspend the interface only", Nothing, always, [Global "ctrl-z"];
        Redraw "redraw", "redraw", "redraw the screen", Nothing, always, [Global "ctrl-l"];
        Quit "quit", "quit", "quit", Nothing, always, [Global "q"];
        Detach "detach", "detach", "detach; processes keep running", Nothing, always, [Global "D"];
        Interrupt "interrupt", "quit", "quit; again: stop all; a third time: kill all", Nothing, always, [Global "ctrl-c"];
    }
}

/// The action that sends each command to the project.
const _: fn(&ControlCommand) = |command| match command {
    ControlCommand::Start(_) => _ = Action::Start,
    ControlCommand::Stop(_) => _ = Action::Stop,
    ControlCommand::Restart(_) => _ = Action::Restart,
    ControlCommand::Kill(_) => _ = Action::Kill,
    ControlCommand::Signal(_) => _ = Action::Signal,
    ControlCommand::Scale(_) => _ = Action::Scale,
    ControlCommand::Run(_) | ControlCommand::Enqueue(_) => _ = Action::RunAdHoc,
    ControlCommand::Watch(_) => _ = Action::Watch,
    ControlCommand::Send(_) => _ = Action::Send,
    // Not offered: the interface shows the state all the time, and types into a terminal that it shows.
    ControlCommand::Wait(_) | ControlCommand::Keys(_) => {}
};
