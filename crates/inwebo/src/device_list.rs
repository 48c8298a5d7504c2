//! The names of the list of devices in an answer of `devices` (ours), and of the parameters of the
//! modes that change one device.

/// The child of the answer for one device. It is repeated.
pub const DEVICE: &str = "device";
/// The short id of the device, in its element.
pub const ID: &str = "id";
/// The name of the device, in its element. The parameter of `renamedevice` has the same name.
pub const NAME: &str = "name";
/// The time of its activation, in milliseconds since 1970.
pub const SINCE: &str = "since";
/// The time of its last use, in milliseconds since 1970. It is absent if there was none.
pub const USED: &str = "used";
/// The place of its storage key. It is absent if the device told none. The parameter of `activate`
/// has the same name.
pub const KEYSTORE: &str = "keystore";
/// Present with the text `1` in the element of the device that asks.
pub const IS_SELF: &str = "self";

/// The parameter of `renamedevice` and `removedevice` that names the device.
pub const TARGET: &str = "device";
