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

/// Lists all items, with a word before the last one: `a`, `a or b`, `a, b or c`.
pub(crate) fn list_with(word: &str, items: &[impl fmt::Display]) -> String {
    match items.split_last() {
        Some((last, [])) => last.to_string(),
        Some((last, rest)) => format!("{} {word} {last}", first_of(rest, usize::MAX)),
        None => String::new(),
    }
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
pub fn io_error_text(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error.to_string();
    match system_error_code(error) {
        Some(code) => text.replace(&format!(" (os error {code})"), ""),
        None => text,
    }
}

fn system_error_code(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let Some(io_error) = error.downcast_ref::<std::io::Error>() else {
        return system_error_code(error.source()?);
    };
    io_error.raw_os_error().or_else(|| system_error_code(io_error.get_ref()?))
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

/// Formats the time left until a deadline in whole seconds: `0s`, `8s`, `1m 30s`.
pub fn format_time_left(left: Duration) -> String {
    match left.as_secs() + u64::from(left.subsec_nanos() > 0) {
        0 => "0s".to_owned(),
        seconds => format_limit(Duration::from_secs(seconds)),
    }
}

/// Formats an age in its largest unit: `12s`, `3m`, `4h`, `2d`.
pub fn format_age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_left_is_rounded_up_and_an_age_down() {
        let left = [0, 1, 8_000, 89_001].map(|ms| format_time_left(Duration::from_millis(ms)));
        assert_eq!(left, ["0s", "1s", "8s", "1m 30s"]);
        let age = [59, 3599, 3600, 172_800].map(|s| format_age(Duration::from_secs(s)));
        assert_eq!(age, ["59s", "59m", "1h", "2d"]);
    }

    #[test]
    fn a_list_has_a_word_before_its_last_item() {
        let lists = [&["a"][..], &["a", "b"], &["a", "b", "c"]].map(|list| list_with("or", list));
        assert_eq!(lists, ["a", "a or b", "a, b or c"]);
    }

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
