//! The functions that JavaScript calls.
//!
//! `unsafe` stands only in what the attribute `napi` makes of them: the functions that Node.js
//! calls with its pointers.

// The attribute makes other functions of them, which Node.js calls.
#![allow(unsafe_code, unreachable_pub)]
// In a build for tests, it does not register them.
#![cfg_attr(test, allow(dead_code))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use napi::bindgen_prelude::{AsyncTask, Function, Unknown};
use napi::{Env, Error, JsString, Result, Task};
use napi_derive::napi;
use pims::facade::{Method, Rejection};
use zeroize::Zeroizing;

use crate::facades;
use crate::inbox::Inbox;

/// Returns the library's version.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The way to the library for one JavaScript thread.
#[napi]
pub struct Port {
    inbox: Arc<Inbox>,
}

#[napi]
impl Port {
    /// Makes a port. `wake` is called on the JavaScript thread when there is something to take.
    /// When the thread ends, the facades that it opened are closed.
    #[napi(constructor)]
    pub fn new(env: &Env, wake: Function<'_, (), Unknown<'static>>) -> Result<Self> {
        pims::facade::log_panics();
        pims::ffi::forks::watch();
        let wake = wake.build_threadsafe_function::<()>().weak::<true>().build_callback(|_| Ok(()))?;
        let inbox = Inbox::new(wake);
        env.add_env_cleanup_hook(inbox.clone(), |inbox| drop(catch_unwind(AssertUnwindSafe(|| inbox.close()))))?;
        Ok(Self { inbox })
    }

    /// Opens a facade on another thread. The promise's value is the message, and the number of the
    /// facade, or 0.
    #[napi(ts_return_type = "Promise<[string, number]>")]
    pub fn open(&self, config: &[u8], is_default: bool) -> Result<AsyncTask<Open>> {
        Ok(AsyncTask::new(Open { inbox: self.inbox.clone(), config: text(config)?, is_default }))
    }

    /// Submits a call. Returns 0, or 1 if the queue is full, or 2 if the facade was closed.
    #[napi]
    pub fn call(&self, facade: i64, method: u32, api: String, params: &[u8], call: i64) -> Result<u32> {
        let params = text(params)?;
        let method = match method {
            0 => Method::Get,
            1 => Method::Set,
            2 => Method::Subscribe,
            _ => Method::Unsubscribe,
        };
        let callback = match method {
            Method::Subscribe => self.inbox.subscriber(call, facade, &api),
            _ => self.inbox.callback_of(call),
        };
        let submitted = catch_unwind(AssertUnwindSafe(|| facades::call(facade, method, &api, &params, callback)));
        match submitted {
            Ok(Ok(())) => Ok(0),
            Ok(Err(Rejection::QueueFull)) => Ok(1),
            Ok(Err(Rejection::NoFacade)) => Ok(2),
            Err(_) => Err(panicked()),
        }
    }

    /// Returns the next call that has a message or whose subscription ended, and the text of the
    /// message.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env) -> Result<Option<(i64, Option<JsString<'env>>)>> {
        let Some(delivery) = self.inbox.take() else { return Ok(None) };
        let text = delivery.text.map(|text| env.create_string(text.as_str())).transpose()?;
        Ok(Some((delivery.call, text)))
    }

    /// Closes a facade on another thread, which waits for the current call.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self, facade: i64) -> AsyncTask<Close> {
        AsyncTask::new(Close { inbox: self.inbox.clone(), facade })
    }
}

/// The opening of a facade.
pub struct Open {
    inbox: Arc<Inbox>,
    config: Zeroizing<String>,
    is_default: bool,
}

impl Task for Open {
    type Output = (String, i64);
    type JsValue = (String, i64);

    fn compute(&mut self) -> Result<Self::Output> {
        let opened = catch_unwind(AssertUnwindSafe(|| facades::open(&self.config, self.is_default)));
        let (message, number) = opened.map_err(|_| panicked())?;
        // The default facade belongs to the process, not to this thread.
        if let Some(number) = number
            && !self.is_default
            && !self.inbox.add(number)
        {
            facades::close(number);
        }
        Ok((message.as_str().to_owned(), number.unwrap_or(0)))
    }

    fn resolve(&mut self, _: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(output)
    }
}

/// The end of a facade.
pub struct Close {
    inbox: Arc<Inbox>,
    facade: i64,
}

impl Task for Close {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        let closed = catch_unwind(AssertUnwindSafe(|| facades::close(self.facade)));
        self.inbox.remove(self.facade);
        closed.map_err(|_| panicked())
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// Returns a copy of a text, which is wiped when it is dropped.
fn text(bytes: &[u8]) -> Result<Zeroizing<String>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Error::from_reason("the parameters are not UTF-8")),
    }
}

fn panicked() -> Error {
    Error::from_reason("libpims panicked")
}
