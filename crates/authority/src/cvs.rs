//! CVS: requests of an authenticated account that need no device. They cover SMS codes, the trusted
//! phone number, the list of the devices, and the removal of one or all of them.
//!
//! The caller has authenticated the account already. The HTTP handlers are elsewhere.

use std::sync::atomic::Ordering;

use inwebo::cvs::{CvsAnswer, CvsRefusal, CvsRequest, Purpose};
use inwebo::values::Ticket;

use crate::account::AccountName;
use crate::audit;
use crate::codes::{self, CodeVerdict, NewCode};
use crate::devices::{self, Devices};
use crate::domain::budget::NumberStatus;
use crate::domain::code as rules;
use crate::domain::dialing::Destination;
use crate::domain::hash::Hash;
use crate::domain::message::{Message, Notice};
use crate::domain::moment;
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::millis;
use crate::domain::rows::{AccountRow, CodeUse, DeviceRow};
use crate::domain::sms_texts::{Language, PlaceholderValues};
use crate::failure::Failure;
use crate::notices::Event;
use crate::random;
use crate::sms::Sms;
use crate::sms_budget;
use crate::sms_queue::SmsDispatcher;
use crate::step::{Context, Step};

/// The result of a step: a value or a refusal, unless the service fails.
type CvsResult<T> = Result<Result<T, CvsRefusal>, Failure>;

/// Answers one request.
pub(crate) fn answer<'s>(
    new_context: impl Fn() -> Context<'s>,
    dispatcher: &SmsDispatcher<'_>,
    account: &AccountName,
    request: &CvsRequest<'_>,
    languages: &[Language],
) -> Result<CvsAnswer, Failure> {
    let name = account.as_str();
    let ctx = new_context();
    let result = match *request {
        CvsRequest::SendCode { purpose, phone_number } => {
            let request = CodeRequest { purpose, phone_number, languages };
            send_code(new_context, dispatcher, name, &request)?
                .map(|ticket| ticket.map_or(CvsAnswer::Done, CvsAnswer::Ticket))
        }
        CvsRequest::TrustedPhoneNumber => {
            ctx.step("phoneNumber.read", |step| trusted_number(step, name))?.map(CvsAnswer::PhoneNumber)
        }
        CvsRequest::AddPhoneNumber { sms_code, phone_number } => ctx
            .step("phoneNumber.add", |step| register(step, name, sms_code, phone_number, false))?
            .map(|()| CvsAnswer::Done),
        CvsRequest::ModifyPhoneNumber { sms_code, phone_number } => ctx
            .step("phoneNumber.modify", |step| register(step, name, sms_code, phone_number, true))?
            .map(|()| CvsAnswer::Done),
        CvsRequest::RemoveEnrollments => {
            ctx.step("enrollments.remove", |step| remove_enrollments(step, name))?;
            Ok(CvsAnswer::Done)
        }
        CvsRequest::Devices => {
            let entries = ctx.step("devices.list", |step| Ok(Devices::read(step, name)?.entries(None)))?;
            Ok(CvsAnswer::Devices(entries))
        }
        CvsRequest::RenameDevice { device, name: new } => {
            change_device(&ctx, "device.rename", name, device, |step, found| devices::rename(step, found, new, None))?
        }
        CvsRequest::RemoveDevice { device } => {
            change_device(&ctx, "device.remove", name, device, |step, found| devices::remove(step, &found, None))?
        }
    };
    Ok(result.unwrap_or_else(CvsAnswer::Refused))
}

/// A request for a code.
struct CodeRequest<'a> {
    purpose: Purpose,
    phone_number: Option<&'a str>,
    languages: &'a [Language],
}

impl CodeRequest<'_> {
    fn status(&self) -> NumberStatus {
        match self.purpose {
            Purpose::PhoneNumberCertification => NumberStatus::Uncertified,
            Purpose::Enrollment | Purpose::ResetPin => NumberStatus::Certified,
        }
    }

    /// Returns the number that the code goes to, and its destination for the gateway.
    fn destination(&self, step: &Step<'_>, registered: Option<&str>) -> Result<(PhoneNumber, Destination), CvsRefusal> {
        match self.purpose {
            Purpose::PhoneNumberCertification => {
                read_destination(step, self.phone_number.ok_or(CvsRefusal::BadPhoneNumber)?)
            }
            Purpose::Enrollment | Purpose::ResetPin => trusted_destination(step, registered),
        }
    }
}

/// Returns the trusted number of an account, and its destination for the gateway.
pub(crate) fn trusted_destination(
    step: &Step<'_>,
    registered: Option<&str>,
) -> Result<(PhoneNumber, Destination), CvsRefusal> {
    read_destination(step, registered.ok_or(CvsRefusal::NoPhoneNumber)?)
}

