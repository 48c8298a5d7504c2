//! From Java's values to ours, and from our messages to Java's methods.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jni::errors::{Error, Result};
use jni::objects::{GlobalRef, JByteArray, JObject, JValue};
use jni::{JNIEnv, JavaVM};
use pims::facade::{Callback, Message};
use zeroize::Zeroizing;

/// Local references that the delivery of a message needs at most.
const REFERENCES: i32 = 4;

/// Runs a native method. No panic goes into the virtual machine or onto its standard error, and no error but as an exception.
pub(crate) fn guarded<'a, T>(env: &mut JNIEnv<'a>, otherwise: T, work: impl FnOnce(&mut JNIEnv<'a>) -> Result<T>) -> T {
    pims::facade::log_panics();
    let what = match catch_unwind(AssertUnwindSafe(|| work(env))) {
        Ok(Ok(value)) => return value,
        // The virtual machine throws it when the method returns.
        Ok(Err(Error::JavaException)) => return otherwise,
        Ok(Err(_)) => "the Java virtual machine did not do what it was asked for",
        Err(_) => "libpims panicked",
    };
    // Where it cannot be thrown, another exception is under way.
    let _ = env.throw_new("java/lang/IllegalStateException", what);
    otherwise
}

/// The text of an array, wiped when it is dropped.
pub(crate) fn text(env: &JNIEnv<'_>, bytes: &JByteArray<'_>) -> Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(env.convert_byte_array(bytes)?);
    // Kotlin's half writes UTF-8 alone.
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::JniCall(jni::errors::JniError::InvalidArguments))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What hands messages to `void receive(byte[] message)` of an object, on whatever thread they come.
pub(crate) fn receiver(env: &mut JNIEnv<'_>, to: &JObject<'_>) -> Result<Callback> {
    let (vm, to) = (env.get_java_vm()?, env.new_global_ref(to)?);
    Ok(Box::new(move |message| deliver(&vm, &to, message)))
}

fn deliver(vm: &JavaVM, to: &GlobalRef, message: &Message) {
    // The worker is attached when its first message comes, as a daemon: it does not keep a program from its end. It stays attached until it
    // ends. A thread of Java's own is attached already.
    let Ok(mut env) = vm.attach_current_thread_as_daemon() else {
        return lost(|| panic!("the thread cannot be attached to the virtual machine"));
    };
    let received = env.with_local_frame(REFERENCES, |env| -> Result<()> {
        let bytes = env.byte_array_from_slice(message.as_str().as_bytes())?;
        env.call_method(to, "receive", "([B)V", &[JValue::Object(&bytes)]).map(drop)
    });
    // Receivers catch what callbacks throw; this is what is left, such as a memory that is full.
    if received.is_err() {
        if env.exception_check().unwrap_or(false) {
            let _ = env.exception_describe();
            let _ = env.exception_clear();
        }
        lost(|| panic!("the virtual machine did not take the message"));
    }
}

/// A message did not come to its receiver, and whoever waits for it waits for ever. The log says so, with the place of the panic: the hook of
/// `log_panics` is the way into it. The panic ends here, as later messages can still come.
fn lost(why: fn()) {
    let _ = catch_unwind(why);
}
