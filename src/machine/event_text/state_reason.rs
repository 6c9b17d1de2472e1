//! State reason: a state with its reason, as both follow the name of a process in a sentence.

use std::fmt;

/// The state of a process and its reason, for a sentence: `failed: exit 1 after 8.1s`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateReason<'a> {
    /// The word of the state.
    pub(crate) word: &'static str,
    pub(crate) why: &'a str,
    /// The reason begins with the word of the state: `stopped on request`.
    pub(crate) names_state: bool,
}

impl StateReason<'_> {
    /// What follows the word of the state: `: exit 1 after 8.1s`, ` on request`.
    pub(crate) fn after_word(&self) -> String {
        match self.why.strip_prefix(self.word).filter(|_| self.names_state) {
            Some(rest) => rest.to_owned(),
            None => format!(": {}", self.why),
        }
    }
}

impl fmt::Display for StateReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.word, self.after_word())
    }
}

#[cfg(test)]
mod tests {
    use super::StateReason;

    #[test]
    fn a_state_is_not_repeated_in_its_reason() {
        for (word, why, names_state, expected) in [
            ("running", "running", true, "running"),
            ("ready", "ready: tcp 1 answers", true, "ready: tcp 1 answers"),
            ("failed", "exit 1 after 2s", false, "failed: exit 1 after 2s"),
            ("stopped", "stopped on request", true, "stopped on request"),
            ("stopping", "stopping; killed in 10.0s", true, "stopping; killed in 10.0s"),
            ("starting", "spawning", false, "starting: spawning"),
        ] {
            assert_eq!(StateReason { word, why, names_state }.to_string(), expected);
        }
    }
}