fn read_destination(step: &Step<'_>, number: &str) -> Result<(PhoneNumber, Destination), CvsRefusal> {
    let number = step.phone_number(number).ok_or(CvsRefusal::BadPhoneNumber)?;
    let destination = step.policy.sms.countries.destination(&number).ok_or(CvsRefusal::BadPhoneNumber)?;
    Ok((number, destination))
}

/// Makes and sends a code. Calls `new_context` again before each step, because the gateway may take
/// long and the time changes.
fn send_code<'s>(
    new_context: impl Fn() -> Context<'s>,
    dispatcher: &SmsDispatcher<'_>,
    name: &str,
    request: &CodeRequest<'_>,
) -> CvsResult<Option<Ticket>> {
    if dispatcher.is_full(&new_context())? {
        return Ok(Err(CvsRefusal::SmsNotSent));
    }
    if let Some(retry_after_seconds) = budget_retry_after(&new_context(), name, request)? {
        dispatcher.limited.fetch_add(1, Ordering::Relaxed);
        return Ok(Err(CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) }));
    }
    let purpose = request.purpose;
    // The code is durable before it is sent, so that the service knows every code that a user
    // holds.
    let made = new_context().step("code.send", |step| {
        let made = make_code(step, name, request)?;
        if let Ok((code, message, _)) = &made {
            dispatcher.enqueue(step, name, purpose, *code, message)?;
        }
        Ok(made)
    })?;
    let (code, message, ticket) = match made {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if dispatcher.send_now(&new_context, &message)? {
        return Ok(Ok(ticket));
    }
    if dispatcher.retry.is_none() {
        new_context().step("code.withdraw", |step| {
            // Another request may have replaced the code in the meantime. This request must not
            // void the new code.
            codes::withdraw(step, name, purpose, |held| held.hash == code.bytes && held.used.is_none())
        })?;
    }
    Ok(Err(CvsRefusal::SmsNotSent))
}

/// Returns the seconds until there is budget for this code. `None` also if no code may be sent to
/// the number at all: another check reports that.
fn budget_retry_after(ctx: &Context<'_>, name: &str, request: &CodeRequest<'_>) -> Result<Option<u64>, Failure> {
    if ctx.policy.sms.budget.limits().next().is_none() {
        return Ok(None);
    }
    let destination = ctx.step("code.destination", |step| {
        let account = step.rows.account(name)?;
        let registered = account.as_ref().and_then(|account| account.phone_number.as_deref());
        Ok(request.destination(step, registered))
    })?;
    match destination {
        Ok((_, destination)) => sms_budget::retry_after(ctx, &destination.prefix, request.status()),
        Err(_) => Ok(None),
    }
}

/// The hash of a code, its message, and the ticket for the client.
type PreparedSms = (Hash, Sms, Option<Ticket>);

fn make_code(step: &Step<'_>, name: &str, request: &CodeRequest<'_>) -> CvsResult<PreparedSms> {
    let purpose = request.purpose;
    let mut account = account(step, name)?;
    let (number, destination) = match request.destination(step, account.phone_number.as_deref()) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(wait) = waiting_time(step, &account, request.status()) {
        let retry_after_seconds = u64::try_from(wait).unwrap_or(0).div_ceil(1000);
        step.audit(Some(name), None, audit::CODE_LIMITED)?;
        return Ok(Err(CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) }));
    }
    let old = step.rows.code(name, purpose)?;
    step.rows.remove_code_requests(name, step.now.saturating_sub(rules::DAY))?;
    let requests = step.rows.code_requests(name)?;
    if let Some(retry_after_seconds) = rules::retry_after(&requests, old.as_ref(), step.policy, step.now) {
        step.audit(Some(name), None, audit::CODE_LIMITED)?;
        return Ok(Err(CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) }));
    }
    let NewCode { hash, code, ticket } = codes::make(step, name, purpose, &number, old.as_ref())?;
    step.rows.add_code_request(name, step.now, &random::hex::<16>()?)?;
    step.audit(Some(name), None, audit::CODE_SENT)?;
    sms_budget::charge(step, &destination.prefix, request.status())?;
    let texts = &step.policy.sms.texts;
    let preferred = request.languages.iter().find(|language| texts.knows(language)).map(Language::as_str);
    if preferred.is_some() && preferred != account.language.as_deref() {
        account.language = preferred.map(str::to_owned);
        step.put_account(&account)?;
    }
    let message = Message::Code(purpose);
    let values = PlaceholderValues { code: &code, minutes: step.policy.code_lifetime_seconds.div_ceil(60) };
    let text = texts.text(message, account.language.as_deref(), &values);
    let id = random::hex::<16>()?;
    let to = destination.number.as_str().to_owned();
    Ok(Ok((hash, Sms { id, to, message, code, text, at: step.now }, ticket)))
}

