//! The serial: the name that a device gives itself.

use super::hex;

/// `deviceId/_/alea`: 8 and 16 random bytes in hex, made once for a device. It is not a secret: it
/// travels in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial(String);

impl Serial {
    /// Makes the serial of a new device from its random bytes.
    pub fn new(device_id: [u8; 8], alea: [u8; 16]) -> Self {
        Self(format!("{}/_/{}", hex::encode(&device_id), hex::encode(&alea)))
    }

    /// Reads a serial from a request or a record.
    pub fn parse(text: &str) -> Option<Self> {
        let (device_id, alea) = text.split_once("/_/")?;
        let device_id = hex::decode_array::<8>(device_id)?;
        let alea = hex::decode_array::<16>(alea)?;
        Some(Self::new(device_id, alea))
    }

    /// Returns its text, as `kma`, `R0` and the request use it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Serial;

    #[test]
    fn a_serial_survives_a_round_trip_and_nothing_else_is_read() {
        let serial = Serial::new([0xca; 8], [0xf7; 16]);
        assert_eq!(serial.as_str(), "cacacacacacacaca/_/f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7");
        assert_eq!(Serial::parse(serial.as_str()), Some(serial));
        for bad in [
            "",
            "/_/",
            "cacacacacacacaca",
            "cacacacacacacaca/_/f7",
            "zzcacacacacacaca/_/f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7",
        ] {
            assert_eq!(Serial::parse(bad), None, "{bad}");
        }
    }
}
