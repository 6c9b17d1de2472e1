//! Frames as bytes.
//!
//! Numbers are LEB128. Styles and links stand in tables that grow as they are met, so a run of a
//! known style costs two bytes and its text.

use std::sync::Arc;

use super::frame::{CellRun, ChangedRow, CursorShape, Frame, Modes, Row, ScreenCursor, Version};
use super::size::Size;
use super::style::{Attributes, Color, Rgb, Style, Underline};

/// First byte of a frame; another number is another format.
const FORMAT: u8 = 1;

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end within it.
    #[error("the frame is cut off")]
    Truncated,
    /// They have another format.
    #[error("the frame has an unknown format")]
    Format,
    /// A number is out of its range.
    #[error("the frame holds an invalid value")]
    Invalid,
}

const FULL: u8 = 1;
const TITLE: u8 = 2;
const VISIBLE: u8 = 4;
const BLINKING: u8 = 8;

/// Layout of a run: cells of one column, cells of two, one cell with several characters.
const WIDE: u64 = 1;
const CLUSTER: u64 = 2;

impl Frame {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(FORMAT);
        let flags = [
            (self.full, FULL),
            (self.title.is_some(), TITLE),
            (self.cursor.visible, VISIBLE),
            (self.cursor.blinking, BLINKING),
        ];
        out.push(bits(&flags));
        number(out, self.version.0);
        for value in [self.size.columns(), self.size.rows(), self.cursor.row, self.cursor.column] {
            number(out, value.into());
        }
        out.push(match self.cursor.shape {
            CursorShape::Block => 0,
            CursorShape::Underline => 1,
            CursorShape::Bar => 2,
        });
        let Modes { alternate_screen, mouse, wheel_as_arrows, focus, bracketed_paste } = self.modes;
        out.push(bits(&[
            (alternate_screen, 1),
            (mouse, 2),
            (wheel_as_arrows, 4),
            (focus, 8),
            (bracketed_paste, 16),
        ]));
        if let Some(title) = &self.title {
            string(out, title);
        }
        number(out, self.rows.len() as u64);
        let mut tables = FrameTables::default();
        for ChangedRow { row, content } in &self.rows {
            number(out, u64::from(*row) << 1 | u64::from(content.wrapped));
            number(out, content.runs.len() as u64);
            for run in &content.runs {
                tables.encode(out, run);
            }
        }
    }

    /// Reads a frame that is all of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = FrameBytes(bytes);
        if input.byte()? != FORMAT {
            return Err(DecodeError::Format);
        }
        let flags = input.byte()?;
        let version = Version(input.number()?);
        let (columns, rows) = (input.small()?, input.small()?);
        let size = Size::new(columns, rows);
        let (row, column) = (input.small()?, input.small()?);
        let shape = match input.byte()? {
            0 => CursorShape::Block,
            1 => CursorShape::Underline,
            2 => CursorShape::Bar,
            _ => return Err(DecodeError::Invalid),
        };
        let modes = input.byte()?;
        let has = |bit| modes & bit != 0;
        let modes = Modes {
            alternate_screen: has(1),
            mouse: has(2),
            wheel_as_arrows: has(4),
            focus: has(8),
            bracketed_paste: has(16),
        };
        let title = (flags & TITLE != 0).then(|| input.string().map(str::to_owned)).transpose()?;
        let visible = flags & VISIBLE != 0;
        let cursor = ScreenCursor { row, column, visible, shape, blinking: flags & BLINKING != 0 };
        let count = input.number()?;
        let mut tables = FrameTables::default();
        let mut rows = Vec::new();
        for _ in 0..count {
            let head = input.number()?;
            let row = u16::try_from(head >> 1).map_err(|_| DecodeError::Invalid)?;
            let runs = input.number()?;
            let mut content = Row { runs: Vec::new(), wrapped: head & 1 != 0 };
            for _ in 0..runs {
                content.runs.push(tables.decode(&mut input)?);
            }
            rows.push(ChangedRow { row, content });
        }
        if !input.0.is_empty() {
            return Err(DecodeError::Invalid);
        }
        Ok(Self { version, full: flags & FULL != 0, size, cursor, modes, title, rows })
    }
}

type Look = (Style, Option<Arc<str>>);

/// Styles and links met so far. Number 0 is the default style without a link; the next new number
/// is followed by what it stands for.
#[derive(Default)]
struct FrameTables {
    looks: Vec<Look>,
    /// For writing: places in `looks` by a few bits of what stands there. Of two looks with the
    /// same bits the older one is forgotten and comes again with a new number.
    places: Vec<usize>,
    /// The number of the last look: most runs alternate between few.
    recent: usize,
}

impl FrameTables {
    fn encode(&mut self, out: &mut Vec<u8>, run: &CellRun) {
        let is_cluster = run.cells == 1 && run.text.chars().nth(1).is_some();
        let layout = if run.wide { WIDE } else { 0 } | if is_cluster { CLUSTER } else { 0 };
        let has_look = !run.style.is_default() || run.link.is_some();
        let index = if !has_look {
            0
        } else if self.looks.get(self.recent).is_some_and(|(style, link)| {
            *style == run.style && link.as_deref() == run.link.as_deref()
        }) {
            self.recent + 1
        } else {
            self.find(run)
        };
        number(out, (index as u64) << 2 | layout);
        if index > 0 {
            self.recent = index - 1;
        }
        if index > self.looks.len() {
            look(out, &run.style, run.link.as_deref());
            self.looks.push((run.style, run.link.clone()));
        }
        string(out, &run.text);
    }

