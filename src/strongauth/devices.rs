//! The devices of the account: the list, another name, the removal of one.
//!
//! An enrolled device proves itself, and for a change its PIN. In each other state the account's
//! access token permits the operation.

use inwebo::client::devices::{self, Change, ListChallenge};
use inwebo::client::{Device, EngineError};
use inwebo::cvs::{CvsAnswer, CvsRequest, DeviceEntry};
use inwebo::values::{DeviceName, Pin};

use super::machine::Operation;
use super::permit::Enrolled;
use super::record::{Block, Intent};
use super::{Failure, StrongAuthentication};

impl StrongAuthentication {
    /// Returns the devices of the account, in the order of the service.
    pub fn devices(&mut self) -> Result<Vec<DeviceEntry>, Failure> {
        self.repair()?;
        self.permit(Operation::ListDevices)?;
        let listed = match self.record.enrolled_device().cloned() {
            Some(device) => self.ask_for_devices(&device),
            None => self.ask_for_devices_of_account(),
        };
        let mut devices = self.record_outcome(listed)?;
        for device in &mut devices {
            // The service may be another one than ours, and the name one of another library.
            device.name = DeviceName::cleaned(&device.name);
        }
        Ok(devices)
    }

    fn ask_for_devices(&self, device: &Device) -> Result<Vec<DeviceEntry>, Failure> {
        let xml = self.mac(&devices::setup_list(&self.client, device))?;
        let xml = self.mac(&ListChallenge::read(&xml)?.finalize(&self.client, device))?;
        Ok(devices::read_list(&xml)?)
    }

    fn ask_for_devices_of_account(&self) -> Result<Vec<DeviceEntry>, Failure> {
        match self.cvs(&CvsRequest::Devices)? {
            CvsAnswer::Devices(devices) => Ok(devices),
            _ => Err(Failure::Engine(EngineError::Unusable("it has no list of devices"))),
        }
    }

    /// Renames a device of the account, or removes it. If this device is enrolled, the PIN is
    /// required.
    pub fn change_device(&mut self, change: Change<'_>, pin: Option<&Pin>) -> Result<(), Failure> {
        let own_id = self.record.enrolled_device().map(|device| device.id.clone());
        if own_id.is_some() && pin.is_none() {
            return Err(Failure::PinMissing);
        }
        self.repair()?;
        match (self.record.enrolled_device().is_some(), pin) {
            (true, Some(pin)) => {
                let outcome = self.enrolled(Operation::ChangeDevice)?.change_device(change, pin);
                self.record_outcome(outcome)
            }
            (true, None) => Err(Failure::PinMissing),
            // An earlier removal of this device, whose answer was lost, was done.
            (false, _) if own_id.is_some_and(|id| change.may_remove(&id)) => Ok(()),
            (false, _) => self.change_device_of_account(change),
        }
    }

    fn change_device_of_account(&mut self, change: Change<'_>) -> Result<(), Failure> {
        self.permit(Operation::ChangeDevice)?;
        let outcome = self.cvs(&change.by_account()).map(drop);
        let is_removed = outcome.is_ok() && matches!(change, Change::Remove { .. });
        if is_removed && self.record.block == Some(Block::AccountBlocked) {
            // The account has room for one more device now.
            self.record.block = None;
            self.write_or_warn();
        }
        self.record_outcome(outcome)
    }
}

impl Enrolled<'_> {
    fn change_device(&mut self, change: Change<'_>, pin: &Pin) -> Result<(), Failure> {
        self.with_proved_keys(pin, |enrolled| enrolled.send_change(change, pin))
    }

    /// Runs both steps of a change.
    fn send_change(&mut self, change: Change<'_>, pin: &Pin) -> Result<(), Failure> {
        let Self { component, device } = self;
        let xml = component.mac(&change.setup(&component.client, device))?;
        let request = change.read_challenge(&xml)?.finalize(&component.client, &device.unlock(pin));
        if change.may_remove(&device.id) {
            return self.component.remove_this_device(|component| {
                component.mac(&request).and_then(|xml| Ok(devices::read_change(&xml)?))
            });
        }
        let xml = component.mac(&request)?;
        Ok(devices::read_change(&xml)?)
    }
}

impl StrongAuthentication {
    /// Removes this device, and afterwards its enrollment here. Before the request is sent, the
    /// record says that this may happen.
    fn remove_this_device(&mut self, send: impl FnOnce(&Self) -> Result<(), Failure>) -> Result<(), Failure> {
        let before = self.record.intent;
        self.record.intent = Some(Intent::Remove);
        self.save()?;
        match send(self) {
            Ok(()) => {
                self.forget_enrollment();
                self.save()
            }
            Err(failure) => {
                // If the service may have removed the device, the intent stays.
                if !failure.may_be_done() {
                    self.record.intent = before;
                    self.save()?;
                }
                Err(failure)
            }
        }
    }
}
