//! The library for the Java virtual machine. A native method of `libpims.Native` becomes a call of
//! [`pims::facade`]; a message becomes a call of a `libpims.Receiver`.
//!
//! Texts cross the boundary as UTF-8 in byte arrays. Java's own form of UTF-8 encodes U+0000 and
//! all characters beyond U+FFFF differently.

#![deny(unsafe_code)]

mod bridge;
mod exports;
