//! CVS: what an authenticated account asks for without a device. SMS codes, the trusted phone number, an end to all devices.
//!
//! Who the account is was settled before; the HTTP face of this is not here.

use crate::account::AccountName;
use crate::audit;
use crate::codes::{self, Entered};
use crate::domain::code as rules;
use crate::domain::phone::is_phone_number;
use crate::failure::Failure;
use crate::random;
use crate::sealing::Hash;
use crate::sms::{Purpose, Sms};
use crate::sms_queue::Post;
use crate::step::{Step, Surroundings};
use crate::storage::{AccountRow, CodeUse};
use zeroize::Zeroizing;

/// A request of an authenticated account. Phone numbers come in their normal form.
#[derive(Clone, Copy)]
pub enum CvsRequest<'a> {
    /// Sends an SMS code.
    SendCode {
        /// What the code is to be good for.
        purpose: Purpose,
        /// The number that is to be certified. For the other purposes the trusted number is taken, whatever stands here.
        phone_number: Option<&'a str>,
    },
    /// Asks for the trusted phone number.
    TrustedPhoneNumber,
    /// Registers a first trusted phone number.
    AddPhoneNumber {
        /// The code that was sent to it.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Registers another trusted phone number.
    ModifyPhoneNumber {
        /// The code that was sent to it.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Removes every device of the account, its PIN, its block and its refresh tokens.
    RemoveEnrollments,
}

/// The answer to a [`CvsRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CvsAnswer {
    /// It is done.
    Done,
    /// The trusted phone number.
    PhoneNumber(String),
    /// It is not done.
    Refused(CvsRefusal),
}

/// Why a [`CvsRequest`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CvsRefusal {
    /// The account has no trusted phone number.
    NoPhoneNumber,
    /// The account has a trusted phone number already.
    PhoneNumberRegistered,
    /// No phone number in its normal form.
    BadPhoneNumber,
    /// The SMS code is wrong, used or expired.
    WrongCode {
        /// How many wrong tries are left; 0 also where there is no code to try.
        attempts_left: u32,
    },
    /// Too many SMS codes were asked for, or too many wrong ones entered.
    TooManyCodes {
        /// When to ask again.
        retry_after_seconds: u64,
    },
    /// The gateway did not take the SMS, or too many wait for it. Without a queue the code is void; with one
    /// ([`Options::sms_retry`](crate::Options::sms_retry)) the message is tried again, and its code stays good.
    SmsNotSent,
}

/// What stands between a step and its answer.
type Judged<T> = Result<Result<T, CvsRefusal>, Failure>;

/// Answers one request.
pub(crate) fn answer<'s>(
    around: impl Fn() -> Surroundings<'s>,
    post: &Post<'_>,
    account: &AccountName,
    request: &CvsRequest<'_>,
) -> Result<CvsAnswer, Failure> {
    let name = account.as_str();
    let surroundings = around();
    let judged = match *request {
        CvsRequest::SendCode { purpose, phone_number } => {
            send_code(around, post, name, purpose, phone_number)?.map(|()| CvsAnswer::Done)
        }
        CvsRequest::TrustedPhoneNumber => {
            surroundings.step("phoneNumber.read", |step| trusted_number(step, name))?.map(CvsAnswer::PhoneNumber)
        }
        CvsRequest::AddPhoneNumber { sms_code, phone_number } => surroundings
            .step("phoneNumber.add", |step| register(step, name, sms_code, phone_number, false))?
            .map(|()| CvsAnswer::Done),
        CvsRequest::ModifyPhoneNumber { sms_code, phone_number } => surroundings
            .step("phoneNumber.modify", |step| register(step, name, sms_code, phone_number, true))?
            .map(|()| CvsAnswer::Done),
        CvsRequest::RemoveEnrollments => {
            surroundings.step("enrollments.remove", |step| remove_enrollments(step, name))?;
            Ok(CvsAnswer::Done)
        }
    };
    Ok(judged.unwrap_or_else(CvsAnswer::Refused))
}

