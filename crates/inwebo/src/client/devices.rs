//! `devices`, `renamedevice` and `removedevice`: the devices of the account (ours).

use super::answer::{Answer, Item};
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use crate::cvs::{CvsRequest, DeviceEntry, Keystore};
use crate::device_list::{DEVICE, ID, IS_SELF, KEYSTORE, NAME, SINCE, TARGET, USED};
use crate::mode::{Action, Mode};
use crate::values::{DeviceName, Proofs, bound_challenge};

/// Returns the request of the setup step of a list.
pub fn setup_list(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Devices, device)
}

/// A challenge of a list that waits for the device's proof.
pub struct ListChallenge(String);

impl ListChallenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step. It proves the device alone.
    pub fn finalize(self, client: &Client, device: &Device) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        client.finalize(Mode::Devices, device).with("R0", &proofs.r0)
    }
}

/// Reads the answer of the finalize step of a list.
pub fn read_list(xml: &str) -> Result<Vec<DeviceEntry>, EngineError> {
    let (_, items) = Answer::read_with_list(xml, Action::Finalize, DEVICE)?;
    items.iter().map(read_entry).collect()
}

/// Reads the id of a device in an answer.
pub(super) fn device_id(text: &str) -> Option<String> {
    let is_id = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| text.to_owned())
}

fn read_entry(item: &Item) -> Result<DeviceEntry, EngineError> {
    let id = item.text(ID).and_then(device_id).ok_or(EngineError::Unusable("one of its devices has no id"))?;
    let since = item.text(SINCE).ok_or(EngineError::Unusable("one of its devices has no time of its activation"))?;
    Ok(DeviceEntry {
        id,
        name: item.text(NAME).unwrap_or_default().to_owned(),
        since: time(since)?,
        used: item.text(USED).map(time).transpose()?,
        keystore: item.text(KEYSTORE).and_then(Keystore::parse),
        is_self: item.text(IS_SELF) == Some("1"),
    })
}

fn time(text: &str) -> Result<i64, EngineError> {
    text.parse().map_err(|_| EngineError::Unusable("one of its times is no number"))
}

/// A change of one device of the account.
#[derive(Clone, Copy)]
pub enum Change<'a> {
    /// Gives the device another name.
    Rename {
        /// The device: its id, or a short id.
        device: &'a str,
        /// The new name.
        name: &'a DeviceName,
    },
    /// Removes the device.
    Remove {
        /// The device: its id, or a short id.
        device: &'a str,
    },
}

impl<'a> Change<'a> {
    /// Returns the same change as a request of the account.
    pub fn by_account(self) -> CvsRequest<'a> {
        match self {
            Self::Rename { device, name } => CvsRequest::RenameDevice { device, name },
            Self::Remove { device } => CvsRequest::RemoveDevice { device },
        }
    }

    /// Returns whether the change may remove the device with this id.
    pub fn may_remove(self, id: &str) -> bool {
        matches!(self, Self::Remove { device } if id.starts_with(device))
    }

    fn mode(self) -> Mode {
        match self {
            Self::Rename { .. } => Mode::RenameDevice,
            Self::Remove { .. } => Mode::RemoveDevice,
        }
    }

    /// Returns the device and the new name. The name of a removal is empty.
    fn target(self) -> (&'a str, &'a str) {
        match self {
            Self::Rename { device, name } => (device, name.as_str()),
            Self::Remove { device } => (device, ""),
        }
    }

    /// Returns the request of the setup step.
    pub fn setup(self, client: &Client, device: &Device) -> Request {
        client.setup(self.mode(), device)
    }

    /// Reads the answer of the setup step.
    pub fn read_challenge(self, xml: &str) -> Result<ChangeChallenge<'a>, EngineError> {
        Answer::challenge(xml).map(|challenge| ChangeChallenge { change: self, challenge })
    }
}

/// A challenge of a change that waits for the proofs.
pub struct ChangeChallenge<'a> {
    change: Change<'a>,
    challenge: String,
}

impl ChangeChallenge<'_> {
    /// Returns the request of the finalize step. Its proofs hold for this change alone.
    pub fn finalize(self, client: &Client, unlocked: &Unlocked<'_>) -> Request {
        let mode = self.change.mode();
        let (target, name) = self.change.target();
        let proofs = unlocked.proofs(&bound_challenge(&self.challenge, mode, target, name));
        let request = client.finalize(mode, unlocked.device).with(TARGET, target);
        let request = if mode == Mode::RenameDevice { request.with(NAME, name) } else { request };
        request.proved(&proofs)
    }
}

/// Reads the answer of the finalize step of a change.
pub fn read_change(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, Action::Finalize).map(drop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(devices: &str) -> Result<Vec<DeviceEntry>, EngineError> {
        read_list(&format!("<ActionFinalize><err>OK</err>{devices}</ActionFinalize>"))
    }

    #[test]
    fn a_list_has_each_device_with_what_is_known_of_it() {
        let devices = "<device><id>0a1b2c3d</id><name>Ana&apos;s &lt;phone&gt;</name><since>17</since>\
                       <used>18</used><keystore>hardware</keystore><self>1</self></device>\
                       <device><id>ffffffffff</id><name/><since>19</since><keystore>other</keystore></device>";
        let first = DeviceEntry {
            id: "0a1b2c3d".into(),
            name: "Ana's <phone>".into(),
            since: 17,
            used: Some(18),
            keystore: Some(Keystore::Hardware),
            is_self: true,
        };
        let second = DeviceEntry {
            id: "ffffffffff".into(),
            name: String::new(),
            since: 19,
            used: None,
            keystore: None,
            is_self: false,
        };
        assert_eq!(list(devices).unwrap(), [first, second]);
        assert_eq!(list("").unwrap(), []);
    }

    #[test]
    fn a_device_without_an_id_or_with_a_time_that_is_no_number_makes_the_answer_unusable() {
        for bad in [
            "<device/>",
            "<device><id>0a1b2c3d</id></device>",
            "<device><since>1</since></device>",
            "<device><id>0a 1b</id><since>1</since></device>",
            "<device><id>0a1b2c3d</id><since>today</since></device>",
            "<device><id>0a1b2c3d</id><since>1</since><used>never</used></device>",
        ] {
            assert!(matches!(list(bad), Err(EngineError::Unusable(_))), "{bad}");
        }
    }

    #[test]
    fn a_change_may_remove_the_device_whose_id_begins_so() {
        let name = DeviceName::new("Phone").unwrap();
        assert!(Change::Remove { device: "0a1b2c3d" }.may_remove("0a1b2c3d4e"));
        assert!(Change::Remove { device: "0a1b2c3d4e" }.may_remove("0a1b2c3d4e"));
        assert!(!Change::Remove { device: "0a1b2c3d4f" }.may_remove("0a1b2c3d4e"));
        assert!(!Change::Rename { device: "0a1b2c3d", name: &name }.may_remove("0a1b2c3d4e"));
    }

    proptest! {
        #[test]
        fn any_soup_of_markup_is_a_list_or_an_error(parts in prop::collection::vec(prop::sample::select(vec![
            "<device>", "</device>", "<id>", "</id>", "0a1b2c3d", "<since>", "</since>", "17", "<name>", "</name>",
            "<used/>", "<self>1</self>", "&lt;", "<![CDATA[", "]]>", "é", " ",
        ]), 0..40)) {
            let _ = list(&parts.concat());
        }
    }
}
