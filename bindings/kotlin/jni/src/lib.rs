//! The library for the Java virtual machine: a native method of `libpims.Native` becomes a call of [`pims::facade`], a message becomes a
//! call of a `libpims.Receiver`.
//!
//! Texts cross as UTF-8 in byte arrays. Java's own form of UTF-8 writes U+0000 and everything beyond U+FFFF in another way.

#![deny(unsafe_code)]

mod bridge;
mod exports;
