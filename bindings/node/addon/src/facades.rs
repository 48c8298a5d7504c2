//! The facades by the numbers that JavaScript has for them.

use pims::facade::{self, Callback, Handle, Message, Method, Rejection};

/// Opens a facade: the default one, or one beside the others. Returns its message, and its number
/// if it was opened.
pub(crate) fn open(config: &str, is_default: bool) -> (Message, Option<i64>) {
    if is_default {
        let message = facade::execute("init", "", config);
        let is_open = message.as_str().contains(r#""status":"SUCCEEDED""#);
        return (message, is_open.then(|| number(Handle::DEFAULT)).flatten());
    }
    let message = facade::execute("open", "", config);
    let opened = message
        .as_str()
        .split_once(r#""result":{"facade":"#)
        .and_then(|(_, rest)| rest.trim_end_matches('}').parse().ok());
    (message, opened)
}

/// Submits a call to a facade.
pub(crate) fn call(facade: i64, method: Method, api: &str, params: &str, callback: Callback) -> Result<(), Rejection> {
    handle(facade).call(method, api, params, callback)
}

/// Ends a subscription inside its callback.
pub(crate) fn end_inside(facade: i64, api: &str, params: &str) {
    drop(handle(facade).execute("unsubscribe", api, params));
}

/// Releases a facade. It has no effect if the facade does not exist.
pub(crate) fn close(facade: i64) {
    handle(facade).close();
}

/// Returns the handle with a number. A negative number is that of no facade, as 0 is.
fn handle(number: i64) -> Handle {
    Handle::from_number(u64::try_from(number).unwrap_or(0))
}

fn number(handle: Handle) -> Option<i64> {
    i64::try_from(handle.number()).ok()
}
