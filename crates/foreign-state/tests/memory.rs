//! K1 of a state is in no memory that this process has freed or still has.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::{File, read_to_string};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use foreign_state::{Format, read};
use zeroize::{Zeroize, Zeroizing};

/// Length of K1 in hex.
const LENGTH: usize = 32;

/// Bits by which the text that is searched for differs from K1: it must not find itself.
const MASK: u8 = 0x80;

/// Returns the writable memory of this process, without its stacks' guard pages.
fn regions() -> Vec<Range<u64>> {
    let maps = read_to_string("/proc/self/maps").unwrap();
    let is_writable = |line: &&str| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw"));
    let range = |line: &str| {
        let (begin, end) = line.split(' ').next()?.split_once('-')?;
        Some(u64::from_str_radix(begin, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
    };
    maps.lines().filter(is_writable).filter_map(range).collect()
}

/// Returns how often a masked text stands in the memory of this process.
fn count(masked: &[u8; LENGTH]) -> usize {
    const STEP: usize = 1 << 16;
    let mut memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = Zeroizing::new(vec![0; STEP + LENGTH]);
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    let mut found = 0;
    for region in regions() {
        for begin in region.clone().step_by(STEP) {
            let length = (region.end - begin).min(buffer.len() as u64) as usize;
            // Some regions of the kernel cannot be read.
            if memory.seek(SeekFrom::Start(begin)).is_err() || memory.read_exact(&mut buffer[..length]).is_err() {
                continue;
            }
            let is_here = |window: &[u8]| window.iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked);
            let places = buffer[..length].windows(LENGTH).enumerate().filter(|(_, window)| is_here(window));
            // The end of a step is the beginning of the next one.
            found += places.filter(|(at, _)| *at < STEP && !own.contains(&(begin + *at as u64))).count();
            buffer[..length].zeroize();
        }
    }
    found
}

/// Returns the JSON of a call, in which the state is a text with escapes, and K1 in it masked.
fn call() -> (Zeroizing<String>, [u8; LENGTH]) {
    let sample = include_str!("vectors/pims.json");
    let (before, rest) = sample.split_once("\"k1\": \"").unwrap();
    let after = &rest[LENGTH..];
    // No K1 that stands in the program.
    let mut seed = std::process::id() | 1;
    let mut digit = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"0123456789abcdef"[(seed >> 28) as usize]
    };
    let mut masked = [0; LENGTH];
    let escaped = |text: &str| text.replace('"', "\\\"").replace('\n', "\\n");
    let mut text = Zeroizing::new(String::with_capacity(4 * sample.len()));
    text.push_str("{\"state\":\"");
    text.push_str(&escaped(before));
    text.push_str("\\\"k1\\\": \\\"");
    for masked in &mut masked {
        let digit = digit();
        text.push(char::from(digit));
        *masked = digit ^ MASK;
    }
    text.push_str(&escaped(after));
    text.push_str("\"}");
    (text, masked)
}

#[test]
fn k1_of_a_state_with_escapes_is_in_no_memory_afterwards() {
    let (text, masked) = call();
    assert_eq!(count(&masked), 1, "the search finds the call itself");
    {
        let object = wiped_json::read(&text).unwrap();
        let state = object.get("state").and_then(wiped_json::Value::as_text).unwrap();
        assert_eq!(count(&masked), 2, "the text without its escapes is one copy");
        assert!(read(state.as_bytes(), Format::Auto).is_ok());
        // A refused text leaves nothing, either.
        assert!(read(&state.trim_end().as_bytes()[..state.trim_end().len() - 1], Format::Auto).is_err());
        assert!(wiped_json::read(&text[..text.len() - 1]).is_err());
    }
    assert_eq!(count(&masked), 1, "only the call itself is left");
    drop(text);
    assert_eq!(count(&masked), 0);
}
