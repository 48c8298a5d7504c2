//! `pims.authentication.smscode`: SMS codes are requested and submitted, phone numbers are
//! certified.

use inwebo::client::activate::PinMode;
use inwebo::cvs::Purpose;
use inwebo::values::SmsCode;

use super::{Error, Given, Method, Route, Selector, StrongAuthentication, Task, Validate, failed, of_enrollment};
use crate::message::Output;
use crate::strongauth::Failure;

const API: &str = "pims.authentication.smscode";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "enrollment",
        validate: Validate::None(|| {
            Task::new(|component| {
                component.strong()?.request_code(Purpose::Enrollment, None).map_err(failed)?;
                Ok(Output::Empty)
            })
        }),
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "phoneNumberCertification",
        validate: Validate::One(["phoneNumber"], |[number]| {
            let number = number.phone_number()?;
            Task::new(move |component| {
                component.strong()?.request_code(Purpose::PhoneNumberCertification, Some(&number)).map_err(failed)?;
                Ok(Output::Empty)
            })
        }),
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "resetPIN",
        validate: Validate::None(|| {
            Task::new(|component| {
                component.strong()?.request_code(Purpose::ResetPin, None).map_err(failed)?;
                Ok(Output::Empty)
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::ActionOrType,
        operation: "addPhoneNumber",
        validate: Validate::Two(["smsCode", "phoneNumber"], |given| {
            register(given, StrongAuthentication::add_phone_number)
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::ActionOrType,
        operation: "modifyPhoneNumber",
        validate: Validate::Two(["smsCode", "phoneNumber"], |given| {
            register(given, StrongAuthentication::modify_phone_number)
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enrollment",
        validate: Validate::One(["smsCode"], |[code]| {
            let code = code.enrollment_code()?;
            Task::new(move |component| {
                let pin_mode = component.strong()?.accept_code(&code).map_err(of_enrollment)?;
                let status = match pin_mode {
                    PinMode::Current => "AlreadyEnrolled",
                    PinMode::None | PinMode::New | PinMode::Biometric => "NotEnrolled",
                };
                Ok(Output::Texts(vec![("status", status.into())]))
            })
        }),
    },
];

/// Validates the parameters of an operation that registers a phone number with a code that
/// certifies it.
fn register(
    [code, number]: [Given<'_>; 2],
    run: fn(&mut StrongAuthentication, &SmsCode, &str) -> Result<(), Failure>,
) -> Result<Task, Error> {
    let code = code.sms_code()?;
    let number = number.phone_number()?;
    Task::new(move |component| {
        run(component.strong()?, &code, &number).map_err(failed)?;
        Ok(Output::Null)
    })
}
