//! Enrollment codes: a device makes a code, another device activates with it, and the first one
//! confirms the other.
//!
//! The code is a row of the table of codes with a purpose of its own, so an account has one at
//! most. It names its account by its keyed hash. The device that was activated with it is *pending*
//! until the maker of the code confirms it. If that does not happen within the lifetime of the
//! code, the device is removed ([`pending_devices`]).

use inwebo::values::EnrollmentCode;

use crate::account::AccountName;
use crate::audit;
use crate::codes::CodeVerdict;
use crate::domain::code as rules;
use crate::domain::message::AccountEvent;
use crate::domain::rows::{CodePurpose, CodeRow, CodeUse, DeviceRow};
use crate::failure::Failure;
use crate::notices::Event;
use crate::pending_devices;
use crate::random;
use crate::step::Step;

/// Makes a new code for the device, in place of the account's code. A pending device that was made
/// with the former code is removed.
pub(crate) fn make(step: &Step<'_>, maker: &DeviceRow) -> Result<EnrollmentCode, Failure> {
    let purpose = CodePurpose::OfDevice;
    let old = step.rows.code(&maker.account, purpose)?;
    if let Some(pending) = old.as_ref().map(|old| pending_device(step, old)).transpose()?.flatten() {
        pending_devices::end(step, &pending, audit::DEVICE_NOT_CONFIRMED)?;
    }
    let code = draw(step)?;
    let hash = step.sealer.open_code_hash(purpose.as_str(), code.as_str());
    step.rows.add_code(&CodeRow {
        account: maker.account.clone(),
        purpose,
        phone_number: maker.id.clone(),
        hash: hash.bytes,
        key_id: hash.key_id,
        expires_at: step.now.saturating_add(rules::lifetime(purpose, step.policy)),
        tries: 0,
        // The device that this code activates takes over these wrong PINs.
        pin_tries: old.as_ref().filter(|old| old.used.is_none()).map_or(0, |old| old.pin_tries),
        withdrawn: false,
        setup_at: None,
        used: None,
        version: old.map_or(0, |old| old.version),
        ticket: None,
    })?;
    step.audit(Some(&maker.account), Some(&maker.id), audit::DEVICE_CODE_MADE)?;
    Ok(code)
}

/// Draws a code that is unlike every other live code.
fn draw(step: &Step<'_>) -> Result<EnrollmentCode, Failure> {
    const DRAWS: u32 = 100;
    for _ in 0..DRAWS {
        let symbols = random::symbols(EnrollmentCode::ALPHABET, EnrollmentCode::LENGTH)?;
        if let Some(code) = EnrollmentCode::read(&symbols)
            && find_row(step, &code)?.is_none()
        {
            return Ok(code);
        }
    }
    Err(Failure::CodesExhausted)
}

/// Finds a code that a device made. Returns `None` if no live code is the entered one: it may be an
/// SMS code. A caller that the transport has authenticated finds the codes of its own account only.
pub(crate) fn find(
    step: &Step<'_>,
    caller: Option<&AccountName>,
    entered: &EnrollmentCode,
) -> Result<Option<CodeVerdict>, Failure> {
    let Some(code) = find_row(step, entered)? else { return Ok(None) };
    if caller.is_some_and(|caller| caller.as_str() != code.account) || maker(step, &code)?.is_none() {
        return Ok(None);
    }
    Ok(Some(if code.used.is_some() { CodeVerdict::Used(code) } else { CodeVerdict::Right(code) }))
}

/// Finds the live or used row of a code, under any key of the ring.
fn find_row(step: &Step<'_>, code: &EnrollmentCode) -> Result<Option<CodeRow>, Failure> {
    let purpose = CodePurpose::OfDevice;
    for hash in step.sealer.open_code_hashes(purpose.as_str(), code.as_str()) {
        let found = step.rows.live_code(purpose, &hash.bytes, step.now)?;
        if let Some(code) = found.filter(|code| rules::is_in_time(code, step.policy, step.now)) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// Returns the device that made a code, if it may still confirm another one.
fn maker(step: &Step<'_>, code: &CodeRow) -> Result<Option<DeviceRow>, Failure> {
    let found = step.rows.device(&code.phone_number)?;
    let works = |device: &DeviceRow| device.pending.is_none() && !step.is_suspended(device);
    Ok(found.filter(|device| device.account == code.account && works(device)))
}

/// The state of an account's code.
pub(crate) enum State {
    /// There is no code that counts for the device that asks.
    None,
    /// The device that asks made the code, which no device has entered.
    Waiting,
    /// The device that asks made the code, and this pending device entered it.
    Entered(Box<DeviceRow>),
    /// The device that asks entered the code, and is pending.
    EnteredBySelf,
    /// The device that entered the code is confirmed.
    Confirmed,
}

/// Returns the state of the account's code for a device.
pub(crate) fn state(step: &Step<'_>, device: &DeviceRow) -> Result<State, Failure> {
    let Some(code) = pending_devices::live_code(step, &device.account)? else { return Ok(State::None) };
    let Some(used) = &code.used else {
        return Ok(if code.phone_number == device.id { State::Waiting } else { State::None });
    };
    let CodeUse::Activated { device: entered, .. } = used else { return Ok(State::None) };
    if *entered == device.id {
        return Ok(if device.pending.is_some() { State::EnteredBySelf } else { State::Confirmed });
    }
    if code.phone_number != device.id {
        return Ok(State::None);
    }
    Ok(match step.rows.device(entered)? {
        None => State::None,
        Some(other) if other.pending.is_some() => State::Entered(Box::new(other)),
        Some(_) => State::Confirmed,
    })
}

/// Removes the pending device that the device `by` rejected, and voids its code.
pub(crate) fn reject(step: &Step<'_>, pending: &DeviceRow, by: &DeviceRow) -> Result<(), Failure> {
    if let Some(code) = pending_devices::live_code(step, &pending.account)? {
        step.rows.put_code(&CodeRow { withdrawn: true, ..code })?;
    }
    step.notify_devices(&pending.account, &Event::by(by, AccountEvent::DeviceRejected).about(pending))?;
    pending_devices::end(step, pending, audit::DEVICE_REJECTED)
}

/// Returns the pending device of a code.
fn pending_device(step: &Step<'_>, code: &CodeRow) -> Result<Option<DeviceRow>, Failure> {
    let Some(CodeUse::Activated { device, .. }) = &code.used else { return Ok(None) };
    Ok(step.rows.device(device)?.filter(|device| device.pending.is_some()))
}
