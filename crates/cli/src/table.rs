//! Tables and times for people.

use std::fmt::Write;

use time::OffsetDateTime;

/// Returns rows as a text with columns of the same width.
pub(crate) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..COLUMNS).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Returns a day and a time of it in UTC.
pub(crate) fn date(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000);
    let Ok(time) = OffsetDateTime::from_unix_timestamp(seconds) else {
        return if seconds < 0 { "long ago" } else { "far ahead" }.to_owned();
    };
    let month = u8::from(time.month());
    format!("{:04}-{month:02}-{:02} {:02}:{:02}Z", time.year(), time.day(), time.hour(), time.minute())
}
