//! `status`: asks the service for the state of the device.

use super::answer::Answer;
use super::client::Client;
use super::device::Device;
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};

/// Returns the request of the only step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Status, device)
}

/// Reads the answer: `Ok`, or the error word for the device's state.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, Action::Setup).map(drop)
}
