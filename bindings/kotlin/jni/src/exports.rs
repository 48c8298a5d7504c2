//! The native methods of the class `libpims.Native`, under the names that the virtual machine looks
//! for.
//!
//! `unsafe` is needed for their names alone: two functions of one name in a program would be
//! undefined behaviour, and no other function has these names.

#![allow(unsafe_code, unreachable_pub)]

use jni::JNIEnv;
use jni::objects::{JByteArray, JClass, JObject};
use jni::sys::{jint, jlong};
use pims::facade::{self, Handle, Method, Rejection};

use crate::bridge::{guarded, receiver, text};

/// The results of `call`, as `libpims.Native` names them.
const ACCEPTED: jint = 0;
const QUEUE_FULL: jint = 1;
const NO_FACADE: jint = 2;

/// Returns the handle with the bits of Java's number, which has a sign.
fn handle(number: jlong) -> Handle {
    Handle::from_number(number.cast_unsigned())
}

/// `void init(byte[] config, Receiver receiver)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_init<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    config: JByteArray<'a>,
    to: JObject<'a>,
) {
    guarded(&mut env, (), |env| {
        let (config, callback) = (text(env, &config)?, receiver(env, &to)?);
        facade::init(&config, callback);
        Ok(())
    });
}

/// `void open(byte[] config, Receiver receiver)`: the result of the message has the handle.
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_open<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    config: JByteArray<'a>,
    to: JObject<'a>,
) {
    guarded(&mut env, (), |env| {
        let (config, callback) = (text(env, &config)?, receiver(env, &to)?);
        facade::open(&config, callback);
        Ok(())
    });
}

/// `int call(long facade, int method, byte[] api, byte[] parameters, Receiver receiver)`: whether
/// the call was accepted.
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_call<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    facade: jlong,
    method: jint,
    api: JByteArray<'a>,
    parameters: JByteArray<'a>,
    to: JObject<'a>,
) -> jint {
    guarded(&mut env, ACCEPTED, |env| {
        let method = match method {
            0 => Method::Get,
            1 => Method::Set,
            2 => Method::Subscribe,
            _ => Method::Unsubscribe,
        };
        let (api, parameters, callback) = (text(env, &api)?, text(env, &parameters)?, receiver(env, &to)?);
        Ok(match handle(facade).call(method, &api, &parameters, callback) {
            Ok(()) => ACCEPTED,
            Err(Rejection::QueueFull) => QUEUE_FULL,
            Err(Rejection::NoFacade) => NO_FACADE,
        })
    })
}

/// `void end(long facade, byte[] api, byte[] parameters)`: ends a subscription inside a callback,
/// before the calls in the queue.
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_end<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    facade: jlong,
    api: JByteArray<'a>,
    parameters: JByteArray<'a>,
) {
    guarded(&mut env, (), |env| {
        let (api, parameters) = (text(env, &api)?, text(env, &parameters)?);
        // If this fails, the facade is being released, and the subscription with it.
        drop(handle(facade).execute("unsubscribe", &api, &parameters));
        Ok(())
    });
}

/// `void close(long facade)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_close<'a>(mut env: JNIEnv<'a>, _: JClass<'a>, facade: jlong) {
    guarded(&mut env, (), |_| {
        handle(facade).close();
        Ok(())
    });
}

/// `byte[] version()`
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_version<'a>(mut env: JNIEnv<'a>, _: JClass<'a>) -> JByteArray<'a> {
    guarded(&mut env, JObject::null().into(), |env| env.byte_array_from_slice(env!("CARGO_PKG_VERSION").as_bytes()))
}
