//! The devices of the account: `pims devices`, `devices rename`, `devices remove`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Nothing, Prepared, device};
use crate::arguments::DeviceChange;
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::table::{date, table};
use crate::terminal;

const API: &str = "pims.authentication.devices";

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    devices: Vec<Device<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    #[serde(borrow)]
    device_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    since: i64,
    last_used: Option<i64>,
    this_device: bool,
    keystore: Option<&'a str>,
}

/// Parameters of a change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    action: &'static str,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_code: Option<&'a str>,
}

/// Lists the devices, or changes one.
pub(super) fn run(prepared: &Prepared, change: Option<&DeviceChange>, style: Style) -> Result<(), Failure> {
    match change {
        None => list(prepared, style),
        Some(DeviceChange::Rename { id, name }) => {
            set(prepared, "the device was renamed", "rename", id, Some(name), style)
        }
        Some(DeviceChange::Remove { id, yes }) => {
            if !yes {
                if !terminal::is_interactive() {
                    return Err(Failure::usage("--yes is missing: this ends the enrollment of the device"));
                }
                let question = format!("This ends the enrollment of the device {}.", printable(id));
                if !terminal::agrees(&question)? {
                    return Err(Failure::usage("nothing was removed"));
                }
            }
            set(prepared, "the device was removed", "remove", id, None, style)
        }
    }
}

fn list(prepared: &Prepared, style: Style) -> Result<(), Failure> {
    let answer = prepared.open()?.get(API, &Nothing {})?;
    let devices = answer.result::<List<'_>>().map(|list| list.devices).unwrap_or_default();
    let text = if devices.is_empty() { "the account has no devices".to_owned() } else { table(&rows(&devices)) };
    style.write(&text, &answer)
}

/// Changes a device. A device that is enrolled needs the PIN, another one the access token.
fn set(
    prepared: &Prepared,
    done: &str,
    action: &'static str,
    id: &str,
    name: Option<&str>,
    style: Style,
) -> Result<(), Failure> {
    let is_enrolled = device::is_enrolled(&prepared.open()?)?;
    let pin = if is_enrolled { Some(terminal::pin("PIN")?) } else { None };
    let change = Change { action, device_id: id, name, pin_code: pin.as_deref().map(String::as_str) };
    let answer = prepared.open()?.set(API, &change)?;
    style.write(done, &answer)
}

/// Returns the rows of the table for people.
fn rows(devices: &[Device<'_>]) -> Vec<[String; 6]> {
    let mut rows = vec![["ID", "NAME", "SINCE", "LAST USED", "KEY IN", ""].map(str::to_owned)];
    rows.extend(devices.iter().map(|device| {
        [
            printable(&device.device_id),
            printable(&device.name),
            date(device.since),
            device.last_used.map_or_else(|| "never".to_owned(), date),
            printable(device.keystore.unwrap_or("-")),
            if device.this_device { "this device".to_owned() } else { String::new() },
        ]
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_device() {
        let first = Device {
            device_id: "0a1b2c3d".into(),
            name: "Ana\u{2019}s\nphone".into(),
            since: 1_700_000_000_000,
            last_used: Some(1_700_000_060_000),
            this_device: true,
            keystore: Some("hardware"),
        };
        let second = Device {
            device_id: "ffffffff00".into(),
            name: "x".into(),
            since: i64::MAX,
            last_used: None,
            this_device: false,
            keystore: None,
        };
        assert_eq!(
            table(&rows(&[first, second])),
            "ID          NAME         SINCE              LAST USED          KEY IN\n\
             0a1b2c3d    Ana\u{2019}s phone  2023-11-14 22:13Z  2023-11-14 22:14Z  hardware  this device\n\
             ffffffff00  x            far ahead          never              -"
        );
    }
}
