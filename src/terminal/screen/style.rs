//! Colours and attributes of cells.

use serde::{Deserialize, Serialize};

/// A colour as red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rgb {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
}

impl Rgb {
    /// A colour of its three parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Whether text on this colour should be light.
    pub fn is_dark(self) -> bool {
        // Rec. 601 luma, times 1000.
        let luma =
            299 * u32::from(self.red) + 587 * u32::from(self.green) + 114 * u32::from(self.blue);
        luma < 128 * 1000
    }
}

/// Colour of text or background. In JSON: `null`, a palette index, or `"#rrggbb"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Color {
    /// The terminal's own.
    #[default]
    Default,
    /// One of the palette's 256.
    Indexed(u8),
    /// An exact one.
    Rgb(Rgb),
}

/// In JSON: `"#rrggbb"`.
impl Serialize for Rgb {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { red, green, blue } = self;
        serializer.collect_str(&format_args!("#{red:02x}{green:02x}{blue:02x}"))
    }
}

impl<'de> Deserialize<'de> for Rgb {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] =
            number.ok_or_else(|| serde::de::Error::custom("a colour is #rrggbb"))?.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

/// How text is underlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Underline {
    /// Not at all.
    #[default]
    None,
    /// One line.
    Single,
    /// Two lines.
    Double,
    /// A wave.
    Curly,
    /// Dots.
    Dotted,
    /// Dashes.
    Dashed,
}

impl Underline {
    /// Number in `SGR 4:N`, 0 to 5.
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Single => 1,
            Self::Double => 2,
            Self::Curly => 3,
            Self::Dotted => 4,
            Self::Dashed => 5,
        }
    }

    /// The kind with this number in `SGR 4:N`.
    pub fn from_number(number: u8) -> Option<Self> {
        let kinds =
            [Self::None, Self::Single, Self::Double, Self::Curly, Self::Dotted, Self::Dashed];
        kinds.get(usize::from(number)).copied()
    }
}

/// A set of text attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attributes(u8);

impl Attributes {
    /// Bold.
    pub const BOLD: Self = Self(1);
    /// Faint.
    pub const DIM: Self = Self(2);
    /// Italic.
    pub const ITALIC: Self = Self(4);
    /// Text and background swapped.
    pub const INVERSE: Self = Self(8);
    /// Text not shown.
    pub const HIDDEN: Self = Self(16);
    /// Crossed out.
    pub const STRIKE: Self = Self(32);

    /// Name, attribute and SGR number of each.
    pub(super) const ALL: [(&'static str, Self, u8); 6] = [
        ("bold", Self::BOLD, 1),
        ("dim", Self::DIM, 2),
        ("italic", Self::ITALIC, 3),
        ("inverse", Self::INVERSE, 7),
        ("hidden", Self::HIDDEN, 8),
        ("strike", Self::STRIKE, 9),
    ];

    /// Whether all of `other` are in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set and `other`.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as bits.
    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits; unknown ones are dropped.
    pub(super) fn from_bits(bits: u8) -> Self {
        Self(bits & 63)
    }
}

/// In JSON: a list of names.
impl Serialize for Attributes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let set = Self::ALL.iter().filter(|(_, attribute, _)| self.contains(*attribute));
        serializer.collect_seq(set.map(|(name, _, _)| name))
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let mut set = Self::default();
        for name in names {
            let known = Self::ALL.iter().find(|(known, _, _)| *known == name);
            let (_, attribute, _) = known
                .ok_or_else(|| serde::de::Error::custom(format!("no such attribute {name:?}")))?;
            set = set.with(*attribute);
        }
        Ok(set)
    }
}

/// Look of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    /// Colour of the text.
    #[serde(skip_serializing_if = "is_default")]
    pub foreground: Color,
    /// Colour behind it.
    #[serde(skip_serializing_if = "is_default")]
    pub background: Color,
    /// Colour of the underline; the text's if default.
    #[serde(skip_serializing_if = "is_default")]
    pub underline_color: Color,
    /// Kind of underline.
    #[serde(skip_serializing_if = "is_default")]
    pub underline: Underline,
    /// Bold and the like.
    #[serde(skip_serializing_if = "is_default")]
    pub attributes: Attributes,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Style {
    /// Whether it is the look of a cell that nothing was written to.
    pub fn is_default(&self) -> bool {
        is_default(self)
    }
}
