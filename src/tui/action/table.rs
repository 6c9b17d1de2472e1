//! The table. Keys are written as in the user's file; contexts are those of [`Context`].

use super::apply::{
    always, attachable, connected, declared, filterable, killable, marked, one, one_process,
    ported, restartable, searched, selected, signalable, startable, stoppable, watchable, writable,
};
use super::{Context, Entry, Group, Takes};

macro_rules! actions {
    ($( $action:ident $name:literal, $hint:literal, $words:literal, $group:ident, $takes:ident, $applies:ident, [$($context:ident $key:literal),*]; )*) => {
        /// What the interface can be told to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $( #[doc = concat!("`", $name, "`: ", $words, ".")] $action, )*
        }

        /// All actions, in the order they are shown.
        pub const TABLE: &[Entry] = &[
            $( Entry {
                action: Action::$action,
                name: $name,
                words: $words,
                hint: $hint,
                group: Group::$group,
                takes: Takes::$takes,
                keys: &[$((Context::$context, $key)),*],
                applies: $applies,
            }, )*
        ];
    };
}

actions! {
    // Process.
    Start "start", "start", "start", Process, Names, startable, [Process "s"];
    Stop "stop", "stop", "stop gracefully", Process, Names, stoppable, [Process "x"];
    Kill "kill", "kill", "kill the whole tree (SIGKILL)", Process, Names, killable, [Process "X", Process "ctrl-k"];
    Restart "restart", "restart", "restart (in back-off: retry now)", Process, Names, restartable, [Process "r"];
    RestartTree "restart-tree", "restart tree", "restart, and what depends on it", Process, Names, restartable, [Process "R"];
    Signal "signal", "signal", "send a signal", Process, Signal, signalable, [Process "S"];
    Attach "attach", "attach", "attach to its terminal", Process, Nothing, attachable, [Process "a", Process "i"];
    ScaleUp "scale-up", "one more", "one replica more", Process, Nothing, one_process, [Process "+"];
    ScaleDown "scale-down", "one less", "one replica less", Process, Nothing, one_process, [Process "-"];
    Scale "scale", "scale", "so many replicas: scale NAME N", Process, Scale, connected, [];
    Watch "watch", "watch", "watching of files on or off", Process, Nothing, watchable, [Process "W"];
    Details "details", "details", "details", Process, Name, one, [Process "d"];
    Edit "edit", "edit", "edit where it is declared", Process, Nothing, declared, [List "e", Details "e"];
    Browse "browse", "browse", "open its port in a browser", Process, Nothing, ported, [Process "b"];
    Copy "copy", "copy", "copy menu; the selection in the logs", Process, Nothing, always, [Process "y"];
    Send "send", "send", "a line to its input: send TEXT", Process, Line, writable, [];

    // List.
    Up "up", "up", "up", List, Nothing, always, [List "up", List "k", View "up", View "k"];
    Down "down", "down", "down", List, Nothing, always, [List "down", List "j", View "down", View "j"];
    First "first", "first", "first", List, Nothing, always, [List "g", List "home", View "g", View "home"];
    Last "last", "last", "last", List, Nothing, always, [List "G", List "end", View "G", View "end"];
    Open "open", "logs", "logs of it; a pool: fold and unfold; a view: go there", List, Nothing, always, [List "enter", List "l", List "right", View "enter"];
    Mark "mark", "mark", "mark; two or more are shown merged, and acted on", List, Nothing, one, [List "space"];
    MarkAll "mark-all", "mark all", "mark all that are visible", List, Nothing, always, [List "ctrl-a"];
    Unmark "unmark-all", "unmark", "unmark all", List, Nothing, marked, [List "u"];
    FilterList "filter-list", "filter", "filter the list (regex, !regex, -f fuzzy)", List, Text, always, [List "/"];
    Sort "sort", "sort", "sort by the next column", List, Nothing, always, [List "o"];
    SortReverse "sort-reverse", "reverse", "sort the other way round", List, Nothing, always, [List "O"];
    HideStopped "hide-stopped", "hide", "hide what does not run", List, Nothing, always, [List "H"];
    Mute "mute", "mute", "mute in the merged view", List, Nothing, one, [List "m"];
    RunAdHoc "run", "run", "run a command once; on a pool: as a job of it", List, Rest, connected, [List "n"];

    // Logs.
    LineUp "line-up", "up", "line up (pauses)", Logs, Nothing, always, [Logs "up", Logs "k", List "K"];
    LineDown "line-down", "down", "line down", Logs, Nothing, always, [Logs "down", Logs "j", List "J"];
    HalfUp "half-page-up", "half up", "half a page up", Logs, Nothing, always, [Logs "ctrl-u", View "ctrl-u"];
    HalfDown "half-page-down", "half down", "half a page down", Logs, Nothing, always, [Logs "ctrl-d", View "ctrl-d"];
    PageUp "page-up", "page up", "page up", Logs, Nothing, always, [Logs "pageup", View "pageup"];
    PageDown "page-down", "page down", "page down", Logs, Nothing, always, [Logs "pagedown", View "pagedown"];
    Top "top", "top", "the oldest line", Logs, Nothing, always, [Logs "g", Logs "home"];
    Bottom "bottom", "latest", "the latest line, and follow", Logs, Nothing, always, [Logs "G", Logs "end"];
    Follow "follow", "follow", "follow on or off", Logs, Nothing, always, [Logs "f"];
    Search "search", "search", "search (regex)", Logs, Text, always, [Logs "/", Global "ctrl-f"];
    NextMatch "next-match", "next", "next match", Logs, Nothing, searched, [Logs "n"];
    PreviousMatch "previous-match", "previous", "previous match", Logs, Nothing, searched, [Logs "N"];
    FilterLines "filter-lines", "filter lines", "show only lines that match (!regex hides them)", Logs, Text, always, [Logs "&"];
    NextError "next-error", "next error", "next error", Logs, Nothing, always, [Logs "e"];
    PreviousError "previous-error", "previous error", "previous error", Logs, Nothing, always, [Logs "E"];
    PreviousRun "previous-run", "previous run", "previous run", Logs, Nothing, always, [Logs "{"];
    NextRun "next-run", "next run", "next run", Logs, Nothing, always, [Logs "}"];
    Level "level", "level", "lowest level shown", Logs, Level, always, [Logs "L"];
    Timestamps "timestamps", "time", "timestamps: off, time, relative, delta", Logs, Nothing, always, [Logs "t"];
    Wrap "wrap", "wrap", "wrap long lines", Logs, Nothing, always, [Logs "w"];
    ScrollLeft "scroll-left", "left", "to the left (not wrapped)", Logs, Nothing, always, [Logs "left"];
    ScrollRight "scroll-right", "right", "to the right (not wrapped)", Logs, Nothing, always, [Logs "right"];
    LineStart "line-start", "start", "to the left edge", Logs, Nothing, always, [Logs "0"];
    LineEnd "line-end", "end", "to the right edge", Logs, Nothing, always, [Logs "$"];
    Select "select", "select", "select lines; y copies them", Logs, Nothing, always, [Logs "v"];
    CopyVisible "copy-visible", "copy page", "copy what is visible", Logs, Nothing, always, [Logs "c"];
    ClearView "clear-view", "clear", "clear the view (nothing is lost)", Logs, Nothing, always, [Logs "C"];
    Marker "marker", "marker", "put in a line that marks this moment", Logs, Text, always, [Logs "m"];
    PrettyJson "pretty-json", "json", "lay out JSON", Logs, Nothing, always, [Logs "P"];
    Save "save", "save", "save to a file", Logs, Text, always, [Logs "ctrl-s"];
    Pipe "pipe", "pipe", "pipe through a command: pipe CMD", Logs, Rest, always, [];
    Pager "pager", "pager", "open in the pager", Logs, Nothing, always, [Logs "ctrl-o"];
    CopySelection "copy-selection", "copy", "copy what is selected", Logs, Nothing, selected, [];

    // Views.
    Dashboard "dashboard", "dashboard", "processes and logs", Views, Nothing, always, [Global "1"];
    Events "events", "events", "all events, with their causes", Views, Nothing, always, [Global "2"];
    Graph "graph", "graph", "what depends on what", Views, Nothing, always, [Global "3"];
    Stats "stats", "stats", "use of processor and memory", Views, Nothing, always, [Global "4"];
    FilterView "filter-view", "filter", "filter what the view shows", Views, Text, filterable, [View "/"];
    NextTab "next-tab", "next tab", "next tab", Views, Nothing, always, [Details "]", Details "right", Details "l"];
    PreviousTab "previous-tab", "previous tab", "previous tab", Views, Nothing, always, [Details "[", Details "left", Details "h"];
    ShowEnv "show-env", "show values", "values of the environment shown or hidden", Views, Nothing, always, [Details "E"];

    // Everywhere.
    Help "help", "help", "help", Global, Nothing, always, [Global "?", Global "f1"];
    Palette "palette", "palette", "palette of all commands", Global, Nothing, always, [Global ":", Global "ctrl-p"];
    NextPane "next-pane", "focus", "next pane", Global, Nothing, always, [Global "tab"];
    PreviousPane "previous-pane", "focus back", "previous pane", Global, Nothing, always, [Global "shift-tab"];
    Back "back", "back", "one level back", Global, Nothing, always, [Global "esc"];
    Zoom "zoom", "zoom", "the focused pane alone", Global, Nothing, always, [Global "z"];
    Layout "layout", "layout", "layout: by size, side by side, stacked", Global, Nothing, always, [Global "|"];
    Reload "reload", "reload", "read the file again", Global, Nothing, connected, [Global "ctrl-r"];
    Theme "theme", "theme", "choose a theme", Global, Theme, always, [Global "T"];
    Mouse "mouse", "mouse", "mouse on or off", Global, Nothing, always, [Global "M"];
    Suspend "suspend", "suspend", "suspend the interface; all else goes on", Global, Nothing, always, [Global "ctrl-z"];
    Redraw "redraw", "redraw", "draw everything again", Global, Nothing, always, [Global "ctrl-l"];
    Quit "quit", "quit", "quit", Global, Nothing, always, [Global "q"];
    Detach "detach", "detach", "leave, and let everything run", Global, Nothing, always, [Global "D"];
    Interrupt "interrupt", "quit", "quit; again: stop all; a third time: kill all", Global, Nothing, always, [Global "ctrl-c"];
}
