//! Terminal: taken over at the start, restored on every exit.

mod input;
mod modes;
mod writer;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Rect, Size};
use ratatui::{TerminalOptions, Viewport};
use tokio::sync::mpsc;

use input::InputReader;
pub use input::TerminalInput;
use writer::TerminalWriter;

/// How long a slow terminal is waited for when it is given back.
const SETTLES: Duration = Duration::from_millis(500);

/// How often what is in its way is thrown away then, and how long is waited after each.
const DISCARDS: u32 = 50;
const DISCARDED: Duration = Duration::from_millis(10);

/// Frames as bytes, taken after each.
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

type TerminalSurface = ratatui::Terminal<CrosstermBackend<FrameBuffer>>;

/// The terminal of this process.
#[derive(Debug)]
pub struct Terminal {
    inner: TerminalSurface,
    bytes: FrameBuffer,
    writer: TerminalWriter,
    reader: InputReader,
    mouse: bool,
}

impl Terminal {
    /// Takes the terminal; what is typed comes through the receiver.
    pub fn take(mouse: bool) -> io::Result<(Self, mpsc::UnboundedReceiver<TerminalInput>)> {
        give_back_on_panic();
        let (sender, inputs) = mpsc::unbounded_channel();
        // `Stdout` of the standard library looks for ends of lines and writes at each of them.
        let out = std::fs::File::from(rustix::io::dup(rustix::stdio::stdout())?);
        let writer = TerminalWriter::start(out)?;
        let size = size();
        let told = modes::take(mouse)?;
        let bytes = FrameBuffer::default();
        let inner = surface(size, &bytes).inspect_err(|_| {
            modes::give_back();
        })?;
        writer.write(told);
        let reader = InputReader::start(sender).inspect_err(|_| modes::give_back_now())?;
        Ok((Self { inner, bytes, writer, reader, mouse }, inputs))
    }

    /// Whether a frame can be drawn: the one before has reached the terminal.
    pub fn is_free(&self) -> bool {
        self.writer.is_idle()
    }

    /// Returns when that may have changed. Cancel safe.
    pub async fn news(&self) {
        self.writer.news().await;
    }

    /// It cannot be written to any more.
    pub fn is_broken(&self) -> bool {
        self.writer.failed().is_some()
    }

    /// How many bytes it has taken.
    pub fn written(&self) -> u64 {
        self.writer.written()
    }

    /// Draws what has changed since the frame before.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.inner.draw(view)?;
        let frame = self.bytes.take();
        if !is_idle_frame(&frame) {
            self.writer.write(frame);
        }
        Ok(())
    }

    /// The next frame is drawn from nothing, in the size the terminal has now: something else may
    /// have written, or it has another size.
    pub fn redraw(&mut self) -> io::Result<Size> {
        let size = size();
        // `ratatui::Terminal::clear` would ask the terminal for its cursor, and wait for the answer.
        self.inner = surface(size, &self.bytes)?;
        self.writer.write(b"\x1b[0m\x1b[2J".to_vec());
        Ok(size)
    }

    /// Writes something that is no part of a frame, such as for the clipboard.
    pub fn tell(&self, bytes: Vec<u8>) {
        self.writer.write(bytes);
    }

    /// Whether the mouse is ours; otherwise the terminal selects with it.
    pub fn set_mouse(&mut self, on: bool) {
        self.mouse = on;
        let told = if on { modes::MOUSE_ON } else { modes::MOUSE_OFF };
        self.writer.write(told.as_bytes().to_vec());
    }

    /// Gives the terminal away, does something with it, and takes it again.
    pub fn lend<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        self.reader.pause();
        self.leave();
        let done = work();
        self.retake()?;
        self.reader.resume();
        Ok(done)
    }

    /// Takes it again after somebody else had it.
    pub fn retake(&mut self) -> io::Result<()> {
        self.writer.write(modes::retake(self.mouse)?);
        self.redraw().map(drop)
    }

    /// Gives it back for good; false when it takes nothing, so that who writes to it would wait.
    pub fn give_back(self) -> bool {
        self.leave()
    }

    fn leave(&self) -> bool {
        if !modes::is_taken() {
            return true;
        }
        self.writer.write(modes::farewell());
        let taken = self.writer.settle(SETTLES);
        for _ in 0..DISCARDS {
            if self.writer.is_idle() {
                break;
            }
            // Then it has to do without the rest of a frame, which is larger than what fits at once.
            modes::discard();
            self.writer.settle(DISCARDED);
        }
        modes::give_back();
        taken
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.leave();
    }
}

/// What the terminal says its size is; at least something to draw on, also where it does not know.
pub fn size() -> Size {
    let told = rustix::termios::tcgetwinsize(rustix::stdio::stdout());
    told.map_or(Size::new(80, 24), |told| Size::new(told.ws_col, told.ws_row))
}

/// A surface of exactly that size: it is told of changes, and never asks.
fn surface(size: Size, bytes: &FrameBuffer) -> io::Result<TerminalSurface> {
    let area = Rect::from((ratatui::layout::Position::ORIGIN, size));
    let options = TerminalOptions { viewport: Viewport::Fixed(area) };
    ratatui::Terminal::with_options(CrosstermBackend::new(bytes.clone()), options)
}

/// A frame in which no cell changed still hides the cursor and sets the colours back.
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

/// A panic is told on the screen as it was before.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            modes::give_back_now();
            tell(panic);
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
