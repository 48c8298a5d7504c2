//! The facades by the numbers that JavaScript has for them.

use pims::facade::{self, Callback, Message, Method};

/// Number of the default facade.
pub(crate) const DEFAULT: i64 = 1;

/// Reason why a call was not accepted. Its callback is not called.
pub(crate) enum Refusal {
    QueueFull,
    NoFacade,
}

/// Opens the default facade, if it does not exist. Returns its message, and its number if it was
/// opened.
pub(crate) fn open(config: &str, _is_default: bool) -> (Message, Option<i64>) {
    let message = facade::execute("init", "", config);
    let is_open = message.as_str().contains(r#""status":"SUCCEEDED""#);
    (message, is_open.then_some(DEFAULT))
}

/// Submits a call to a facade.
pub(crate) fn call(_number: i64, method: Method, api: &str, params: &str, callback: Callback) -> Result<(), Refusal> {
    facade::call(method, api, params, callback).map_err(|_| Refusal::QueueFull)
}

/// Ends a subscription inside its callback.
pub(crate) fn end_inside(_number: i64, api: &str, params: &str) {
    drop(facade::execute("unsubscribe", api, params));
}

/// Releases a facade. It has no effect if the facade does not exist.
pub(crate) fn close(_number: i64) {
    facade::free();
}
