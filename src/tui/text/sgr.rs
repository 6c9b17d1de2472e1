//! SGR styles in the output of children.

use ratatui::style::{Color, Modifier, Style};

/// Applies the parameters of one sequence: `1;31`, `38;5;9`, `38:2::1:2:3`.
///
/// Hidden text (8) is shown: a log has no secrets from its reader.
pub(super) fn apply(style: &mut Style, params: &str) {
    let mut params = params.split(';');
    while let Some(param) = params.next() {
        // Sub-parameters stay together.
        if let Some((code, rest)) = param.split_once(':') {
            colon(style, code, rest);
            continue;
        }
        match number(param) {
            38 => *style = paint(*style, colour(&mut params), Style::fg),
            48 => *style = paint(*style, colour(&mut params), Style::bg),
            // The colour of the underline, which is not drawn: its parameters are passed over.
            58 => _ = colour(&mut params),
            code => simple(style, code),
        }
    }
}

fn number(param: &str) -> u16 {
    if param.is_empty() { 0 } else { param.parse().unwrap_or(u16::MAX) }
}

fn simple(style: &mut Style, code: u16) {
    let (on, off) = (Style::add_modifier, Style::remove_modifier);
    let set = |style: &mut Style, modifier| *style = on(*style, modifier);
    match code {
        0 => *style = Style::new(),
        1 => set(style, Modifier::BOLD),
        2 => set(style, Modifier::DIM),
        3 => set(style, Modifier::ITALIC),
        4 | 21 => set(style, Modifier::UNDERLINED),
        5 | 6 => set(style, Modifier::SLOW_BLINK),
        7 => set(style, Modifier::REVERSED),
        9 => set(style, Modifier::CROSSED_OUT),
        22 => *style = off(*style, Modifier::BOLD | Modifier::DIM),
        23 => *style = off(*style, Modifier::ITALIC),
        24 => *style = off(*style, Modifier::UNDERLINED),
        25 => *style = off(*style, Modifier::SLOW_BLINK),
        27 => *style = off(*style, Modifier::REVERSED),
        29 => *style = off(*style, Modifier::CROSSED_OUT),
        30..=37 => style.fg = Some(sixteen(code - 30)),
        39 => style.fg = None,
        40..=47 => style.bg = Some(sixteen(code - 40)),
        49 => style.bg = None,
        90..=97 => style.fg = Some(sixteen(code - 90 + 8)),
        100..=107 => style.bg = Some(sixteen(code - 100 + 8)),
        _ => {}
    }
    // What was taken off is not to be taken off what lies below it.
    style.sub_modifier = Modifier::empty();
}

fn paint(style: Style, colour: Option<Color>, set: fn(Style, Color) -> Style) -> Style {
    colour.map_or(style, |colour| set(style, colour))
}

/// `5;N` or `2;R;G;B`.
fn colour<'a>(params: &mut impl Iterator<Item = &'a str>) -> Option<Color> {
    let byte = |params: &mut dyn Iterator<Item = &'a str>| {
        u8::try_from(number(params.next().unwrap_or("x"))).ok()
    };
    match params.next().map(number)? {
        5 => byte(params).map(Color::Indexed),
        2 => {
            let (red, green, blue) = (byte(params), byte(params), byte(params));
            Some(Color::Rgb(red?, green?, blue?))
        }
        _ => None,
    }
}

/// `38:5:N`, `38:2:R:G:B`, `38:2:SPACE:R:G:B`, `4:3`.
fn colon(style: &mut Style, code: &str, rest: &str) {
    let parts: Vec<&str> = rest.split(':').collect();
    let byte = |part: &str| u8::try_from(number(part)).ok();
    let colour = match parts.as_slice() {
        ["5", index, ..] => byte(index).map(Color::Indexed),
        ["2", red, green, blue] | ["2", _, red, green, blue, ..] => {
            match (byte(red), byte(green), byte(blue)) {
                (Some(red), Some(green), Some(blue)) => Some(Color::Rgb(red, green, blue)),
                _ => None,
            }
        }
        _ => None,
    };
    match number(code) {
        38 => *style = paint(*style, colour, Style::fg),
        48 => *style = paint(*style, colour, Style::bg),
        4 if parts.first() == Some(&"0") => simple(style, 24),
        4 => simple(style, 4),
        _ => {}
    }
}

fn sixteen(number: u16) -> Color {
    const COLOURS: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    COLOURS.get(usize::from(number)).copied().unwrap_or(Color::Reset)
}
