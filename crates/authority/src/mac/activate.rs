//! `activate`: makes a device from a PIN and a code, which an SMS or another device brings.

use inwebo::cvs::{Keystore, Purpose};
use inwebo::values::{EnrollmentCode, Pin, Serial};
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult, PinMode, announce_keys};
use super::device_session::{DeviceSession, K0_COLUMN, K1_COLUMN};
use super::expected_finalize::{EncryptedPin, ExpectedFinalize, SentPin};
use super::new_pin;
use super::proof::{SentProofs, require_right_pin};
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::account::AccountName;
use crate::audit;
use crate::codes::{self, CodeVerdict};
use crate::domain::message::Notice;
use crate::domain::moment;
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::ActivationProof;
use crate::domain::rows::{AccountRow, CodePurpose, CodeRow, CodeUse, Confirmation, DeviceRow, TraitsRow};
use crate::failure::Failure;
use crate::notices::Event;
use crate::random;
use crate::sealing::Binding;
use crate::service_keys::ServiceKeys;
use crate::step::Step;
use crate::{approvals, devices, enrollment_codes, pending_devices};

/// The code of an activation.
struct Activation<'q> {
    code: &'q str,
    scope: CodeScope<'q>,
    /// The phone number to register, if the activation registers one (ours).
    phone_number: Option<PhoneNumber>,
    /// The account that the transport has authenticated.
    caller: Option<&'q AccountName>,
    /// The code, if it may be one that a device made.
    code_of_device: Option<EnrollmentCode>,
}

/// The codes with which the code of an activation is compared.
#[derive(Clone, Copy)]
enum CodeScope<'q> {
    /// The code of this account. A wrong code is charged to the account.
    Account(&'q AccountName),
    /// The code of the account that this ticket was issued to. A wrong code is charged to the
    /// account.
    Ticket(&'q str),
    /// No SMS code: the service requires a token or a ticket, and the request has none.
    NoAccount,
    /// The codes of all accounts.
    AllAccounts,
}

impl<'q> CodeScope<'q> {
    /// Reads the proof of the request that the policy requires. An account that the transport has
    /// authenticated is always enough. A code that a device made names its account itself.
    fn read(
        proof: ActivationProof,
        caller: Option<&'q AccountName>,
        is_code_of_device: bool,
        query: &'q Query,
    ) -> Result<Self, Refusal> {
        let ticket = query.ticket()?;
        match (caller, proof) {
            (Some(account), _) => Ok(Self::Account(account)),
            (None, ActivationProof::Token) if is_code_of_device => Ok(Self::NoAccount),
            (None, ActivationProof::Token) => Err(Word::Token.into()),
            (None, ActivationProof::Ticket) => Ok(ticket.map_or(Self::NoAccount, Self::Ticket)),
            (None, ActivationProof::Open(_)) => Ok(Self::AllAccounts),
        }
    }
}

/// The further values of a `finalize` request.
struct NewDevice<'q> {
    serial: Serial,
    name: &'q str,
    /// The place of its storage key, if it tells one (ours).
    keystore: Option<Keystore>,
    sent: SentPin,
}

/// Checks the code. The code stays usable.
pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let activation = Activation::read(mac, query)?;
    let keys = mac.keys()?;
    mac.step("activate.setup", |step| {
        let code = match activation.verify_code(step)? {
            CodeVerdict::Right(code) => code,
            verdict => return Err(refused(&verdict)),
        };
        // `finalize` counts the devices: its request has the serial, so a device that activates
        // again is not counted twice.
        let account = activation.account(step, &code)?;
        // Ours: the time that the device may wait for the PIN. It is rounded down, so that the
        // device does not wait too long.
        let lifetime = code.expires_at.saturating_sub(step.now) / 1000;
        step.rows.put_code(&CodeRow { setup_at: Some(step.now), ..code })?;
        let pin_mode = if account.pin.is_some() { PinMode::Current } else { PinMode::New };
        Ok(announce_keys(Granted::default(), &keys, pin_mode).with("lifetime", lifetime.to_string()))
    })
}

/// Makes the device, or repeats an answer that was lost.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let activation = Activation::read(mac, query)?;
    let serial = query.serial()?;
    // A device without keys can prove nothing. Some clients send proofs over keys of an earlier
    // activation. So only their form is checked.
    SentProofs::read(query)?;
    let name =
        query.require("name").and_then(|name| if name.len() <= 256 { Ok(name) } else { Err(Word::Syntax.into()) })?;
    let keystore = query.keystore()?;
    let encrypted = EncryptedPin::read(query, "Kma", "pin")?;
    let expected = ExpectedFinalize::after(mac, "activate.check", |step| match activation.verify_code(step)? {
        CodeVerdict::Right(_) | CodeVerdict::Used(_) => Ok(()),
        verdict => Err(refused(&verdict)),
    })?;
    let keys = mac.keys()?;
    let sent = encrypted.open(mac, &expected)?;
    if !sent.fits(&serial) {
        return Err(Word::Syntax.into());
    }
    let new = NewDevice { serial, name, keystore, sent };
    mac.step("activate.finalize", |step| match activation.verify_code(step)? {
        CodeVerdict::Right(code) => {
            let account = activation.account(step, &code)?;
            activate(step, account, code, &activation, &new, &keys)
        }
        CodeVerdict::Used(code) => redeliver(step, &code, &new, &keys),
        verdict => Err(refused(&verdict)),
    })
}

