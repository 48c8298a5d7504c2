//! Features for operators, tested on the program itself: credentials from systemd, the image's
//! health check, and numbers that no client can multiply.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod credentials;
mod image;
mod live;
mod numbers;
mod unit;
