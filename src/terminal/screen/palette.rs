//! Colours that queries are answered with.

use serde::{Deserialize, Serialize};

use super::style::Rgb;

/// The colours of the terminal that shows the screen, which the child can ask for (OSC 4, 10, 11,
/// 12 and `CSI ? 996 n`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Palette {
    /// Default colour of text.
    pub foreground: Rgb,
    /// Default colour behind it.
    pub background: Rgb,
    /// Colour of the cursor.
    pub cursor: Rgb,
    /// The first 16 of the 256 colours; the others are the same in every terminal.
    pub ansi: [Rgb; 16],
}

/// xterm's colours on black.
impl Default for Palette {
    fn default() -> Self {
        let ansi = [
            (0x00, 0x00, 0x00),
            (0xcd, 0x00, 0x00),
            (0x00, 0xcd, 0x00),
            (0xcd, 0xcd, 0x00),
            (0x00, 0x00, 0xee),
            (0xcd, 0x00, 0xcd),
            (0x00, 0xcd, 0xcd),
            (0xe5, 0xe5, 0xe5),
            (0x7f, 0x7f, 0x7f),
            (0xff, 0x00, 0x00),
            (0x00, 0xff, 0x00),
            (0xff, 0xff, 0x00),
            (0x5c, 0x5c, 0xff),
            (0xff, 0x00, 0xff),
            (0x00, 0xff, 0xff),
            (0xff, 0xff, 0xff),
        ];
        Self {
            foreground: Rgb::new(0xe5, 0xe5, 0xe5),
            background: Rgb::new(0x00, 0x00, 0x00),
            cursor: Rgb::new(0xe5, 0xe5, 0xe5),
            ansi: ansi.map(|(red, green, blue)| Rgb::new(red, green, blue)),
        }
    }
}

impl Palette {
    /// The colour with this index of the 256.
    pub fn indexed(&self, index: u8) -> Rgb {
        match index {
            0..=15 => self.ansi.get(usize::from(index)).copied().unwrap_or_default(),
            16..=231 => {
                let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
                let index = index - 16;
                Rgb::new(step(index / 36), step(index / 6 % 6), step(index % 6))
            }
            232..=255 => {
                let grey = 8 + 10 * (index - 232);
                Rgb::new(grey, grey, grey)
            }
        }
    }
}