    /// The number of a look, which is new if it is one more than there are.
    fn find(&mut self, run: &CellRun) -> usize {
        self.places.resize(PLACES, usize::MAX);
        let new = self.looks.len();
        let Some(place) = self.places.get_mut(bits_of(&run.style)) else { return new + 1 };
        let known = self
            .looks
            .get(*place)
            .filter(|(style, link)| *style == run.style && link.as_deref() == run.link.as_deref());
        if known.is_none() {
            *place = new;
        }
        *place + 1
    }

    fn decode(&mut self, input: &mut FrameBytes<'_>) -> Result<CellRun, DecodeError> {
        let head = input.number()?;
        let index = usize::try_from(head >> 2).map_err(|_| DecodeError::Invalid)?;
        let (style, link) = match index.checked_sub(1) {
            None => (Style::default(), None),
            Some(index) if index < self.looks.len() => {
                self.looks.get(index).cloned().ok_or(DecodeError::Invalid)?
            }
            Some(index) if index == self.looks.len() => {
                let look = input.look()?;
                self.looks.push(look.clone());
                look
            }
            Some(_) => return Err(DecodeError::Invalid),
        };
        let text = input.string()?.to_owned();
        let cells = if head & CLUSTER != 0 { 1 } else { text.chars().count() };
        let cells = u16::try_from(cells).map_err(|_| DecodeError::Invalid)?;
        Ok(CellRun { text, cells, wide: head & WIDE != 0, style, link })
    }
}

/// A power of two.
const PLACES: usize = 256;

/// Bits of a style, below [`PLACES`].
fn bits_of(style: &Style) -> usize {
    let color = |color| match color {
        Color::Default => 0,
        Color::Indexed(index) => 1 << 24 | u64::from(index),
        Color::Rgb(Rgb { red, green, blue }) => {
            u64::from(u32::from_be_bytes([2, red, green, blue]))
        }
    };
    let rest = u64::from(style.attributes.bits()) << 3 | u64::from(style.underline.number());
    let mixed = (color(style.foreground) << 32 ^ color(style.background) ^ rest << 26)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize
}

const FOREGROUND: u8 = 1;
const BACKGROUND: u8 = 2;
const UNDERLINE_COLOR: u8 = 4;
const ATTRIBUTES: u8 = 8;
const UNDERLINE: u8 = 16;
const LINK: u8 = 32;

fn look(out: &mut Vec<u8>, style: &Style, link: Option<&str>) {
    let colors = [
        (style.foreground, FOREGROUND),
        (style.background, BACKGROUND),
        (style.underline_color, UNDERLINE_COLOR),
    ];
    let mut head = bits(&colors.map(|(color, bit)| (color != Color::Default, bit)));
    head |= bits(&[
        (!style.attributes.is_empty(), ATTRIBUTES),
        (style.underline != Underline::None, UNDERLINE),
        (link.is_some(), LINK),
    ]);
    out.push(head);
    for (color, _) in colors {
        match color {
            Color::Default => {}
            Color::Indexed(index) => out.extend([0, index]),
            Color::Rgb(Rgb { red, green, blue }) => out.extend([1, red, green, blue]),
        }
    }
    if !style.attributes.is_empty() {
        out.push(style.attributes.bits());
    }
    if style.underline != Underline::None {
        out.push(style.underline.number());
    }
    if let Some(link) = link {
        string(out, link);
    }
}

fn bits(flags: &[(bool, u8)]) -> u8 {
    flags.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | bit)
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn string(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is left to read.
struct FrameBytes<'a>(&'a [u8]);

impl<'a> FrameBytes<'a> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid)
    }

    fn small(&mut self) -> Result<u16, DecodeError> {
        u16::try_from(self.number()?).map_err(|_| DecodeError::Invalid)
    }

    fn string(&mut self) -> Result<&'a str, DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| DecodeError::Invalid)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        str::from_utf8(text).map_err(|_| DecodeError::Invalid)
    }

    fn color(&mut self, is_set: bool) -> Result<Color, DecodeError> {
        if !is_set {
            return Ok(Color::Default);
        }
        match self.byte()? {
            0 => Ok(Color::Indexed(self.byte()?)),
            1 => Ok(Color::Rgb(Rgb::new(self.byte()?, self.byte()?, self.byte()?))),
            _ => Err(DecodeError::Invalid),
        }
    }

    fn look(&mut self) -> Result<Look, DecodeError> {
        let head = self.byte()?;
        let has = |bit| head & bit != 0;
        let foreground = self.color(has(FOREGROUND))?;
        let background = self.color(has(BACKGROUND))?;
        let underline_color = self.color(has(UNDERLINE_COLOR))?;
        let attributes = if has(ATTRIBUTES) { self.byte()? } else { 0 };
        let underline = if has(UNDERLINE) { self.byte()? } else { 0 };
        let underline = Underline::from_number(underline).ok_or(DecodeError::Invalid)?;
        let link = if has(LINK) { Some(Arc::from(self.string()?)) } else { None };
        let attributes = Attributes::from_bits(attributes);
        Ok((Style { foreground, background, underline_color, underline, attributes }, link))
    }
}
