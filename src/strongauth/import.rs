//! The import of another client's enrollment, and the export of this device's.

use foreign_state::State;
use inwebo::client::otp::{self, Challenge};
use inwebo::client::{Device, EngineError, password};
use inwebo::values::{K1, Kma, Modulus, Pin};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::machine::Operation;
use super::otp::NO_SECRET;
use super::permit::Enrolled;
use super::record::{Record, Standing};
use super::{Failure, StrongAuthentication};
use crate::log;

/// Standing of the factory key of an imported device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactoryKey {
    /// The key is the one that is pinned, or that the service named during the import.
    Proved,
    /// The key is that of the state. The service did not name one.
    Unproved,
}

/// Returns whether a request was refused, by the service or in front of it, or was answered in
/// another form.
fn is_answer(failure: &Failure) -> bool {
    match failure {
        Failure::Engine(_) => true,
        Failure::Transport(error) => error.is_foreign_answer(),
        _ => false,
    }
}

impl StrongAuthentication {
    /// Imports the enrollment of another client. One password with the PIN proves it to the service
    /// before anything is stored, and the record is then replaced in one step. Without `replace`,
    /// an enrollment of this device stays and the import is refused.
    ///
    /// The record has K1 under the PIN's key only. A refusal is about the other client's device, so
    /// it never changes the record. The service secret is not proved: the service sees no password.
    pub fn import(&mut self, state: &State, pin: &Pin, replace: bool) -> Result<FactoryKey, Failure> {
        self.repair()?;
        self.permit(if replace { Operation::ImportInPlace } else { Operation::Import })?;
        self.check_password_limit()?;
        let (mut device, factory) = self.device_of(state, pin)?;
        match self.prove(&device, pin) {
            Ok(evolved) => {
                device.hidden_k1 = evolved.unwrap_or(device.hidden_k1);
                self.take_over(device, Standing::Active)?;
            }
            // The PIN was right, and the keys are stale: another device changed the PIN. No try was
            // counted.
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => self
                .take_over(device, Standing::MustSynchronize)?
                .synchronize(pin, None)
                .map_err(|failure| Failure::PostSynchronization(Box::new(failure)))?,
            Err(failure) => return Err(failure),
        }
        Ok(factory)
    }

    /// Returns this device's enrollment as neutral JSON, with K1 in clear. One password proves the
    /// PIN first: K1 under a wrong PIN's key would be another key, and nothing would tell.
    pub fn export(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.begin_password()?;
        let outcome = self.enrolled(Operation::Export)?.export(pin);
        self.record_device_outcome(outcome)
    }

    /// Returns the device of a state, with K1 under the PIN's key, and the standing of its factory
    /// key.
    fn device_of(&self, state: &State, pin: &Pin) -> Result<(Device, FactoryKey), Failure> {
        if state.mac_id.as_ref().is_some_and(|mac_id| !mac_id.eq_ignore_ascii_case(&self.client.mac_id)) {
            return Err(Failure::Unfit("it belongs to another application than credential.macID"));
        }
        let (factory, standing) = match (&state.factory, self.pinned()) {
            (Some(stated), Some(pinned)) if stated != pinned => {
                return Err(Failure::Unfit("its factory key is not the one that is pinned for this service"));
            }
            (_, Some(pinned)) => (pinned.clone(), FactoryKey::Proved),
            (stated, None) => self.factory_key_of_service(state, stated.as_ref())?,
        };
        let device = Device {
            id: state.id.clone(),
            serial: state.serial.clone(),
            last_sync: state.last_sync.clone(),
            service: state.service.clone(),
            factory,
            k0: state.k0.clone(),
            hidden_k1: Kma::derive(pin, &state.serial).encrypt(state.k1.as_bytes()),
            secval: Some(state.secval.clone()),
        };
        Ok((device, standing))
    }

    /// Asks the service for its factory key, which is pinned from then on. The setup step of a
    /// change of the PIN names it; that change goes no further. The key of the state must be the
    /// same one. It counts unproved if the service answers this request with a refusal, because the
    /// request is ours.
    fn factory_key_of_service(
        &self,
        state: &State,
        stated: Option<&Modulus>,
    ) -> Result<(Modulus, FactoryKey), Failure> {
        let answer = self.mac(&password::setup_of(&self.client, &state.id, &state.last_sync));
        let named = answer.and_then(|xml| Ok(password::Prepared::read(&xml, stated)?.into_factory_key()));
        match (named, stated) {
            (Ok(named), _) => Ok((named, FactoryKey::Proved)),
            (Err(Failure::Engine(EngineError::FactoryKey)), _) => {
                Err(Failure::Unfit("its factory key is not that of this service"))
            }
            (Err(failure), Some(stated)) if is_answer(&failure) => {
                log::warning!("the service named no factory key: that of the imported state is used unproved");
                Ok((stated.clone(), FactoryKey::Unproved))
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// Proves a device and its PIN to the service by one password, which nobody gets. Returns K1
    /// under the PIN's key if the service evolved it. The password counts as any other.
    fn prove(&mut self, device: &Device, pin: &Pin) -> Result<Option<[u8; 16]>, Failure> {
        let unlocked = device.unlock(pin);
        let xml = self.mac(&otp::setup(&self.client, device))?;
        let request = Challenge::read(&xml)?.with_pin(&self.client, &unlocked);
        Ok(self.make_counted(&request)?.evolved(&unlocked))
    }

    /// Makes an imported device durable, in place of the record. The use that counts against the
    /// limits stays.
    fn take_over(&mut self, device: Device, standing: Standing) -> Result<Enrolled<'_>, Failure> {
        self.record = Record { serial: Some(device.serial.clone()), ..self.record.without_enrollment() };
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
