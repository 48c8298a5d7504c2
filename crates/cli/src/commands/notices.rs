//! The events of the account, which other devices or an operator caused: `pims notices`.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Nothing, Prepared};
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::table::{date, table};

const API: &str = "pims.authentication.notices";

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    notices: Vec<Notice<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    at: i64,
    #[serde(borrow)]
    device_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// Lists the events, the newest first.
pub(super) fn run(prepared: &Prepared, style: Style) -> Result<(), Failure> {
    let answer = prepared.open()?.get(API, &Nothing {})?;
    let notices = answer.result::<List<'_>>().map(|list| list.notices).unwrap_or_default();
    let text = if notices.is_empty() { "the account has no notices".to_owned() } else { table(&rows(&notices)) };
    style.write(&text, &answer)
}

/// Returns the rows of the table for people.
fn rows(notices: &[Notice<'_>]) -> Vec<[String; 4]> {
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map_or_else(|| "-".to_owned(), printable);
    let mut rows = vec![["AT", "EVENT", "DEVICE", "NAME"].map(str::to_owned)];
    rows.extend(notices.iter().map(|one| [date(one.at), printable(&one.event), text(&one.device_id), text(&one.name)]));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_event() {
        let device = Notice {
            event: "newDevice".into(),
            at: 1_700_000_000_000,
            device_id: Some("0a1b2c3d".into()),
            name: Some("Ana\u{2019}s\nphone".into()),
        };
        let other = Notice { event: "later\u{1b}Event".into(), at: i64::MAX, device_id: None, name: None };
        assert_eq!(
            table(&rows(&[device, other])),
            "AT                 EVENT        DEVICE    NAME\n\
             2023-11-14 22:13Z  newDevice    0a1b2c3d  Ana\u{2019}s phone\n\
             far ahead          later Event  -         -"
        );
    }
}
