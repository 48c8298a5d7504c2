//! `status`: asks the service after the device.

use super::{Answer, Client, Device, EngineError, Request};

/// The one step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup("status", device)
}

/// Reads the answer: `Ok`, or the word that tells the device's state.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, "ActionSetup").map(drop)
}
