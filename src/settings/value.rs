//! Single values: durations, sizes, addresses, choices. Pure; an error is the rule that is broken, and quotes
//! a value only after it has proved to be a duration or a size.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use toml::de::DeValue;

/// A value, or the rule it breaks.
pub(super) type Checked<T> = Result<T, String>;

/// What a value is, with its article, for "expected …, found …".
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date-time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The complaint about a value of the wrong type.
pub(super) fn wrong_type(expected: &str, value: &DeValue<'_>) -> String {
    format!("expected {expected}, found {}", kind(value))
}

/// Any string.
pub(super) fn string(value: &DeValue<'_>) -> Checked<String> {
    string_like("a string", value).map(str::to_owned)
}

/// A string with something in it.
pub(super) fn non_empty(value: &DeValue<'_>) -> Checked<String> {
    let text = string(value)?;
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text) }
}

fn string_like<'v>(expected: &str, value: &'v DeValue<'_>) -> Checked<&'v str> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(wrong_type(expected, other)),
    }
}

/// A number of things within bounds.
pub(super) fn count(value: &DeValue<'_>, bounds: &RangeInclusive<usize>) -> Checked<usize> {
    let DeValue::Integer(number) = value else { return Err(wrong_type("a number", value)) };
    let count =
        usize::from_str_radix(number.as_str(), number.radix()).map_err(|_| "must be a number".to_owned())?;
    within(count, bounds, |count| count.to_string())
}

/// True or false.
pub(super) fn boolean(value: &DeValue<'_>) -> Checked<bool> {
    match value {
        DeValue::Boolean(value) => Ok(*value),
        other => Err(wrong_type("true or false", other)),
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Checked<T> {
    let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
    let text = string_like(&all, value)?;
    words.iter().find(|(word, _)| *word == text).map(|(_, t)| *t).ok_or(format!("must be {all}"))
}

/// A string, or a list of them, each of which `check` finds good.
pub(super) fn strings(value: &DeValue<'_>, check: impl Fn(&str) -> Checked<()>) -> Checked<Vec<String>> {
    const EXPECTED: &str = "a string or an array of strings";
    let all = match value {
        DeValue::String(text) => vec![text.clone().into_owned()],
        DeValue::Array(values) => {
            let texts = values.iter().map(|value| string_like(EXPECTED, value.get_ref()).map(str::to_owned));
            texts.collect::<Checked<Vec<_>>>()?
        }
        other => return Err(wrong_type(EXPECTED, other)),
    };
    all.iter().try_for_each(|text| check(text))?;
    Ok(all)
}

/// What a duration looks like.
const DURATION: &str = "a duration like \"500ms\", \"30s\" or \"1m 30s\"";

/// A duration like `1m 30s` within bounds.
pub(super) fn duration(value: &DeValue<'_>, bounds: &RangeInclusive<Duration>) -> Checked<Duration> {
    bounded_duration(string_like(DURATION, value)?, bounds)
}

/// The same from text.
pub(super) fn bounded_duration(text: &str, bounds: &RangeInclusive<Duration>) -> Checked<Duration> {
    let duration = parse_duration(text).ok_or(format!("must be {DURATION}"))?;
    within(duration, bounds, show_duration)
}

/// A duration within bounds, or `None` for `auto`.
pub(super) fn duration_or_auto(
    value: &DeValue<'_>,
    bounds: &RangeInclusive<Duration>,
) -> Checked<Option<Duration>> {
    const EXPECTED: &str = "\"auto\" or a duration like \"500ms\", \"30s\" or \"1m 30s\"";
    let text = string_like(EXPECTED, value)?;
    if text == "auto" {
        return Ok(None);
    }
    let duration = parse_duration(text).ok_or(format!("must be {EXPECTED}"))?;
    within(duration, bounds, show_duration).map(Some)
}

/// A size like `64MiB`, or an integer of bytes, within bounds.
pub(super) fn size(value: &DeValue<'_>, bounds: &RangeInclusive<u64>) -> Checked<u64> {
    const EXPECTED: &str = "a size like \"512KiB\", \"64MiB\" or \"1GiB\", or an integer of bytes";
    let bytes = match value {
        DeValue::String(text) => parse_size(text),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        other => return Err(wrong_type(EXPECTED, other)),
    };
    within(bytes.ok_or(format!("must be {EXPECTED}"))?, bounds, show_size)
}

fn within<T: PartialOrd + Copy>(value: T, bounds: &RangeInclusive<T>, show: fn(T) -> String) -> Checked<T> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(format!("must be {} to {}, not {}", show(*bounds.start()), show(*bounds.end()), show(value)))
}

/// Digits and units only: jiff would take `P1DT2H` and `3s ago` too, which nobody expects here.
fn parse_duration(text: &str) -> Option<Duration> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with("ago") {
        return None;
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

fn show_duration(duration: Duration) -> String {
    match SignedDuration::try_from(duration) {
        Ok(signed) => format!("{signed:#}"),
        Err(_) => format!("{duration:?}"), // longer than the age of the universe
    }
}

const UNITS: [(&str, u64); 5] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];

fn parse_size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show_size(bytes: u64) -> String {
    let whole = UNITS
        .iter()
        .rev()
        .find(|(_, factor)| *factor > 1 && bytes >= *factor && bytes.is_multiple_of(*factor));
    match whole {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1m 30s", 90_000),
            ("1h", 3_600_000),
            ("1.5s", 1_500),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "30", "s", "-3s", "3s ago", "P1DT2H", "PT3S", "3 parsecs", "99999999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(show_duration(Duration::from_millis(90_500)), "1m 30s 500ms");
        assert_eq!(show_duration(Duration::from_secs(86_400)), "24h");
    }

    #[test]
    fn sizes_are_binary_and_do_not_overflow() {
        for (text, bytes) in
            [("512KiB", 512 << 10), ("64MiB", 64 << 20), ("1GiB", 1 << 30), ("1 GiB", 1 << 30), ("7B", 7)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "64", "64MB", "64mib", "-1MiB", "1.5MiB", "99999999999999TiB", "1MiB "] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        assert_eq!(show_size(1 << 20), "1MiB");
        assert_eq!(show_size(1000), "1000B");
        assert_eq!(show_size(0), "0B");
    }
}
