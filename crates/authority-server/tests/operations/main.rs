//! What operators depend on, against the program itself: credentials as systemd hands them over, the image's health check, numbers that nobody
//! can flood.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod credentials;
mod image;
mod live;
mod numbers;
mod unit;
