//! Signals by name and number.

use std::fmt;
use std::str::FromStr;

/// A Unix signal, shown and written by its short name: `TERM`, `KILL`, `RTMIN+3`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "control", derive(utoipa::ToSchema), schema(value_type = String, example = "TERM"))]
pub struct Signal(i32);

/// Names and numbers of this platform, from its C library.
const NAMES: &[(&str, i32)] = &[
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("SYS", libc::SIGSYS),
    #[cfg(target_os = "linux")]
    ("STKFLT", libc::SIGSTKFLT),
    #[cfg(target_os = "linux")]
    ("PWR", libc::SIGPWR),
];

impl Signal {
    /// Hang-up.
    pub const HUP: Self = Self(libc::SIGHUP);
    /// Interrupt, as by Ctrl-C.
    pub const INT: Self = Self(libc::SIGINT);
    /// Quit.
    pub const QUIT: Self = Self(libc::SIGQUIT);
    /// Abort, as by `abort()`.
    pub const ABRT: Self = Self(libc::SIGABRT);
    /// Invalid memory access.
    pub const SEGV: Self = Self(libc::SIGSEGV);
    /// The terminal size has changed.
    pub const WINCH: Self = Self(libc::SIGWINCH);
    /// Immediate end; cannot be caught.
    pub const KILL: Self = Self(libc::SIGKILL);
    /// Request to end.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// Continue after a stop.
    pub const CONT: Self = Self(libc::SIGCONT);
    /// Stop until [`Signal::CONT`]; cannot be caught.
    pub const STOP: Self = Self(libc::SIGSTOP);
    /// First user-defined signal.
    pub const USR1: Self = Self(libc::SIGUSR1);
    /// Write to a pipe without readers.
    pub const PIPE: Self = Self(libc::SIGPIPE);
    /// Second user-defined signal.
    pub const USR2: Self = Self(libc::SIGUSR2);

    /// Returns the signal with this number; `None` if it is not in 1 to 64.
    pub fn from_number(number: i32) -> Option<Self> {
        (1..=64).contains(&number).then_some(Self(number))
    }

    /// The platform's number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Returns the names of all signals that have one, for hints and documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

/// The error for an unknown signal name or number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal `{name}`{hint}", name = self.0, hint = self.hint())]
pub struct UnknownSignal(pub String);

impl UnknownSignal {
    /// Returns the nearest known name.
    pub fn nearest(&self) -> Option<&'static str> {
        let upper = self.0.to_ascii_uppercase();
        super::nearest(upper.strip_prefix("SIG").unwrap_or(&upper), Signal::names())
    }

    fn hint(&self) -> String {
        super::suggestion(self.nearest())
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Takes `TERM`, `SIGTERM`, either in any case, or a number.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownSignal(text.to_owned());
        if let Ok(number) = text.parse::<i32>() {
            return Self::from_number(number).ok_or_else(unknown);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(offset) = name.strip_prefix("RTMIN+").and_then(|n| n.parse::<i32>().ok()) {
            return Self::from_number(offset.saturating_add(34)).ok_or_else(unknown);
        }
        NAMES
            .iter()
            .find_map(|(known, number)| (*known == name).then_some(Self(*number)))
            .ok_or_else(unknown)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => f.pad(name),
            None if self.0 >= 34 => write!(f, "RTMIN+{}", self.0 - 34),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{self}")
    }
}

impl serde::Serialize for Signal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Signal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::deserialize_word(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_prefixes_mean_the_same() {
        for text in ["TERM", "SIGTERM", "term", "sigterm", "15"] {
            assert_eq!(text.parse(), Ok(Signal::TERM), "{text}");
        }
        assert_eq!("RTMIN+3".parse::<Signal>().map(Signal::number), Ok(37));
        assert!("TREM".parse::<Signal>().is_err());
        assert!("0".parse::<Signal>().is_err());
        assert!("65".parse::<Signal>().is_err());
        assert!("RTMIN+2147483647".parse::<Signal>().is_err());
    }

    #[test]
    fn every_signal_is_shown_as_text_that_reads_back() {
        for number in 1..=64 {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(signal.to_string().parse(), Ok(signal));
        }
    }
}
