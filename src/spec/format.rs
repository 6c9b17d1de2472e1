//! Formatting of numbers, sizes and durations for users.

use std::fmt;
use std::time::Duration;

/// Formats a number with its digits in groups: `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number and its noun, which is given in the singular: `1 retry`, `2 retries`, `1,234 lines`.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = match noun.strip_suffix('y') {
        _ if number == 1 => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with('s') => format!("{noun}es"),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", thousands(number))
}

/// Lists the first `limit` items, and counts the others: `a, b and 12 more`.
pub(crate) fn first_of<T: fmt::Display>(
    items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    limit: usize,
) -> String {
    let items = items.into_iter();
    let more = items.len().saturating_sub(limit);
    let listed: Vec<String> = items.take(limit).map(|item| item.to_string()).collect();
    format!("{}{}", listed.join(", "), and_more(more as u64))
}

/// Returns the end of a list that is not shown completely: ` and 12 more`; empty if it is.
pub(crate) fn and_more(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" and {} more", thousands(count)) }
}

/// Returns the message of an error of the system, without the `(os error 2)` that std appends.
pub fn io_error_text(error: &dyn std::error::Error) -> String {
    error.to_string().split(" (os error ").next().unwrap_or_default().to_owned()
}

/// Formats a size in a few characters, for a table: `84M`, `1.3G`.
pub fn format_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "K", "M", "G", "T", "P"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 999.5 && unit + 1 < UNITS.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    let digits = usize::from(unit > 0 && size < 9.95);
    format!("{size:.digits$}{}", UNITS.get(unit).copied().unwrap_or_default())
}

/// Formats a measured duration: `350ms`, `8.1s`, `2m 5s`, `3h 12m`.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        _ => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Formats a configured duration: like [`format_duration`], but whole seconds without a fraction: `20s`.
pub fn format_limit(limit: Duration) -> String {
    match limit.as_secs() {
        seconds @ 1..60 if limit.subsec_nanos() == 0 => format!("{seconds}s"),
        _ => format_duration(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let shown = [0, 999, 1000, 56_789, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "56,789", "1,234,567"]);
    }

    #[test]
    fn a_long_list_shows_its_first_items_and_the_number_of_others() {
        assert_eq!(first_of(["a", "b"], 2), "a, b");
        assert_eq!(first_of(0..1_234, 2), "0, 1 and 1,232 more");
        assert_eq!(first_of([""; 0], 2), "");
    }

    #[test]
    fn an_error_of_the_system_is_shown_without_its_number() {
        let missing = std::io::Error::from_raw_os_error(2);
        assert_eq!(io_error_text(&missing), "No such file or directory");
        assert_eq!(io_error_text(&std::io::Error::other("it is full")), "it is full");
    }

    #[test]
    fn one_of_something_is_no_plural() {
        let shown = [1, 2].map(|number| {
            ["retry", "day", "process", "miss", "pool"].map(|noun| counted(number, noun))
        });
        assert_eq!(shown[0], ["1 retry", "1 day", "1 process", "1 miss", "1 pool"]);
        assert_eq!(shown[1], ["2 retries", "2 days", "2 processes", "2 misses", "2 pools"]);
        assert_eq!(
            [counted(0_u32, "job"), counted(1_234_usize, "line")],
            ["0 jobs", "1,234 lines"]
        );
    }

    #[test]
    fn a_size_has_three_figures() {
        let shown = [0, 999, 1_000, 1 << 20, 88 << 20, 1_395_864_371, u64::MAX].map(format_size);
        assert_eq!(shown, ["0B", "999B", "1.0K", "1.0M", "88M", "1.3G", "16384P"]);
    }

    #[test]
    fn a_limit_shows_no_fraction_it_has_not() {
        let shown = [500, 1_500, 20_000, 90_000].map(|ms| format_limit(Duration::from_millis(ms)));
        assert_eq!(shown, ["500ms", "1.5s", "20s", "1m 30s"]);
    }
}
