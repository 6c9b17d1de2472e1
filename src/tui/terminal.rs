//! Terminal: set up at the start, restored on every exit.

mod answers;
mod backend;
pub(in crate::tui) mod child_input;
mod input;
mod modes;
mod writer;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Rect, Size};
use ratatui::{TerminalOptions, Viewport};
use tokio::sync::mpsc;

pub use answers::ColorKind;
use backend::SteadyBackend;
use input::InputReader;
pub use input::TerminalInput;
use writer::TerminalWriter;

use crate::terminal::CursorShape;

/// How long restoring waits for a slow terminal.
const RESTORE_TIMEOUT: Duration = Duration::from_millis(500);

/// How often pending output is then discarded, and how long each attempt waits.
const MAX_DISCARDS: u32 = 50;
const DISCARD_INTERVAL: Duration = Duration::from_millis(10);

/// The bytes of a frame.
#[derive(Debug, Default, Clone)]
struct FrameBuffer(Arc<Mutex<Vec<u8>>>);

impl FrameBuffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for FrameBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What terminals show unless a program wants another shape.
const USUAL_SHAPE: (CursorShape, bool) = (CursorShape::Block, false);

type TerminalSurface = ratatui::Terminal<SteadyBackend<FrameBuffer>>;

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    inner: TerminalSurface,
    bytes: FrameBuffer,
    writer: TerminalWriter,
    reader: InputReader,
    mouse: bool,
    /// Keys go to a process.
    is_typing: bool,
    /// Whether the terminal has the keyboard protocol of kitty; `None` if it was not asked.
    has_kitty: Option<bool>,
    /// The shape of the cursor, if it is not the usual one.
    shape: Option<(CursorShape, bool)>,
    has_asked_for_colors: bool,
}

impl Terminal {
    /// Takes over the terminal; the receiver gets its input.
    pub fn take(mouse: bool) -> io::Result<(Self, mpsc::UnboundedReceiver<TerminalInput>)> {
        restore_on_panic();
        let (sender, inputs) = mpsc::unbounded_channel();
        // `Stdout` of the standard library flushes at each end of a line.
        let out = std::fs::File::from(rustix::io::dup(rustix::stdio::stdout())?);
        let writer = TerminalWriter::start(out)?;
        let size = size();
        let setup = modes::enter(mouse)?;
        let bytes = FrameBuffer::default();
        let inner = surface(size, &bytes).inspect_err(|_| {
            modes::leave();
        })?;
        writer.write(setup);
        let reader = InputReader::start(sender).inspect_err(|_| modes::restore_now())?;
        let terminal = Self {
            inner,
            bytes,
            writer,
            reader,
            mouse,
            is_typing: false,
            has_kitty: None,
            shape: None,
            has_asked_for_colors: false,
        };
        Ok((terminal, inputs))
    }

    /// Whether a frame can be drawn: the last one has reached the terminal.
    pub fn is_free(&self) -> bool {
        self.writer.is_idle()
    }

    /// Returns after a write, successful or not. Cancel safe.
    pub async fn news(&self) {
        self.writer.changed().await;
    }

    /// Whether writing has failed.
    pub fn is_broken(&self) -> bool {
        self.writer.failed().is_some()
    }

    /// Number of bytes that were written.
    pub fn written(&self) -> u64 {
        self.writer.written()
    }