/// `around` is asked anew before each step: a gateway takes its time.
fn send_code<'s>(
    around: impl Fn() -> Surroundings<'s>,
    post: &Post<'_>,
    name: &str,
    purpose: Purpose,
    phone_number: Option<&str>,
) -> Judged<()> {
    if post.is_full(&around())? {
        return Ok(Err(CvsRefusal::SmsNotSent));
    }
    // First durable, then sent: a code that a person holds is always known.
    let made = around().step("code.send", |step| {
        let made = make_code(step, name, purpose, phone_number)?;
        if let Ok((code, message)) = &made {
            post.keep(step, name, *code, message)?;
        }
        Ok(made)
    })?;
    let (code, message) = match made {
        Ok(made) => made,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if post.try_first(&around, &message)? {
        return Ok(Ok(()));
    }
    if post.retry.is_none() {
        around().step("code.withdraw", |step| {
            // Another request may have replaced it meanwhile: that one is not this one's to withdraw.
            codes::withdraw(step, name, purpose, |held| held.hash == code.bytes && held.used.is_none())
        })?;
    }
    Ok(Err(CvsRefusal::SmsNotSent))
}

fn make_code(step: &Step<'_>, name: &str, purpose: Purpose, phone_number: Option<&str>) -> Judged<(Hash, Sms)> {
    let account = account(step, name)?;
    let number = match (purpose, phone_number) {
        (Purpose::PhoneNumberCertification, Some(number)) if is_phone_number(number) => number.to_owned(),
        (Purpose::PhoneNumberCertification, _) => return Ok(Err(CvsRefusal::BadPhoneNumber)),
        (Purpose::Enrollment | Purpose::ResetPin, _) => match account.phone_number {
            Some(number) => number,
            None => return Ok(Err(CvsRefusal::NoPhoneNumber)),
        },
    };
    let old = step.rows.code(name, purpose)?;
    let requests = step.rows.code_requests(name, step.now.saturating_sub(rules::DAY))?;
    if let Some(retry_after_seconds) = rules::retry_after(&requests, old.as_ref(), step.policy, step.now) {
        step.audit(Some(name), None, audit::CODE_LIMITED)?;
        return Ok(Err(CvsRefusal::TooManyCodes { retry_after_seconds }));
    }
    let (hash, code) = codes::make(step, name, purpose, &number, old.as_ref())?;
    step.rows.add_code_request(name, step.now, &random::hex::<16>()?)?;
    step.audit(Some(name), None, audit::CODE_SENT)?;
    let text = message_text(&code, step.policy.code_lifetime_seconds);
    let id = random::hex::<16>()?;
    Ok(Ok((hash, Sms { id, to: number, purpose, code, text, at: step.now })))
}

fn message_text(code: &str, lifetime_seconds: u64) -> Zeroizing<String> {
    let minutes = lifetime_seconds.div_ceil(60);
    Zeroizing::new(format!("{code} is your code. It is good for {minutes} minutes. Never tell it to anybody."))
}

fn trusted_number(step: &Step<'_>, name: &str) -> Judged<String> {
    Ok(account(step, name)?.phone_number.ok_or(CvsRefusal::NoPhoneNumber))
}

fn register(step: &Step<'_>, name: &str, sms_code: &str, number: &str, replaces: bool) -> Judged<()> {
    let mut account = account(step, name)?;
    if !is_phone_number(number) {
        return Ok(Err(CvsRefusal::BadPhoneNumber));
    }
    match (&account.phone_number, replaces) {
        (Some(_), false) => return Ok(Err(CvsRefusal::PhoneNumberRegistered)),
        (None, true) => return Ok(Err(CvsRefusal::NoPhoneNumber)),
        _ => {}
    }
    let code = match codes::judge(step, name, Purpose::PhoneNumberCertification, Some(number), sms_code)? {
        Entered::Right(code) => code,
        Entered::Wrong { attempts_left } => return Ok(Err(CvsRefusal::WrongCode { attempts_left })),
        Entered::Used(_) | Entered::Unknown => return Ok(Err(CvsRefusal::WrongCode { attempts_left: 0 })),
    };
    codes::consume(step, code, CodeUse::Done)?;
    account.phone_number = Some(number.to_owned());
    step.put_account(&account)?;
    // What was sent to the old number proves nothing about the new one.
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        codes::withdraw(step, name, purpose, |code| code.phone_number != number)?;
    }
    let event = if replaces { audit::PHONE_NUMBER_MODIFIED } else { audit::PHONE_NUMBER_ADDED };
    step.audit(Some(name), None, event)?;
    Ok(Ok(()))
}

fn remove_enrollments(step: &Step<'_>, name: &str) -> Result<(), Failure> {
    let mut account = account(step, name)?;
    for device in step.rows.devices_of(name)? {
        // Its challenges, passwords and refresh tokens go with it.
        step.rows.bury_device(&device.id, step.now)?;
        step.audit(Some(name), Some(&device.id), audit::DEVICE_REMOVED)?;
    }
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        codes::withdraw(step, name, purpose, |_| true)?;
    }
    // What came from the PIN ends with it. What was counted and which PINs were used stays known.
    step.forget_pin(&mut account)?;
    account.blocked = false;
    step.put_account(&account)?;
    step.audit(Some(name), None, audit::ENROLLMENTS_REMOVED)
}

/// The account, made where there is none.
fn account(step: &Step<'_>, name: &str) -> Result<AccountRow, Failure> {
    if let Some(account) = step.rows.account(name)? {
        return Ok(account);
    }
    let account = AccountRow::new(name, step.now);
    step.put_account(&account)?;
    step.audit(Some(name), None, audit::ACCOUNT_CREATED)?;
    Ok(account)
}