/// Returns the milliseconds until the account may have its first code, or codes to a number that
/// replaced another. Returns `None` if it may have one now.
pub(crate) fn waiting_time(step: &Step<'_>, account: &AccountRow, status: NumberStatus) -> Option<i64> {
    let (began_at, length) = match status {
        NumberStatus::Uncertified if account.phone_number.is_none() => {
            (account.made_at, millis(step.policy.sms.new_account_seconds))
        }
        NumberStatus::Uncertified => return None,
        NumberStatus::Certified => (account.phone_changed_at?, step.policy.number_cooling_millis()),
    };
    moment::time_left(began_at, length, step.now)
}

fn trusted_number(step: &Step<'_>, name: &str) -> CvsResult<String> {
    let number = account(step, name)?.phone_number.map(|number| step.policy.sms.countries.shown_number(number));
    Ok(number.ok_or(CvsRefusal::NoPhoneNumber))
}

fn register(step: &Step<'_>, name: &str, sms_code: &str, number: &str, replaces: bool) -> CvsResult<()> {
    let mut account = account(step, name)?;
    let Some(number) = step.phone_number(number) else {
        return Ok(Err(CvsRefusal::BadPhoneNumber));
    };
    match (&account.phone_number, replaces) {
        (Some(_), false) => return Ok(Err(CvsRefusal::PhoneNumberRegistered)),
        (None, true) => return Ok(Err(CvsRefusal::NoPhoneNumber)),
        _ => {}
    }
    let code = match codes::verify_code(step, name, Purpose::PhoneNumberCertification, Some(&number), sms_code)? {
        CodeVerdict::Right(code) => code,
        CodeVerdict::OtherNumber => return Ok(Err(CvsRefusal::OtherNumber)),
        CodeVerdict::NoCode => return Ok(Err(CvsRefusal::NoCode)),
        CodeVerdict::Wrong { attempts_left } => return Ok(Err(CvsRefusal::WrongCode { attempts_left })),
        CodeVerdict::Used(_) | CodeVerdict::Unknown => return Ok(Err(CvsRefusal::WrongCode { attempts_left: 0 })),
    };
    codes::consume(step, code, CodeUse::Done)?;
    if account.phone_number.as_deref().is_some_and(|old| !step.is_number(old, &number)) {
        // The notice goes to the old number.
        step.notify(&account, &Event::new(Notice::PhoneNumber, None))?;
        account.phone_changed_at = Some(step.now);
    }
    account.phone_number = Some(number.as_str().to_owned());
    step.put_account(&account)?;
    // Codes that went to the old number prove nothing about the new one.
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        codes::withdraw(step, name, purpose, |code| !step.is_number(&code.phone_number, &number))?;
    }
    let event = if replaces { audit::PHONE_NUMBER_MODIFIED } else { audit::PHONE_NUMBER_ADDED };
    step.audit(Some(name), None, event)?;
    Ok(Ok(()))
}

fn remove_enrollments(step: &Step<'_>, name: &str) -> Result<(), Failure> {
    let mut account = account(step, name)?;
    for device in step.rows.devices_of(name)? {
        // This also removes its challenges, passwords and refresh tokens.
        step.rows.tombstone_device(&device.id, step.now)?;
        step.audit(Some(name), Some(&device.id), audit::DEVICE_REMOVED)?;
    }
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        codes::withdraw(step, name, purpose, |_| true)?;
    }
    // Everything that came from the PIN ends with it. The counters and the history of PINs stay.
    step.remove_pin(&mut account)?;
    step.put_unblocked(&mut account)?;
    // No device is left that could ask for them.
    if step.policy.device_notices {
        step.rows.remove_account_events(name)?;
    }
    step.audit(Some(name), None, audit::ENROLLMENTS_REMOVED)
}

/// Changes the one device of the account that a text names.
fn change_device(
    ctx: &Context<'_>,
    name: &'static str,
    account: &str,
    device: &str,
    change: impl Fn(&Step<'_>, DeviceRow) -> Result<(), Failure>,
) -> CvsResult<CvsAnswer> {
    ctx.step(name, |step| match devices::find(step, account, device)? {
        Some(found) => change(step, found).map(|()| Ok(CvsAnswer::Done)),
        None => Ok(Err(CvsRefusal::NoSuchDevice)),
    })
}

/// Returns the account. Creates it if it does not exist.
fn account(step: &Step<'_>, name: &str) -> Result<AccountRow, Failure> {
    if let Some(account) = step.rows.account(name)? {
        return Ok(account);
    }
    let account = AccountRow::new(name, step.now);
    step.rows.add_account(&account)?;
    step.audit(Some(name), None, audit::ACCOUNT_CREATED)?;
    Ok(account)
}
