//! The state of another client: it is read or refused, and a state that was read is the same after
//! it is written and read again. The first byte chooses the format.

use foreign_state::{Format, read, write};

/// Runs the property on one input.
pub fn check(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let format = Format::ALL[usize::from(*first) % Format::ALL.len()];
    let Ok(state) = read(bytes, format) else { return };
    let text = write(&state);
    let Ok(again) = read(text.as_bytes(), Format::Auto) else { panic!("what was written cannot be read") };
    assert_eq!(*write(&again), *text);
}