impl<'q> Activation<'q> {
    fn read(mac: &MacContext<'q>, query: &'q Query) -> Result<Self, Refusal> {
        let code = query.code()?;
        let phone_number = query.phone_number(&mac.ctx.policy.sms.countries)?;
        let policy = &mac.ctx.policy;
        let code_of_device =
            if policy.activation_by_device && phone_number.is_none() { EnrollmentCode::read(code) } else { None };
        let scope = CodeScope::read(policy.activation_proof, mac.caller, code_of_device.is_some(), query)?;
        Ok(Self { code, scope, phone_number, caller: mac.caller, code_of_device })
    }

    fn purpose(&self) -> Purpose {
        if self.phone_number.is_some() { Purpose::PhoneNumberCertification } else { Purpose::Enrollment }
    }

    /// Verifies the code: first among those that devices made, then among the SMS codes.
    fn verify_code(&self, step: &Step<'_>) -> Result<CodeVerdict, StepError> {
        if let Some(code) = &self.code_of_device
            && let Some(verdict) = enrollment_codes::find(step, self.caller, code)?
        {
            return Ok(verdict);
        }
        match self.scope {
            CodeScope::Account(account) => self.verify_code_for(step, account.as_str()),
            CodeScope::Ticket(ticket) => match codes::account_of_ticket(step, self.purpose(), ticket)? {
                Some(account) => self.verify_code_for(step, &account),
                None => Ok(codes::refuse(step, None)?),
            },
            CodeScope::NoAccount => Ok(codes::refuse(step, None)?),
            CodeScope::AllAccounts => {
                Ok(codes::verify_open_code(step, self.purpose(), self.phone_number.as_ref(), self.code)?)
            }
        }
    }

    /// Compares the code with the code of an account. A wrong code is charged to the account.
    fn verify_code_for(&self, step: &Step<'_>, account: &str) -> Result<CodeVerdict, StepError> {
        // Nothing is charged to a blocked account.
        let account_row = step.rows.account(account)?;
        if let Some(block) = account_row.map(|account| step.block(&account)).transpose()?.flatten() {
            return Err(block.into());
        }
        Ok(codes::verify_code(step, account, self.purpose(), self.phone_number.as_ref(), self.code)?)
    }

    /// Returns the account of a right code. Refuses if the activation registers a phone number and
    /// the account has one.
    fn account(&self, step: &Step<'_>, code: &CodeRow) -> Result<AccountRow, StepError> {
        let account = account_of(step, code)?;
        if self.phone_number.is_some() && account.phone_number.is_some() {
            return Err(Word::PhoneRegistered.into());
        }
        Ok(account)
    }
}

fn account_of(step: &Step<'_>, code: &CodeRow) -> Result<AccountRow, StepError> {
    let account = step.rows.account(&code.account)?.ok_or(Word::Code)?;
    step.block(&account)?.map_or(Ok(account), |block| Err(block.into()))
}

fn refused(verdict: &CodeVerdict) -> StepError {
    let attempts_left = match verdict {
        CodeVerdict::OtherNumber => return Word::OtherNumber.into(),
        CodeVerdict::NoCode => return Refusal::with_reason(Word::Code, Reason::NoCode).into(),
        CodeVerdict::Wrong { attempts_left } => Some(*attempts_left),
        CodeVerdict::Right(_) | CodeVerdict::Used(_) | CodeVerdict::Unknown => None,
    };
    Refusal { attempts_left, ..Word::Code.into() }.into()
}

