//! The library for Node.js. The JavaScript of `bindings/node` calls the class `Port` of this addon.
//! A call becomes a call of [`pims::facade`]; a message waits in the inbox of its JavaScript thread
//! until that thread takes it.

#![deny(unsafe_code)]

mod exports;
mod facades;
mod inbox;
