//! `pims.authentication.smscode`: SMS codes are requested and submitted, phone numbers are
//! certified.

use inwebo::client::activate::PinMode;
use inwebo::cvs::Purpose;
use inwebo::values::SmsCode;

use super::{Error, Method, Params, Route, Selector, StrongAuthentication, Task, failed, of_enrollment};
use crate::message::Output;
use crate::strongauth::Failure;

const API: &str = "pims.authentication.smscode";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "enrollment",
        parameters: &[],
        judge: |_, _| {
            Task::new(|component| {
                component.strong()?.request_code(Purpose::Enrollment, None).map_err(failed("pinCode"))?;
                Ok(Output::Empty)
            })
        },
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "phoneNumberCertification",
        parameters: &["phoneNumber"],
        judge: |params, _| {
            let [number] = params.require(["phoneNumber"])?;
            let number = number.phone_number("phoneNumber")?;
            Task::new(move |component| {
                component
                    .strong()?
                    .request_code(Purpose::PhoneNumberCertification, Some(&number))
                    .map_err(failed("pinCode"))?;
                Ok(Output::Empty)
            })
        },
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Type,
        operation: "resetPIN",
        parameters: &[],
        judge: |_, _| {
            Task::new(|component| {
                component.strong()?.request_code(Purpose::ResetPin, None).map_err(failed("pinCode"))?;
                Ok(Output::Empty)
            })
        },
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::ActionOrType,
        operation: "addPhoneNumber",
        parameters: &["smsCode", "phoneNumber"],
        judge: |params, _| register(params, StrongAuthentication::add_phone_number),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::ActionOrType,
        operation: "modifyPhoneNumber",
        parameters: &["smsCode", "phoneNumber"],
        judge: |params, _| register(params, StrongAuthentication::modify_phone_number),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enrollment",
        parameters: &["smsCode"],
        judge: |params, _| {
            let [code] = params.require(["smsCode"])?;
            let code = code.sms_code("smsCode")?;
            Task::new(move |component| {
                let pin_mode = component.strong()?.accept_code(&code).map_err(of_enrollment)?;
                let status = match pin_mode {
                    PinMode::Current => "AlreadyEnrolled",
                    PinMode::None | PinMode::New | PinMode::Biometric => "NotEnrolled",
                };
                Ok(Output::Texts(vec![("status", status.into())]))
            })
        },
    },
];

/// Validates the parameters of an operation that registers a phone number with a code that
/// certifies it.
fn register(
    params: &Params<'_>,
    run: fn(&mut StrongAuthentication, &SmsCode, &str) -> Result<(), Failure>,
) -> Result<Task, Error> {
    let [code, number] = params.require(["smsCode", "phoneNumber"])?;
    let code = code.sms_code("smsCode")?;
    let number = number.phone_number("phoneNumber")?;
    Task::new(move |component| {
        run(component.strong()?, &code, &number).map_err(failed("pinCode"))?;
        Ok(Output::Null)
    })
}
