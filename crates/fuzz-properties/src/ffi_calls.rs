//! Sequences of C calls: each accepted call has exactly one message, and each message is one JSON
//! object with a status.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use pims::ffi::{PIMS_OK, pims_free, pims_get, pims_init, pims_set, pims_subscribe, pims_unsubscribe};

/// The longest time for a message. A call that hangs is a fault.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// The names of the apis; the input chooses one by its number. `pims.sdk.configuration` is not
/// among them: an input could have files written anywhere, or a host contacted.
const APIS: [&str; 16] = [
    "pims.sdk.version",
    "pims.authentication.account",
    "pims.authentication.devices",
    "pims.authentication.enrollmentcode",
    "pims.authentication.notices",
    "pims.authentication.approval",
    "pims.authentication.token",
    "pims.authentication.enrollment",
    "pims.authentication.otp",
    "pims.authentication.pincode",
    "pims.authentication.smscode",
    "pims.authentication.trustedphonenumber",
    "pims.authentication.state",
    "pims.test.panic.none",
    "",
    "pims",
];

unsafe extern "C" fn on_message(message: *const c_char, ctx: *mut c_void) {
    // SAFETY: `ctx` is the sender of `run`, which outlives `pims_free`; the message is text.
    let (sender, message) = unsafe { (&*ctx.cast::<Sender<String>>(), CStr::from_ptr(message)) };
    let _ = sender.send(message.to_str().expect("UTF-8").to_owned());
}

fn folder() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let root = if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let folder = root.join(format!("pims-fuzz-{}", std::process::id()));
        folder.to_str().expect("a path of UTF-8").to_owned()
    })
}

/// Returns a configuration. No service answers at its address, and none needs to: a call fails at
/// once.
fn config() -> CString {
    let text = format!(
        r#"{{"storage": {{"path": "{}"}}, "credential": {{"inWeboURL": "http://127.0.0.1:9", "cvsURL": "http://127.0.0.1:9", "macId": "0123456789abcdef0123456789abcdef"}}, "token": {{"cvsToken": "token"}}}}"#,
        folder()
    );
    CString::new(text).expect("no NUL")
}

/// Waits for the message of a call. Events of a subscription may come before it.
fn expect(messages: &Receiver<String>) {
    while is_event(&messages.recv_timeout(MESSAGE_TIMEOUT).expect("a message for the call")) {}
}

/// Returns whether a message is an event, and not the one message of a call.
fn is_event(message: &str) -> bool {
    let value: serde_json::Value = serde_json::from_str(message).expect("JSON");
    match value["status"].as_str() {
        Some("RESULT") => true,
        Some("SUCCEEDED" | "FAILED") => false,
        _ => panic!("{message}"),
    }
}

/// Runs the property on one input.
pub fn check(bytes: &[u8]) {
    let (sender, messages) = channel();
    let sender = Box::new(sender);
    let ctx = std::ptr::from_ref(&*sender).cast_mut().cast::<c_void>();
    let mut rest = bytes;
    let mut calls = 0;
    while let [what, api, length, tail @ ..] = rest {
        calls += 1;
        if calls > 24 {
            break;
        }
        let (text, after) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = after;
        let Ok(params) = CString::new(text) else { continue };
        let name = CString::new(APIS[usize::from(*api) % APIS.len()]).expect("no NUL");
        let (name, params, on_message) =
            (name.as_ptr(), params.as_ptr(), Some(on_message as unsafe extern "C" fn(_, _)));
        // SAFETY: the texts live as long as the calls, and `sender` longer than the facade.
        let accepted = unsafe {
            match what % 8 {
                0 | 1 => pims_init(config().as_ptr(), on_message, ctx),
                2 | 3 => pims_get(name, params, on_message, ctx),
                4 | 5 => pims_set(name, params, on_message, ctx),
                6 => pims_subscribe(name, params, on_message, ctx),
                _ => pims_unsubscribe(name, params, on_message, ctx),
            }
        };
        if accepted == PIMS_OK {
            expect(&messages);
        }
        if what & 0x80 != 0 {
            pims_free();
        }
    }
    pims_free();
    assert!(messages.try_iter().all(|message| is_event(&message)), "a second message for a call");
    drop(sender);
}
