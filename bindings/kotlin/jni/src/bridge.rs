//! The conversion of Java's values to Rust's, and the delivery of messages to Java's methods.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jni::errors::{Error, Result};
use jni::objects::{GlobalRef, JByteArray, JObject, JValue};
use jni::{JNIEnv, JavaVM};
use pims::facade::{Callback, Message};
use zeroize::Zeroizing;

/// The largest number of local references that the delivery of a message needs.
const REFERENCES: i32 = 4;

/// Runs a native method. A panic reaches neither the virtual machine nor its standard error. An
/// error becomes an exception.
pub(crate) fn guarded<'a, T>(env: &mut JNIEnv<'a>, otherwise: T, work: impl FnOnce(&mut JNIEnv<'a>) -> Result<T>) -> T {
    pims::facade::log_panics();
    pims::ffi::forks::watch();
    let what = match catch_unwind(AssertUnwindSafe(|| work(env))) {
        Ok(Ok(value)) => return value,
        // The virtual machine throws the exception when the method returns.
        Ok(Err(Error::JavaException)) => return otherwise,
        Ok(Err(_)) => "the Java virtual machine did not do what it was asked for",
        Err(_) => "libpims panicked",
    };
    // If this fails, another exception is pending.
    let _ = env.throw_new("java/lang/IllegalStateException", what);
    otherwise
}

/// Returns the text of an array. It is wiped when it is dropped.
pub(crate) fn text(env: &JNIEnv<'_>, bytes: &JByteArray<'_>) -> Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(env.convert_byte_array(bytes)?);
    // The Kotlin part writes only UTF-8.
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::JniCall(jni::errors::JniError::InvalidArguments))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Returns a callback that passes messages to `void receive(byte[] message)` of an object, on any
/// thread.
pub(crate) fn receiver(env: &mut JNIEnv<'_>, to: &JObject<'_>) -> Result<Callback> {
    let (vm, to) = (env.get_java_vm()?, env.new_global_ref(to)?);
    Ok(Box::new(move |message| deliver(&vm, &to, message)))
}

fn deliver(vm: &JavaVM, to: &GlobalRef, message: &Message) {
    // The first message attaches the library's thread, as a daemon: it does not keep a program from
    // ending. It stays attached until it ends. A thread of Java is attached already.
    let Ok(mut env) = vm.attach_current_thread_as_daemon() else {
        return lost(|| panic!("the thread cannot be attached to the virtual machine"));
    };
    let received = env.with_local_frame(REFERENCES, |env| -> Result<()> {
        let bytes = env.byte_array_from_slice(message.as_str().as_bytes())?;
        env.call_method(to, "receive", "([B)V", &[JValue::Object(&bytes)]).map(drop)
    });
    // Receivers catch exceptions of callbacks. Other errors arrive here, such as full memory.
    if received.is_err() {
        if env.exception_check().unwrap_or(false) {
            let _ = env.exception_describe();
            let _ = env.exception_clear();
        }
        lost(|| panic!("the virtual machine did not take the message"));
    }
}

/// Logs that a message did not reach its receiver: a caller that waits for it waits for ever. The
/// panic is the way into the log, by the hook of `log_panics`, and gives the place. It ends here,
/// because later messages can still come.
fn lost(why: fn()) {
    let _ = catch_unwind(why);
}
