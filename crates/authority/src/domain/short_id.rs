//! Short ids: the part of a device's id that people see and enter.
//!
//! A short id has as many characters as tell the devices of an account apart, and at least
//! [`SHORT_ID`]. Its length follows from all ids of the account, so it can grow with a new device.
//! A prefix that was shown before still names its device, unless the new device shares it.

use inwebo::cvs::SHORT_ID;

/// Returns the length of the short ids of these devices, in characters. Ids are ASCII.
pub(crate) fn length<'a>(ids: impl IntoIterator<Item = &'a str>) -> usize {
    let mut ids: Vec<&str> = ids.into_iter().collect();
    ids.sort_unstable();
    // In this order, the ids that share the most characters are neighbours.
    ids.windows(2).map(|pair| shared(pair[0], pair[1]) + 1).fold(SHORT_ID, usize::max)
}

/// Returns the short id of a device.
pub(crate) fn of(id: &str, length: usize) -> &str {
    id.get(..length).unwrap_or(id)
}

/// Returns whether a text is long enough to be a short id.
pub(crate) fn is_long_enough(text: &str) -> bool {
    text.len() >= SHORT_ID
}

/// Returns the position of the one id that this text names: the whole id, or a prefix of at least
/// [`SHORT_ID`] characters. Returns `None` if it names none or several. Every text is compared with
/// every id.
pub(crate) fn position<'a>(ids: impl IntoIterator<Item = &'a str>, text: &str) -> Option<usize> {
    let fits = |id: &str| is_long_enough(text) && id.starts_with(text);
    let mut found = ids.into_iter().enumerate().filter(|(_, id)| fits(id)).map(|(position, _)| position);
    let first = found.next();
    // This reads the other ids to the end.
    if found.count() == 0 { first } else { None }
}

/// Returns the number of characters that two ids share from their beginning.
fn shared(first: &str, second: &str) -> usize {
    first.bytes().zip(second.bytes()).take_while(|(first, second)| first == second).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_id_has_eight_characters_or_as_many_as_tell_the_devices_apart() {
        let length = |ids: &[&str]| length(ids.iter().copied());
        assert_eq!(length(&[]), 8);
        assert_eq!(length(&["a000000000000000"]), 8);
        assert_eq!(length(&["a000000000000000", "b000000000000000"]), 8);
        assert_eq!(length(&["a000000000000000", "b000000000000000", "a000000100000000"]), 8);
        assert_eq!(length(&["a000000000000000", "b000000000000000", "a000000010000000"]), 9);
        assert_eq!(length(&["a000000000000000", "a000000000000001"]), 16);
        assert_eq!(of("a000000000000000", 9), "a00000000");
        assert_eq!(of("short", 8), "short");
    }

    #[test]
    fn a_text_names_one_device_or_none() {
        let ids = ["a000000000000000", "b000000000000000", "b000000000000001"];
        let named = |text: &str| position(ids, text).map(|position| ids[position]);
        for (text, id) in [
            ("a000000000000000", Some(ids[0])),
            ("a0000000", Some(ids[0])),
            ("a000000000000", Some(ids[0])),
            ("b000000000000000", Some(ids[1])),
            ("b000000000000001", Some(ids[2])),
            ("b00000000000000", None),
            ("b0000000", None),
            ("a000000", None),
            ("", None),
            ("c0000000", None),
            ("A0000000", None),
            ("a0000000 ", None),
            ("a0000000000000000", None),
            ("a\u{0}000000", None),
            ("é0000000", None),
        ] {
            assert_eq!(named(text), id, "{text:?}");
        }
    }

    proptest! {
        /// Ids of few different characters share long prefixes.
        #[test]
        fn each_short_id_names_its_own_device(ids in prop::collection::btree_set("[ab]{12}", 0..12)) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let length = length(ids.iter().copied());
            for (place, id) in ids.iter().enumerate() {
                prop_assert_eq!(position(ids.iter().copied(), of(id, length)), Some(place));
                prop_assert_eq!(position(ids.iter().copied(), id), Some(place));
            }
            // One character less does not tell two of them apart.
            if length > SHORT_ID {
                prop_assert!(ids.iter().any(|id| position(ids.iter().copied(), of(id, length - 1)).is_none()));
            }
        }

        #[test]
        fn any_text_names_a_device_that_begins_with_it(text in ".{0,20}", ids in prop::collection::btree_set("[a-d][0-9a-f]{15}", 0..6)) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            if let Some(place) = position(ids.iter().copied(), &text) {
                prop_assert!(text.len() >= SHORT_ID && ids[place].starts_with(&text));
            }
        }
    }
}
