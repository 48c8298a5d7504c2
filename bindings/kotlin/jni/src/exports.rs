//! The native methods of the class `libpims.Native`, under the names that the virtual machine looks
//! for.
//!
//! `unsafe` is needed for their names alone: two functions of one name in a program would be
//! undefined behaviour, and no other function has these names.

#![allow(unsafe_code, unreachable_pub)]

use jni::JNIEnv;
use jni::objects::{JByteArray, JClass, JObject};
use jni::sys::{jboolean, jint};
use pims::facade::{self, Method};

use crate::bridge::{guarded, receiver, text};

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

/// `boolean call(int method, byte[] api, byte[] parameters, Receiver receiver)`: true if the call
/// was accepted.
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_call<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    method: jint,
    api: JByteArray<'a>,
    parameters: JByteArray<'a>,
    to: JObject<'a>,
) -> jboolean {
    guarded(&mut env, 0, |env| {
        let method = match method {
            0 => Method::Get,
            1 => Method::Set,
            2 => Method::Subscribe,
            _ => Method::Unsubscribe,
        };
        let (api, parameters, callback) = (text(env, &api)?, text(env, &parameters)?, receiver(env, &to)?);
        Ok(facade::call(method, &api, &parameters, callback).is_ok().into())
    })
}

/// `void end(byte[] api, byte[] parameters)`: ends a subscription inside a callback, before the
/// calls in the queue.
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_end<'a>(
    mut env: JNIEnv<'a>,
    _: JClass<'a>,
    api: JByteArray<'a>,
    parameters: JByteArray<'a>,
) {
    guarded(&mut env, (), |env| {
        let (api, parameters) = (text(env, &api)?, text(env, &parameters)?);
        // If this fails, the facade is being released, and the subscription with it.
        drop(facade::execute("unsubscribe", &api, &parameters));
        Ok(())
    });
}

/// `void free()`
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_free<'a>(mut env: JNIEnv<'a>, _: JClass<'a>) {
    guarded(&mut env, (), |_| {
        facade::free();
        Ok(())
    });
}

/// `byte[] version()`
#[unsafe(no_mangle)]
pub extern "system" fn Java_libpims_Native_version<'a>(mut env: JNIEnv<'a>, _: JClass<'a>) -> JByteArray<'a> {
    guarded(&mut env, JObject::null().into(), |env| env.byte_array_from_slice(env!("CARGO_PKG_VERSION").as_bytes()))
}