    /// Draws the changes since the last frame.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.inner.draw(view)?;
        let frame = self.bytes.take();
        if !is_idle_frame(&frame) {
            self.writer.write(frame);
        }
        Ok(())
    }

    /// Clears the screen, so that the next frame is drawn completely: another program has written to
    /// it, or its size has changed. Returns the size.
    pub fn redraw(&mut self) -> io::Result<Size> {
        let size = size();
        // `ratatui::Terminal::clear` would query the position of the cursor, and wait for the answer.
        self.inner = surface(size, &self.bytes)?;
        self.writer.write(b"\x1b[0m\x1b[2J".to_vec());
        Ok(size)
    }

    /// Writes a sequence that is not part of a frame, such as for the clipboard.
    pub fn tell(&self, bytes: Vec<u8>) {
        self.writer.write(bytes);
    }

    /// Captures the mouse, or leaves it to the terminal, which selects text with it.
    pub fn set_mouse(&mut self, on: bool) {
        self.mouse = on;
        let sequence = if on { modes::MOUSE_ON } else { modes::MOUSE_OFF };
        self.writer.write(sequence.as_bytes().to_vec());
    }

    /// Lets the terminal report keys in full while they go to a process. Only a terminal that has said
    /// that it knows the protocol of kitty is told so; it is asked before the first time.
    pub fn set_typing(&mut self, on: bool) {
        self.is_typing = on;
        match self.has_kitty {
            Some(true) => self.writer.write(modes::set_kitty(on)),
            None if on && self.writer.flush(RESTORE_TIMEOUT) => self.reader.ask_for_kitty(),
            Some(false) | None => {}
        }
    }

    /// Notes the answer of the terminal.
    pub fn set_kitty(&mut self, is_supported: bool) {
        if self.has_kitty.replace(is_supported).is_none() && is_supported && self.is_typing {
            self.writer.write(modes::set_kitty(true));
        }
    }

    /// Asks the terminal for its colours, once; the answers are inputs.
    pub fn ask_for_colors(&mut self) {
        if !std::mem::replace(&mut self.has_asked_for_colors, true) {
            self.reader.expect_answers(answers::NUMBER);
            self.writer.write(answers::QUESTIONS.as_bytes().to_vec());
        }
    }

    /// Gives the cursor the shape that a process wants; `None` for the usual one.
    pub fn set_cursor_shape(&mut self, shape: Option<(CursorShape, bool)>) {
        let shape = shape.filter(|shape| *shape != USUAL_SHAPE);
        if self.shape != shape {
            self.shape = shape;
            self.writer.write(modes::set_cursor_shape(shape));
        }
    }

    /// Restores the terminal for something else to use it, then takes it over again.
    pub fn lend<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        self.reader.pause();
        self.leave();
        let done = work();
        self.retake()?;
        self.reader.resume();
        Ok(done)
    }

    /// Takes over the terminal again after something else used it.
    pub fn retake(&mut self) -> io::Result<()> {
        self.writer.write(modes::enter(self.mouse)?);
        if self.is_typing && self.has_kitty == Some(true) {
            self.writer.write(modes::set_kitty(true));
        }
        self.writer.write(modes::set_cursor_shape(self.shape));
        self.redraw().map(drop)
    }

    /// Restores the terminal; false if it reads nothing, so that every write would block.
    pub fn give_back(self) -> bool {
        self.leave()
    }

    fn leave(&self) -> bool {
        if !modes::is_entered() {
            return true;
        }
        self.writer.write(modes::restore_sequence());
        let is_written = self.writer.flush(RESTORE_TIMEOUT);
        for _ in 0..MAX_DISCARDS {
            if self.writer.is_idle() {
                break;
            }
            // Several times: a frame is larger than the buffer of the terminal.
            modes::discard();
            self.writer.flush(DISCARD_INTERVAL);
        }
        modes::leave();
        is_written
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.leave();
    }
}

/// The size of the terminal, or a usual one if it is unknown.
pub fn size() -> Size {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    size.map_or(Size::new(80, 24), |size| Size::new(size.ws_col, size.ws_row))
}

/// A surface of a fixed size, which never queries the terminal.
fn surface(size: Size, bytes: &FrameBuffer) -> io::Result<TerminalSurface> {
    let area = Rect::from((ratatui::layout::Position::ORIGIN, size));
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    ratatui::Terminal::with_options(SteadyBackend::new(bytes.clone()), options)
}

/// Whether no cell changed in a frame, which then only hides the cursor and resets colours.
fn is_idle_frame(frame: &[u8]) -> bool {
    let mut rest = frame;
    while let Some(after) = rest.strip_prefix(b"\x1b[") {
        let end = after.iter().position(u8::is_ascii_alphabetic);
        let Some((sequence, next)) = end.and_then(|end| after.split_at_checked(end + 1)) else {
            return false;
        };
        match sequence.split_last() {
            Some((b'm', _) | (b'l', b"?25")) => {}
            _ => return false,
        }
        rest = next;
    }
    rest.is_empty()
}

/// Restores the terminal before the message of a panic is printed.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            modes::restore_now();
            default_hook(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(surface: &mut TerminalSurface, bytes: &FrameBuffer, text: &'static str) -> Vec<u8> {
        surface.draw(|frame| frame.render_widget(text, frame.area())).unwrap();
        bytes.take()
    }

    #[test]
    fn a_frame_without_a_change_is_no_byte() {
        let bytes = FrameBuffer::default();
        let mut surface = surface(Size::new(20, 3), &bytes).unwrap();
        assert!(!is_idle_frame(&frame(&mut surface, &bytes, "one")));
        assert!(is_idle_frame(&frame(&mut surface, &bytes, "one")));
        assert!(!is_idle_frame(&frame(&mut surface, &bytes, "two")));
    }

    #[test]
    fn a_surface_of_nothing_is_drawn_on() {
        let bytes = FrameBuffer::default();
        let mut surface = surface(Size::new(0, 0), &bytes).unwrap();
        assert!(is_idle_frame(&frame(&mut surface, &bytes, "one")));
    }
}
