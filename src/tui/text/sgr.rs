//! SGR styles in the output of processes.

use ratatui::style::{Color, Modifier, Style};

/// Applies the parameters of one sequence: `1;31`, `38;5;9`, `38:2::1:2:3`.
///
/// Hidden text (8) is shown: a log hides nothing from its reader.
pub(super) fn apply(style: &mut Style, params: &str) {
    let mut params = params.split(';');
    while let Some(param) = params.next() {
        if let Some((code, rest)) = param.split_once(':') {
            colon(style, code, rest);
            continue;
        }
        match number(param) {
            38 => style.fg = colour(&mut params).or(style.fg),
            48 => style.bg = colour(&mut params).or(style.bg),
            // The colour of the underline, which is not drawn.
            58 => _ = colour(&mut params),
            code => simple(style, code),
        }
    }
}

fn number(param: &str) -> u16 {
    if param.is_empty() { 0 } else { param.parse().unwrap_or(u16::MAX) }
}

/// Applies a code without parameters. A modifier that ends is not added to `sub_modifier`, which
/// would remove it from the style below too.
fn simple(style: &mut Style, code: u16) {
    match code {
        0 => *style = Style::new(),
        1 => style.add_modifier |= Modifier::BOLD,
        2 => style.add_modifier |= Modifier::DIM,
        3 => style.add_modifier |= Modifier::ITALIC,
        4 | 21 => style.add_modifier |= Modifier::UNDERLINED,
        5 | 6 => style.add_modifier |= Modifier::SLOW_BLINK,
        7 => style.add_modifier |= Modifier::REVERSED,
        9 => style.add_modifier |= Modifier::CROSSED_OUT,
        22 => style.add_modifier -= Modifier::BOLD | Modifier::DIM,
        23 => style.add_modifier -= Modifier::ITALIC,
        24 => style.add_modifier -= Modifier::UNDERLINED,
        25 => style.add_modifier -= Modifier::SLOW_BLINK,
        27 => style.add_modifier -= Modifier::REVERSED,
        29 => style.add_modifier -= Modifier::CROSSED_OUT,
        30..=37 => style.fg = Some(sixteen(code - 30)),
        39 => style.fg = None,
        40..=47 => style.bg = Some(sixteen(code - 40)),
        49 => style.bg = None,
        90..=97 => style.fg = Some(sixteen(code - 90 + 8)),
        100..=107 => style.bg = Some(sixteen(code - 100 + 8)),
        _ => {}
    }
}

/// `5;N` or `2;R;G;B`.
fn colour<'a>(params: &mut impl Iterator<Item = &'a str>) -> Option<Color> {
    let byte =
        |params: &mut dyn Iterator<Item = &'a str>| u8::try_from(number(params.next()?)).ok();
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
            let rgb = byte(red).zip(byte(green)).zip(byte(blue));
            rgb.map(|((red, green), blue)| Color::Rgb(red, green, blue))
        }
        _ => None,
    };
    match number(code) {
        38 => style.fg = colour.or(style.fg),
        48 => style.bg = colour.or(style.bg),
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
