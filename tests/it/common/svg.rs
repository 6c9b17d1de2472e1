//! Renders a screen as SVG: text in a grid, without embedded fonts or external resources.

use std::fmt::Write as _;

/// Size of one character.
const CELL: (f32, f32) = (8.4, 18.0);
const TEXT: &str = "#d0d4dc";
const GROUND: &str = "#1b1e25";

/// The sixteen colours of the picture.
const COLOURS: [&str; 16] = [
    "#1b1e25", "#e06c75", "#7ec07a", "#d9b36a", "#6ea8e6", "#c388d6", "#62b8bd", "#c3c8d2",
    "#666d7a", "#ef8891", "#98d594", "#ebca86", "#8dbff2", "#d6a3e6", "#82cfd3", "#f0f2f6",
];

/// Draws a screen.
pub fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f32::from(columns) * CELL.0 + 16.0, f32::from(rows) * CELL.1 + 16.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(cell) = screen.cell(row, column) else { break };
            let (style, start, mut text) = (Style::of(cell), column, String::new());
            // Characters that the font may draw in another width stand alone.
            while let Some(next) = screen.cell(row, column).filter(|one| Style::of(one) == style) {
                let symbol = if next.has_contents() { next.contents() } else { " " };
                if !next.is_wide_continuation() {
                    text.push_str(symbol);
                }
                column += 1;
                if !symbol.is_ascii() || !ascii_follows(screen, row, column) {
                    break;
                }
            }
            part(&mut svg, &style, (row, start, column - start), &text);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn ascii_follows(screen: &vt100::Screen, row: u16, column: u16) -> bool {
    screen.cell(row, column).is_some_and(|cell| cell.contents().is_ascii())
}

fn part(svg: &mut String, style: &Style, at: (u16, u16, u16), text: &str) {
    let (row, column, columns) = at;
    let (x, y) = (f32::from(column) * CELL.0 + 8.0, f32::from(row) * CELL.1 + 8.0);
    let width = f32::from(columns) * CELL.0;
    if let Some(ground) = &style.ground {
        let height = CELL.1;
        _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{ground}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut more = String::new();
    if style.bold {
        more.push_str(" font-weight=\"bold\"");
    }
    if style.italic {
        more.push_str(" font-style=\"italic\"");
    }
    if style.underline {
        more.push_str(" text-decoration=\"underline\"");
    }
    if style.dim {
        more.push_str(" opacity=\"0.6\"");
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\" textLength=\"{width:.1}\" \
         xml:space=\"preserve\"{more}>{escaped}</text>",
        y + 13.5,
        style.text,
    );
}

#[derive(PartialEq)]
struct Style {
    text: String,
    ground: Option<String>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

impl Style {
    fn of(cell: &vt100::Cell) -> Self {
        let (text, ground) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        let (text, ground) = if cell.inverse() {
            (ground.or(Some(GROUND.to_owned())), text.or(Some(TEXT.to_owned())))
        } else {
            (text, ground)
        };
        Self {
            text: text.unwrap_or_else(|| TEXT.to_owned()),
            ground,
            bold: cell.bold(),
            dim: cell.dim(),
            italic: cell.italic(),
            underline: cell.underline(),
        }
    }
}

/// Nothing for the usual one.
fn colour(colour: vt100::Color) -> Option<String> {
    match colour {
        vt100::Color::Default => None,
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        vt100::Color::Idx(index @ 0..16) => Some(COLOURS[usize::from(index)].to_owned()),
        // Six steps each of red, green and blue.
        vt100::Color::Idx(index @ 16..232) => {
            let step = |part: u8| if part == 0 { 0 } else { 55 + part * 40 };
            let cube = index - 16;
            let (red, green, blue) = (step(cube / 36), step(cube / 6 % 6), step(cube % 6));
            Some(format!("#{red:02x}{green:02x}{blue:02x}"))
        }
        vt100::Color::Idx(index) => {
            let grey = (index - 232) * 10 + 8;
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
    }
}
