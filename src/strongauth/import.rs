//! The import of another client's enrollment, and the export of this device's.

use foreign_state::State;
use inwebo::client::otp::{self, Challenge, Granted};
use inwebo::client::{Device, password};
use inwebo::values::{K1, Kma, Modulus, Pin};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::machine::Operation;
use super::otp::NO_SECRET;
use super::permit::Enrolled;
use super::record::{Record, Standing};
use super::{Failure, StrongAuthentication};
use crate::log;

impl StrongAuthentication {
    /// Imports the enrollment of another client. One password with the PIN proves it to the service
    /// before anything is stored, and the record is then replaced in one step. Without `replace`,
    /// an enrollment of this device stays and the import is refused.
    ///
    /// The record has K1 under the PIN's key only. A refusal is about the other client's device, so
    /// it never changes the record.
    pub fn import(&mut self, state: &State, pin: &Pin, replace: bool) -> Result<(), Failure> {
        self.repair()?;
        self.permit(if replace { Operation::ImportInPlace } else { Operation::Import })?;
        let mut device = self.device_of(state, pin)?;
        match self.prove(&device, pin) {
            Ok(evolved) => {
                device.hidden_k1 = evolved.unwrap_or(device.hidden_k1);
                self.take_over(device, Standing::Active).map(drop)
            }
            // The PIN was right, and the keys are stale: another device changed the PIN. No try was
            // counted.
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => self
                .take_over(device, Standing::MustSynchronize)?
                .synchronize(pin, None)
                .map_err(|failure| Failure::PostSynchronization(Box::new(failure))),
            Err(failure) => Err(failure),
        }
    }

    /// Returns this device's enrollment as neutral JSON, with K1 in clear. One password proves the
    /// PIN first: K1 under a wrong PIN's key would be another key, and nothing would tell.
    pub fn export(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::Export)?.export(pin);
        self.record_outcome(outcome)
    }

    /// Returns the device of a state, with K1 under the PIN's key.
    fn device_of(&self, state: &State, pin: &Pin) -> Result<Device, Failure> {
        if state.mac_id.as_ref().is_some_and(|mac_id| !mac_id.eq_ignore_ascii_case(&self.client.mac_id)) {
            return Err(Failure::Unfit("it belongs to another application than credential.macID"));
        }
        let factory = match (&state.factory, self.pinned()) {
            (Some(factory), Some(pinned)) if factory != pinned => {
                return Err(Failure::Unfit("its factory key is not the one that is pinned for this service"));
            }
            (Some(factory), _) => factory.clone(),
            (None, Some(pinned)) => pinned.clone(),
            (None, None) => self.first_factory_key(state)?,
        };
        Ok(Device {
            id: state.id.clone(),
            serial: state.serial.clone(),
            last_sync: state.last_sync.clone(),
            service: state.service.clone(),
            factory,
            k0: state.k0.clone(),
            hidden_k1: Kma::derive(pin, &state.serial).encrypt(state.k1.as_bytes()),
            secval: Some(state.secval.clone()),
        })
    }

    /// Returns the factory key that the service names first. From then on it is pinned. The setup
    /// step of a change of the PIN names it; that change goes no further.
    fn first_factory_key(&self, state: &State) -> Result<Modulus, Failure> {
        let xml = self.mac(&password::setup_of(&self.client, &state.id, &state.last_sync))?;
        Ok(password::Prepared::read(&xml, None)?.into_factory_key())
    }

    /// Proves a device and its PIN to the service by one password, which nobody gets. Returns K1
    /// under the PIN's key if the service evolved it.
    fn prove(&self, device: &Device, pin: &Pin) -> Result<Option<[u8; 16]>, Failure> {
        let unlocked = device.unlock(pin);
        let xml = self.mac(&otp::setup(&self.client, device))?;
        let request = Challenge::read(&xml)?.with_pin(&self.client, &unlocked);
        Ok(Granted::read(&self.mac(&request)?)?.evolved(&unlocked))
    }

    /// Makes an imported device durable, in place of the whole record.
    fn take_over(&mut self, device: Device, standing: Standing) -> Result<Enrolled<'_>, Failure> {
        let account = self.record.account.clone();
        self.record = Record { account, serial: Some(device.serial.clone()), ..Record::default() };
        self.set_enrollment(device.clone(), standing);
        self.save()?;
        log::lifecycle!("the enrollment of another client was imported");
        Ok(Enrolled { component: self, device })
    }
}

impl Enrolled<'_> {
    fn export(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.make_password(pin)?;
        let Self { component, device } = self;
        let secval = device.secval.clone().ok_or(NO_SECRET)?;
        let state = State {
            mac_id: Some(component.client.mac_id.to_ascii_lowercase()),
            serial: device.serial.clone(),
            id: device.id.clone(),
            service: device.service.clone(),
            last_sync: device.last_sync.clone(),
            factory: Some(device.factory.clone()),
            k0: device.k0.clone(),
            k1: K1::new(Kma::derive(pin, &device.serial).decrypt(&device.hidden_k1)),
            secval,
        };
        log::warning!("the enrollment was exported, with K1 in clear");
        Ok(foreign_state::write(&state))
    }
}
