//! `libpims.so` and `libpims.a`: the functions of `include/pims.h`, which `library::ffi` defines.
//! This crate adds no code to them.

#![forbid(unsafe_code)]

// The linker keeps the crate, whose functions nothing here calls.
use library as _;