fn activate(
    step: &Step<'_>,
    mut account: AccountRow,
    code: CodeRow,
    activation: &Activation<'_>,
    new: &NewDevice<'_>,
    keys: &ServiceKeys,
) -> MacResult {
    let setup_at = code.setup_at.ok_or(Word::State)?;
    if moment::age(setup_at, step.now).is_none_or(|age| age > step.policy.setup_lifetime_millis()) {
        return Err(Word::Timeout.into());
    }
    let found = pending_devices::without_late_ones(step, step.rows.devices_of(&account.name)?)?;
    let is_of_device = code.purpose == CodePurpose::OfDevice;
    let (same, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|device| device.serial == new.serial.as_str());
    // The maker of the code must stay, because it confirms the new device.
    if is_of_device && same.iter().any(|device| device.id == code.phone_number) {
        return Err(Word::Code.into());
    }
    let pending = match is_of_device {
        true => Some(Confirmation::ByMaker),
        false => approvals::is_needed(step, &others).then_some(Confirmation::ByNumber),
    };
    if devices::leave_no_room(step, &others, pending) {
        return Err(Word::MaxDevices.into());
    }
    let own_tries = match step.pin_of(&account)? {
        Some(pin) => {
            let right = pin == new.sent.pin;
            if !right {
                // The device that this code activates takes over these wrong PINs.
                step.rows.put_code(&CodeRow { pin_tries: code.pin_tries.saturating_add(1), ..code.clone() })?;
            }
            require_right_pin(step, &mut account, None, right)?;
            code.pin_tries
        }
        // A device made the code with the PIN, which ended since.
        None if is_of_device => return Err(Word::Code.into()),
        None => {
            choose_pin(step, &mut account, &new.sent.pin)?;
            0
        }
    };
    if let Some(number) = &activation.phone_number {
        account.phone_number = Some(number.as_str().to_owned());
        step.audit(Some(&account.name), None, audit::PHONE_NUMBER_ADDED)?;
    }
    step.put_account(&account)?;
    for device in same {
        step.rows.tombstone_device(&device.id, step.now)?;
        step.audit(Some(&account.name), Some(&device.id), audit::DEVICE_REPLACED)?;
    }
    if pending == Some(Confirmation::ByNumber) {
        approvals::replace(step, &others)?;
    }
    let device = DeviceRow { pin_tries: own_tries, pending, ..make_device(step, &account, new)? };
    let used = CodeUse::Activated { serial: device.serial.clone(), device: device.id.clone() };
    codes::consume(step, code, used)?;
    let mut session = DeviceSession { device, account, serial: new.serial.clone() };
    session.device.used_at = Some(step.now);
    step.rows.add_device(&session.device)?;
    if let Some(keystore) = new.keystore {
        step.rows.put_keystore(&session.device.id, &session.account.name, keystore)?;
    }
    step.rows.put_traits(&session.device.id, &TraitsRow::of_new_device(step.policy.pin_proof))?;
    session.audit(step, audit::DEVICE_ACTIVATED)?;
    if pending.is_none() {
        step.notify(&session.account, &Event::by(&session.device, Notice::NewDevice).about(&session.device))?;
    }
    deliver(step, &mut session, new, keys)
}

/// Repeats the answer of an activation that was lost. The same device, with the same code and PIN,
/// gets it again until it makes its secret.
fn redeliver(step: &Step<'_>, code: &CodeRow, new: &NewDevice<'_>, keys: &ServiceKeys) -> MacResult {
    let Some(CodeUse::Activated { serial, device }) = &code.used else { return Err(Word::Code.into()) };
    if serial != new.serial.as_str() {
        step.audit(Some(&code.account), None, audit::CODE_REFUSED)?;
        return Err(Word::Code.into());
    }
    let mut account = account_of(step, code)?;
    // A device that proved its PIN once has received its keys. If a later change of the PIN removed
    // its secret, no answer was lost.
    let had_none = |device: &DeviceRow| device.secret.is_none() && device.proved_at.is_none();
    let Some(mut device) = step.rows.device(device)?.filter(had_none) else {
        return Err(Word::Code.into());
    };
    if pending_devices::remove_if_late(step, &device)? {
        return Err(Word::Code.into());
    }
    let pin = step.pin_of(&account)?.ok_or(Failure::Sealed)?;
    require_right_pin(step, &mut account, Some(&mut device), pin == new.sent.pin)?;
    let mut session = DeviceSession { device, account, serial: new.serial.clone() };
    session.audit(step, audit::DEVICE_REDELIVERED)?;
    deliver(step, &mut session, new, keys)
}

fn choose_pin(step: &Step<'_>, account: &mut AccountRow, pin: &Pin) -> Result<(), StepError> {
    new_pin::check(step, account, None, pin)?;
    step.set_pin(account, pin)?;
    Ok(step.audit(Some(&account.name), None, audit::PIN_SET)?)
}

fn make_device(step: &Step<'_>, account: &AccountRow, new: &NewDevice<'_>) -> Result<DeviceRow, Failure> {
    let id = random::device_id()?;
    let key = |column| {
        let key = zeroize::Zeroizing::new(random::bytes::<16>()?);
        step.sealer.seal(Binding { column, row: &id }, &*key)
    };
    Ok(DeviceRow {
        k0: key(K0_COLUMN)?,
        k1: key(K1_COLUMN)?,
        serial: new.serial.as_str().to_owned(),
        name: new.name.to_owned(),
        wrong_pins_told: account.wrong_pins,
        ..DeviceRow::new(&id, &account.name, step.now)
    })
}

fn deliver(step: &Step<'_>, session: &mut DeviceSession, new: &NewDevice<'_>, keys: &ServiceKeys) -> MacResult {
    let granted = Granted::default().with("id", session.device.id.as_str());
    let granted = match session.device.pending {
        None => granted,
        Some(Confirmation::ByMaker) => granted.with("confirmed", "0"),
        Some(Confirmation::ByNumber) => granted
            .with("confirmed", "0")
            .with("approval", "1")
            .with("lifetime", pending_devices::approval_seconds_left(step, &session.device).to_string()),
    };
    session.deliver(step, granted, &new.sent.kma, keys)
}
