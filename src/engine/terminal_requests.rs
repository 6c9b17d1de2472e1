//! Requests for the terminals of processes.

use std::sync::Arc;

use super::Engine;
use super::command::KeysRequest;
use super::requests::{AcceptedRequest, RequestError};
use super::terminal::{ProcessTerminal, TerminalInputError, TerminalInputEvent};
use crate::machine::ProcessId;
use crate::spec::nearest;
use crate::sys::Host;
use crate::terminal::key::{KeyEvent, key_names, literal, parse_word};

impl<H: Host> Engine<H> {
    /// Returns the terminal of a process, created if it had no run yet.
    pub(super) fn terminal(
        &mut self,
        name: &str,
    ) -> Result<(ProcessId, Arc<ProcessTerminal>), RequestError> {
        let id = self.resolve_one(name)?;
        if !self.supervisor.has_terminal(id) {
            return Err(RequestError::NoTerminal(name.to_owned()));
        }
        let foreground = self.options.foreground.as_ref();
        if foreground.is_some_and(|(foreground, _)| *foreground == id) {
            return Err(RequestError::OwnTerminal(name.to_owned()));
        }
        Ok((id, self.handle.terminals.get_or_create(id)))
    }

    /// Types into the terminal of a process. Nothing is typed if a word names no key.
    pub(super) fn type_keys(
        &mut self,
        request: KeysRequest,
    ) -> Result<AcceptedRequest, RequestError> {
        let KeysRequest { name, keys, text, paste } = request;
        let input = match (keys.as_slice(), text, paste) {
            (keys @ [_, ..], None, None) => TerminalInputEvent::Keys(parse(keys)?),
            ([], Some(text), None) => TerminalInputEvent::Keys(literal(&text)),
            ([], None, Some(text)) => TerminalInputEvent::Paste(text),
            _ => return Err(RequestError::KeysOrText),
        };
        let (id, terminal) = self.terminal(&name)?;
        terminal.send(input).map_err(|error| match error {
            TerminalInputError::NotRunning => RequestError::NoKeyReader(name),
            TerminalInputError::Full => RequestError::UnreadKeys(name),
        })?;
        Ok(self.accept(vec![id]))
    }
}

fn parse(words: &[String]) -> Result<Vec<KeyEvent>, RequestError> {
    let mut events = Vec::new();
    for word in words {
        let keys = parse_word(word).map_err(|error| {
            let hint = nearest(&error.name, key_names());
            let hint = hint.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            RequestError::UnknownKey(format!("{error}{hint}"))
        })?;
        events.extend(keys);
    }
    Ok(events)
}
