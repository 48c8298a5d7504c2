//! Lists on standard output: a table with column heads for people, JSON for programs.

use serde::Serialize;

use super::print_line;

/// The form of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Columns with heads, for people.
    Table,
    /// One JSON document, in the form of the API for operators.
    Json,
}

impl Form {
    /// Returns the form that the option `--json` chooses.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Table }
    }
}

/// A list of `N` columns that is written page by page.
pub(super) struct List<const N: usize> {
    form: Form,
    /// Name of the member in the JSON document.
    member: &'static str,
    column_heads: [&'static str; N],
    widths: [usize; N],
    items: usize,
}

impl<const N: usize> List<N> {
    /// Begins a list. If the list stays empty, its column heads are printed all the same.
    pub(super) fn begin(form: Form, member: &'static str, column_heads: [&'static str; N]) -> Self {
        Self { form, member, column_heads, widths: column_heads.map(str::len), items: 0 }
    }

    /// Prints items. `cells` returns the content of the columns.
    pub(super) fn page<T: Serialize>(&mut self, items: &[T], cells: impl Fn(&T) -> [String; N]) -> Result<(), String> {
        match self.form {
            Form::Table => {
                let rows: Vec<[String; N]> =
                    items.iter().map(|item| cells(item).map(|cell| printable(&cell))).collect();
                for (width, at) in self.widths.iter_mut().zip(0..) {
                    let cells = rows.iter().filter_map(|row| row.get(at));
                    *width = cells.map(|cell| cell.chars().count()).fold(*width, usize::max);
                }
                if self.items == 0 && !items.is_empty() {
                    print_line(&line(&self.column_heads, &self.widths))?;
                }
                for row in &rows {
                    print_line(&line(row, &self.widths))?;
                }
            }
            Form::Json => {
                for (item, number) in items.iter().zip(self.items..) {
                    let item = serde_json::to_string(item).map_err(|error| error.to_string())?;
                    let begin = if number == 0 { format!("{{\"{}\":[\n", self.member) } else { ",\n".to_owned() };
                    super::write(&format!("{begin}{item}"))?;
                }
            }
        }
        self.items += items.len();
        Ok(())
    }

    /// Ends the list.
    pub(super) fn end(self) -> Result<(), String> {
        match (self.form, self.items) {
            (Form::Table, 0) => print_line(&line(&self.column_heads, &self.widths)),
            (Form::Table, _) => Ok(()),
            (Form::Json, 0) => print_line(&format!("{{\"{}\":[]}}", self.member)),
            (Form::Json, _) => print_line("\n]}"),
        }
    }
}

fn line<T: AsRef<str>>(cells: &[T], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &width) in cells.iter().zip(widths) {
        line.push_str(&format!("{:<width$}  ", cell.as_ref()));
    }
    line.truncate(line.trim_end().len());
    line
}

/// Escapes characters that could control a terminal. A device chooses its name itself.
fn printable(text: &str) -> String {
    let mut quoted = format!("{text:?}");
    quoted.pop();
    quoted.remove(0);
    quoted.replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(line(&["ACCOUNT", "DEVICES"], &[9, 7]), "ACCOUNT    DEVICES");
        assert_eq!(line(&["zoë@a.org", "1"], &[9, 7]), "zoë@a.org  1");
    }

    #[test]
    fn a_terminal_is_sent_no_control_character() {
        assert_eq!(printable("a \"phone\" of O'Neil, ÄÖ"), "a \"phone\" of O'Neil, ÄÖ");
        let hostile = printable("\u{1b}[2J\n\t\u{202e}");
        assert!(hostile.is_ascii() && !hostile.contains(char::is_control), "{hostile}");
    }
}
