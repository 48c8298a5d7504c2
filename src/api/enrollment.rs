//! `pims.authentication.enrollment`: the enrollment of this device, its import and export, the
//! removal of the account's enrollments.

use super::{Error, Method, Params, Route, Selector, Task, Validate, failed, from_failure_of_import, of_enrollment};
use crate::message::{Member, Output};
use crate::strongauth::{FactoryKey, PendingDevice};

const API: &str = "pims.authentication.enrollment";

/// Warning of an import. Two clients with one state part ways as soon as K1 evolves.
const WARNING: &str = "the other client must not use this enrollment any more, and what it stored contains keys \
    in clear: stop it, and remove its state and this call's copy of it";

/// Warning of an import whose factory key the service did not name.
const UNPROVED: &str = "The service did not name its factory key, so the one of the state counts unproved";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enroll",
        validate: Validate::Two(["pinCode", "smsCode"], |[pin, code]| {
            let pin = pin.pin()?;
            let code = code.enrollment_code_or_blank()?;
            Task::new(move |component| {
                let pending = component.strong()?.enroll(&pin, code.as_ref()).map_err(of_enrollment)?;
                Ok(of_pending(pending))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enrollWithPhoneNumber",
        validate: Validate::Three(["pinCode", "smsCode", "phoneNumber"], |[pin, code, number]| {
            let pin = pin.pin()?;
            let code = code.sms_code()?;
            let number = number.phone_number()?;
            Task::new(move |component| {
                let pending =
                    component.strong()?.enroll_with_phone_number(&pin, &code, &number).map_err(of_enrollment)?;
                Ok(of_pending(pending))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "import",
        validate: Validate::AtLeast(&["format", "state", "pinCode"], import),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "export",
        validate: Validate::Two(["pinCode", "plain"], |[pin, plain]| {
            let pin = pin.pin()?;
            if !plain.flag()? {
                return Err(Error::invalid("plain", "expected true: an export contains K1 in clear"));
            }
            Task::new(move |component| {
                let state = component.strong()?.export(&pin).map_err(failed)?;
                Ok(Output::Text("state", state))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "remove",
        validate: Validate::None(|| {
            Task::new(|component| {
                component.strong()?.remove().map_err(failed)?;
                Ok(Output::Null)
            })
        }),
    },
];

/// Returns the result of an enrollment. If the new device waits for another one of the account, the
/// result has what both compare.
fn of_pending(pending: Option<PendingDevice>) -> Output {
    let confirmed = ("confirmed", Member::Flag(false));
    match pending {
        None => Output::Null,
        Some(PendingDevice::Confirmation(fingerprint)) => {
            Output::Members(vec![("fingerprint", Member::text(fingerprint.as_str())), confirmed])
        }
        Some(PendingDevice::Approval { number, lifetime }) => {
            let lifetime = lifetime.map_or(Member::Null, Member::Number);
            Output::Members(vec![confirmed, ("number", Member::text(number.as_str())), ("lifetimeSeconds", lifetime)])
        }
    }
}

/// Validates the parameters of an import. `replace` may be missing.
fn import(params: &Params<'_>) -> Result<Task, Error> {
    let [format, state, pin] = params.require(["format", "state", "pinCode"])?;
    let state = state.state(format.state_format()?)?;
    let pin = pin.pin()?;
    let replace = params.optional("replace").map_or(Ok(false), |replace| replace.flag())?;
    Task::new(move |component| {
        let factory =
            component.strong()?.import(&state, &pin, replace).map_err(|failure| from_failure_of_import(&failure))?;
        let warning = match factory {
            FactoryKey::Proved => WARNING.into(),
            FactoryKey::Unproved => format!("{WARNING}. {UNPROVED}").into(),
        };
        Ok(Output::Texts(vec![("warning", warning)]))
    })
}
