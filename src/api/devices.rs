//! `pims.authentication.devices`: the devices of the account.

use inwebo::client::devices::Change;
use inwebo::values::Pin;

use super::failure::from_failure_of_question;
use super::{Error, Method, Params, Route, Selector, Task, Validate, from_failure_of_own_mode};
use crate::message::Output;

const API: &str = "pims.authentication.devices";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Only,
        operation: "",
        validate: Validate::None(|| {
            Task::new(|component| {
                let devices = component.strong()?.devices().map_err(|failure| from_failure_of_question(&failure))?;
                Ok(Output::Devices(devices))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "rename",
        validate: Validate::AtLeast(&["deviceId", "name"], rename),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "remove",
        validate: Validate::AtLeast(&["deviceId"], remove),
    },
];

fn rename(params: &Params<'_>) -> Result<Task, Error> {
    let [device, name] = params.require(["deviceId", "name"])?;
    let device = device.device_id()?;
    let name = name.device_name()?;
    let pin = optional_pin(params)?;
    Task::new(move |component| {
        let change = Change::Rename { device: &device, name: &name };
        let outcome = component.strong()?.change_device(change, pin.as_ref());
        outcome.map_err(|failure| from_failure_of_own_mode(&failure))?;
        Ok(Output::Null)
    })
}

fn remove(params: &Params<'_>) -> Result<Task, Error> {
    let [device] = params.require(["deviceId"])?;
    let device = device.device_id()?;
    let pin = optional_pin(params)?;
    Task::new(move |component| {
        let outcome = component.strong()?.change_device(Change::Remove { device: &device }, pin.as_ref());
        outcome.map_err(|failure| from_failure_of_own_mode(&failure))?;
        Ok(Output::Null)
    })
}

/// Reads the PIN if the call has one: a blank one counts as missing. A device that is enrolled
/// needs it, which is known when the task runs.
fn optional_pin(params: &Params<'_>) -> Result<Option<Pin>, Error> {
    params.optional("pinCode").map_or(Ok(None), |pin| pin.pin_or_blank())
}
