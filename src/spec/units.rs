//! Parser of durations and sizes in files and on the command line.

use std::time::Duration;

/// The error for an invalid duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnitError {
    pub message: String,
    pub hint: String,
}

/// Units of time, longest first; a number with a smaller one follows a number with a larger one.
const TIMES: &[(&str, f64)] =
    &[("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];

/// Units of size. Powers of 1000 are not supported, to avoid confusion.
const SIZES: &[(&str, u64)] =
    &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// The maximum duration in seconds, ten years, so that sums of a few never overflow.
const MAX_SECONDS: f64 = 3_650.0 * 86_400.0;

/// The syntax of [`parse_duration`] as a regular expression for the schema.
pub(crate) const DURATION_PATTERN: &str = r"^(?=.*\d)(\d+(\.\d+)?d *)?(\d+(\.\d+)?h *)?(\d+(\.\d+)?m *)?(\d+(\.\d+)?s *)?(\d+(\.\d+)?ms)?$";

/// The syntax of [`parse_size`] as a regular expression for the schema.
pub(crate) const SIZE_PATTERN: &str = r"^\d+(\.\d+)? ?(B|KiB|MiB|GiB|TiB)$";

/// Reads a duration such as `300ms`, `10s`, `1.5h` or `1m 30s`: numbers with the units `d`, `h`,
/// `m`, `s`, `ms`, longest first.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let error = |hint: &str| UnitError {
        message: format!("`{text}` is not a duration"),
        hint: hint.to_owned(),
    };
    let example = r#"write it like "300ms", "10s" or "1m 30s""#;
    let mut seconds = 0.0;
    let mut units = TIMES.iter();
    let mut rest = text;
    loop {
        let (number, after) = split_number(rest).ok_or_else(|| error(example))?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).unwrap_or((after, ""));
        if unit.is_empty() {
            let is_apart = after.trim_start().starts_with(|c: char| c.is_ascii_alphabetic());
            return Err(error(if is_apart {
                "write the unit directly after the number; units are d, h, m, s, ms"
            } else {
                r#"add the unit, such as "10s" or "10ms""#
            }));
        }
        if !TIMES.iter().any(|(known, _)| *known == unit) {
            return Err(error("units are d, h, m, s, ms"));
        }
        let Some((_, factor)) = units.find(|(known, _)| *known == unit) else {
            return Err(error("each unit can be used once, the longest first"));
        };
        seconds += number * factor;
        rest = after.trim_start_matches(' ');
        if rest.is_empty() {
            break;
        }
    }
    if seconds > MAX_SECONDS {
        return Err(error("the maximum is ten years (3650d)"));
    }
    // Rounded to whole microseconds: "0.3s" is exactly 300 ms.
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// Reads a size such as `512B`, `64KiB` or `1.5GiB`, in bytes. The unit is required.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let error = |hint: String| UnitError { message: format!("`{text}` is not a size"), hint };
    let example = || r#"write it like "512B", "64KiB" or "10MiB""#.to_owned();
    let (number, unit) = split_number(text).ok_or_else(|| error(example()))?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let Some((_, factor)) = SIZES.iter().find(|(known, _)| *known == unit) else {
        let initial = |unit: &str| unit.chars().next().map(|c| c.to_ascii_uppercase());
        let similar = SIZES.iter().find(|(known, _)| initial(known) == initial(unit));
        let hint = similar.map(|(known, _)| format!("did you mean `{known}`?"));
        return Err(error(hint.unwrap_or_else(example)));
    };
    let bytes = number * *factor as f64;
    if bytes > (1_u64 << 53) as f64 {
        return Err(error("the maximum is 8192TiB".to_owned()));
    }
    Ok(bytes.round() as u64)
}

/// Splits a decimal number off the start.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    // At most one dot, with digits on both sides.
    let is_valid = number.split('.').count() <= 2 && number.split('.').all(|part| !part.is_empty());
    if is_valid { Some((number.parse().ok()?, rest)) } else { None }
}

/// Durations as whole milliseconds in JSON.
pub(crate) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units_longest_first() {
        for (text, milliseconds) in [
            ("300ms", 300),
            ("10s", 10_000),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            ("1d 2h 3m 4s 5ms", 93_784_005),
            ("0s", 0),
            ("0.3s", 300),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in [
            "", " ", "10", "s", "10x", "-1s", "1s 1m", "1s 1s", "1.s", ".5s", "1e3s", " 1s",
            "4000d", "1m,30s", "PT5S", "٣s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_say_their_unit() {
        for (text, bytes) in
            [("512B", 512), ("64KiB", 65_536), ("10 MiB", 10 << 20), ("1.5GiB", 3 << 29), ("0B", 0)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "1000", "MiB", "-1B", "1KB", "1kib", "9999999TiB", "1  MiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(parse_size("10MB").unwrap_err().hint, "did you mean `MiB`?");
    }

    #[test]
    fn the_patterns_of_the_schema_take_what_the_readers_take() {
        let size = regex::Regex::new(SIZE_PATTERN).unwrap();
        assert!(size.is_match("64KiB") && !size.is_match("64"));
        // The look-ahead only refuses the empty text, which `regex` cannot say.
        let duration = regex::Regex::new(&DURATION_PATTERN.replace(r"(?=.*\d)", "")).unwrap();
        for text in ["300ms", "10s", "1m 30s", "1m30s", "1.5h", "1d 2h 3m 4s 5ms"] {
            assert!(duration.is_match(text), "{text}");
        }
        assert!(!duration.is_match("1s 1m") && !duration.is_match("10"));
    }
}
