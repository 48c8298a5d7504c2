//! The serial: the name that a device gives itself.

use super::hex;

/// Name of a device. Both sides hash its text and never take it apart. It is not a secret: it
/// travels in the query.
///
/// This library makes `deviceId/_/alea` of 8 and 16 random bytes in hex, once for a device. Other
/// clients have an id of another form before the `/_/`, and some have two `/_/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial(String);

impl Serial {
    /// Greatest length of a serial, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Makes the serial of a new device from its random bytes.
    pub fn new(device_id: [u8; 8], alea: [u8; 16]) -> Self {
        Self(format!("{}/_/{}", hex::encode(&device_id), hex::encode(&alea)))
    }

    /// Reads a serial from a request or a record: printable ASCII text of at most
    /// [`Serial::MAX_LEN`] bytes with one or more `/_/`. The text stays as it is. ASCII has one
    /// encoding of each text, so both sides hash the same bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let is_printable = |byte| matches!(byte, b' '..=b'~');
        let fits = text.len() <= Self::MAX_LEN && text.contains("/_/") && text.bytes().all(is_printable);
        fits.then(|| Self(text.to_owned()))
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
    fn a_serial_is_printable_text_with_a_separator_and_stays_as_it_is() {
        let serial = Serial::new([0xca; 8], [0xf7; 16]);
        assert_eq!(serial.as_str(), "cacacacacacacaca/_/f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7");
        let longest = format!("{}/_/", "x".repeat(125));
        for good in [
            serial.as_str(),
            "0f8c6a1e-52d3-4b/_/00112233445566778899aabbccddeeff",
            "Client_Brand/_/00112233445566778899AABBCCDDEEFF/_/00",
            &longest,
        ] {
            assert_eq!(Serial::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "cacacacacacacaca", "ca/_ /f7", "ca\n/_/f7", "ca\0/_/f7", "é/_/f7", &format!("{longest}x")] {
            assert_eq!(Serial::parse(bad), None, "{bad}");
        }
    }
}
