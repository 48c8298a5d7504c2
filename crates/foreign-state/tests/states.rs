//! The state of each client is read, and every damaged, foreign or hostile file is refused with
//! what is wrong.

#![allow(clippy::unwrap_used, clippy::panic)]

use foreign_state::{Error, Fault, Format, MAX_LEN, State, read, write};
use proptest::prelude::*;

const MAC_ID: &str = "eb4024647319f5329172f2361c49b957";
const SERIAL: &str = "0f8c6a1e-52d3-4b/_/b86d41cb64b3436d83161c0cd6c5e8cc";
const ID: &str = "a27fbcafc916e187";
const K0: &str = "dd9d5628dea1edede04b609766a5af3b";
const K1: &str = "0fb73da32dcfc8a4ef24b31d5d1e1c42";
const SECVAL: &str = "c258d8083000f9d1e68369b0f254aee2";

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("vectors/", $name)).as_slice()
    };
}

const PICKLES: [&[u8]; 5] = [
    sample!("python-2.pickle"),
    sample!("python-3.pickle"),
    sample!("python-4.pickle"),
    sample!("python-5.pickle"),
    sample!("python-renamed.pickle"),
];

const SAMPLES: [(Format, &[u8]); 10] = [
    (Format::Pickle, PICKLES[0]),
    (Format::Pickle, PICKLES[1]),
    (Format::Pickle, PICKLES[2]),
    (Format::Pickle, PICKLES[3]),
    (Format::Pickle, PICKLES[4]),
    (Format::Pickle, sample!("python-base64.txt")),
    (Format::Homey, sample!("homey.json")),
    (Format::E3008, sample!("e3008.json")),
    (Format::Kotlin, sample!("kotlin.json")),
    (Format::Pims, sample!("pims.json")),
];

fn assert_is_the_sample(state: &State, format: Format) {
    let has_mac_id = !matches!(format, Format::E3008 | Format::Kotlin);
    assert_eq!(state.mac_id.as_deref(), has_mac_id.then_some(MAC_ID), "{format:?}");
    assert_eq!(state.serial.as_str(), SERIAL, "{format:?}");
    assert_eq!((state.id.as_str(), state.service.as_str()), (ID, "4012"), "{format:?}");
    assert_eq!(state.last_sync, "1764000000", "{format:?}");
    assert_eq!(*state.k0.text(), *K0, "{format:?}");
    assert_eq!(*state.k1.text(), *K1, "{format:?}");
    assert_eq!(*state.secval.text(), *SECVAL, "{format:?}");
    assert_eq!(state.factory.is_some(), format != Format::Kotlin, "{format:?}");
}

#[test]
fn the_state_of_each_client_is_read_by_its_name_and_by_its_content() {
    for (format, bytes) in SAMPLES {
        assert_is_the_sample(&read(bytes, format).unwrap(), format);
        assert_is_the_sample(&read(bytes, Format::Auto).unwrap(), format);
    }
}

#[test]
fn a_state_that_was_written_is_read_as_the_same() {
    for (format, bytes) in SAMPLES {
        let text = write(&read(bytes, format).unwrap());
        assert_is_the_sample(&read(text.as_bytes(), Format::Auto).unwrap(), format);
        assert_eq!(*write(&read(text.as_bytes(), Format::Pims).unwrap()), *text);
    }
}

#[test]
fn a_state_that_ends_too_early_is_refused_at_every_byte() {
    for (format, bytes) in SAMPLES {
        let whole = bytes.trim_ascii_end();
        for length in 0..whole.len() {
            // A base64 text whose padding is missing is whole.
            if format == Format::Pickle && whole[0] != 0x80 && whole[length..].iter().all(|byte| *byte == b'=') {
                continue;
            }
            assert!(read(&whole[..length], format).is_err(), "{format:?}, {length} bytes");
            assert!(read(&whole[..length], Format::Auto).is_err(), "{format:?}, {length} bytes");
        }
    }
}

#[test]
fn the_wrong_format_is_refused() {
    for (is, bytes) in SAMPLES {
        for format in Format::ALL {
            if format != is && format != Format::Auto {
                assert!(read(bytes, format).is_err(), "{is:?} as {format:?}");
            }
        }
    }
}

fn fault(bytes: &[u8]) -> (usize, Fault) {
    match read(bytes, Format::Pickle).unwrap_err() {
        Error::Pickle { at, fault } => (at, fault),
        other => panic!("{other}"),
    }
}

#[test]
fn a_pickle_that_would_run_something_is_refused_with_the_name_of_the_opcode() {
    // The bytes that `pickle.dumps` writes of an object whose `__reduce__` calls a function.
    assert_eq!(fault(b"\x80\x02cposix\nsystem\nq\0X\x02\0\0\0idq\x01\x85q\x02Rq\x03."), (2, Fault::Class));
    assert_eq!(fault(b"\x80\x02cotp\nOtp\n)R."), (12, Fault::Opcode("REDUCE")));
    assert_eq!(fault(b"\x80\x02(cotp\nOtp\no."), (12, Fault::Opcode("OBJ")));
    assert_eq!(fault(b"\x80\x02(iotp\nOtp\n."), (3, Fault::Opcode("INST")));
    assert_eq!(fault(b"\x80\x02\x82\x01."), (2, Fault::Opcode("EXT1")));
    assert_eq!(fault(b"\x80\x02Pname\n."), (2, Fault::Opcode("PERSID")));
    assert_eq!(fault(b"\x80\x04)}\x92."), (4, Fault::Opcode("NEWOBJ_EX")));
    let words = Error::Pickle { at: 12, fault: Fault::Opcode("REDUCE") }.to_string();
    assert_eq!(words, "its pickle cannot be read at byte 12: the opcode REDUCE is not allowed in a state");
}

#[test]
fn a_pickle_of_another_form_is_refused() {
    for (bytes, at, expected) in [
        (&b"\x80"[..], 0, Fault::Truncated),
        (b"\x80\x01}.", 0, Fault::Protocol),
        (b"\x80\x06}.", 0, Fault::Protocol),
        (b"\x80\x02\x80\x02.", 2, Fault::Protocol),
        (b"\x80\x02\xff", 2, Fault::NoOpcode),
        (b"\x80\x02.", 2, Fault::Stack),
        (b"\x80\x02}}.", 4, Fault::Stack),
        (b"\x80\x02}s.", 3, Fault::Stack),
        (b"\x80\x02}(Nu.", 5, Fault::Stack),
        (b"\x80\x02}b.", 3, Fault::Stack),
        (b"\x80\x02h\0.", 2, Fault::Memo),
        (b"\x80\x02}q\x01h\0.", 5, Fault::Memo),
        (b"\x80\x02}r\xff\xff\xff\xff.", 3, Fault::Limit),
        (b"\x80\x02(q\0.", 3, Fault::Stack),
        (b"\x80\x02X\xff\xff\xff\xffabc", 2, Fault::Truncated),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc", 2, Fault::Truncated),
        (b"\x80\x04\x8c\x01\xff.", 2, Fault::Text),
        (b"\x80\x02}.", 4, Fault::Root),
        (b"\x80\x02}.}", 4, Fault::Trailing),
        (b"\x80\x02cotp\nIWData\n)\x81}b.", 19, Fault::Root),
        (b"\x80\x02cotp\nOtp\n)\x81.", 14, Fault::Root),
        (b"\x80\x02cotp\nOtp\n)\x81}b}b.", 16, Fault::Stack),
    ] {
        assert_eq!(fault(bytes), (at, expected), "{bytes:?}");
    }
    let mut deep = b"\x80\x02".to_vec();
    deep.resize(60_000, b'(');
    assert_eq!(fault(&deep), (2 + 1024, Fault::Limit));
}

#[test]
fn an_object_that_contains_itself_is_read() {
    // Its `data` is the root itself, which has no `iwid`.
    let own = b"\x80\x02cotp\nOtp\n)\x81q\0}X\x04\0\0\0datah\0sb.";
    assert_eq!(read(own, Format::Auto).unwrap_err(), Error::Missing("device_id"));
}

#[test]
fn an_unfinished_activation_names_the_member_that_is_missing() {
    let json = std::str::from_utf8(sample!("homey.json")).unwrap();
    for (member, value, error) in [
        ("iwK0", K0, Error::Missing("data.iwK0")),
        ("iwK1", K1, Error::Missing("data.iwK1")),
        ("iwid", ID, Error::Missing("data.iwid")),
        ("macid", MAC_ID, Error::Missing("")),
    ] {
        let emptied = json.replace(&format!("\"{member}\": \"{value}\""), &format!("\"{member}\": \"\""));
        assert_ne!(emptied, json);
        match read(emptied.as_bytes(), Format::Homey) {
            Ok(state) => assert!(member == "macid" && state.mac_id.is_none()),
            Err(found) => assert_eq!(found, error),
        }
    }
}

#[test]
fn json_of_another_form_is_refused() {
    let pims = std::str::from_utf8(sample!("pims.json")).unwrap();
    let changed = |from: &str, to: &str| {
        let text = pims.replace(from, to);
        assert_ne!(text, pims);
        read(text.as_bytes(), Format::Pims).unwrap_err()
    };
    assert_eq!(changed("\"version\": 1", "\"version\": 2"), Error::Version);
    assert_eq!(changed("\"version\": 1", "\"version\": \"1\""), Error::Version);
    assert_eq!(changed("\"service\"", "\"sevice\""), Error::UnknownMember);
    let key = |member| Error::Invalid { member, expected: "32 hex digits" };
    assert_eq!(changed(K1, "xyz"), key("k1"));
    assert_eq!(changed(MAC_ID, "1"), key("macID"));
    assert_eq!(changed(&format!("\"{K0}\""), "12"), key("k0"));
    assert!(matches!(changed("/_/", "-"), Error::Invalid { member: "serial", .. }));
    assert!(matches!(changed("1764000000", "-1"), Error::Invalid { member: "lastSync", .. }));
    assert!(matches!(changed(ID, "a b"), Error::Invalid { member: "id", .. }));
    assert!(matches!(changed("\"4012\"", "[4012]"), Error::Invalid { member: "service", .. }));

    let auto = |text: &str| read(text.as_bytes(), Format::Auto).unwrap_err();
    assert_eq!(auto(""), Error::Empty);
    assert_eq!(auto(" \n"), Error::Empty);
    assert_eq!(auto("PK\u{3}\u{4}"), Error::Unrecognized);
    assert_eq!(auto("garbage"), Error::Base64);
    assert_eq!(auto("{}"), Error::UnrecognizedJson);
    assert_eq!(auto("{\"iv\":\"AAAA\",\"data\":\"AAAA\"}"), Error::Encrypted);
    assert_eq!(auto("{\"data\":{}} x"), Error::Json { line: 1, column: 13 });
    assert_eq!(auto(&" ".repeat(MAX_LEN + 1)), Error::TooLong);
    assert!(matches!(auto(&format!("{{\"a\":{}", "[".repeat(60_000))), Error::Json { .. }));
    assert!(matches!(auto(&"{\"data\":".repeat(8_000)), Error::Json { .. }));
}

#[test]
fn the_time_of_the_last_synchronization_may_be_a_fraction() {
    let homey = std::str::from_utf8(sample!("homey.json")).unwrap();
    let read_with = |number: &str| {
        let text = homey.replace("1764000000", number);
        assert_ne!(text, homey);
        read(text.as_bytes(), Format::Homey).map(|state| state.last_sync)
    };
    for number in ["1764000000.0", "1764000000.75", "1.76400000025e9"] {
        assert_eq!(read_with(number).unwrap(), "1764000000", "{number}");
    }
    for number in ["-1764000000.5", "1e300", "true"] {
        assert!(matches!(read_with(number), Err(Error::Invalid { member: "data.iwTsync", .. })), "{number}");
    }
    // BINFLOAT in a pickle whose other members are missing.
    let pickle = [b"\x80\x02}X\x01\0\0\0aG".as_slice(), &1.5f64.to_be_bytes(), b"s."].concat();
    assert_eq!(fault(&pickle).1, Fault::Root);
}

#[test]
fn base64_may_be_longer_than_the_pickle_in_it() {
    use base64ct::{Base64, Encoding};
    let mut pickle = b"\x80\x04N.".to_vec();
    pickle.resize(MAX_LEN, 0xff);
    let text = Base64::encode_string(&pickle);
    assert!(text.len() > MAX_LEN);
    assert_eq!(read(text.as_bytes(), Format::Auto).unwrap_err(), Error::Pickle { at: 4, fault: Fault::Trailing });
    pickle.push(0xff);
    assert_eq!(read(Base64::encode_string(&pickle).as_bytes(), Format::Auto).unwrap_err(), Error::TooLong);
    assert_eq!(read(&b"g".repeat(2 * MAX_LEN + 1), Format::Auto).unwrap_err(), Error::TooLong);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), format in 0usize..6) {
        let _ = read(&bytes, Format::ALL[format]);
    }

    #[test]
    fn any_opcodes_after_a_protocol_are_read_or_refused(
        opcodes in prop::collection::vec(prop::sample::select(b"(.NJKMGX}])suaecbqrhj\x88\x89\x8a\x8c\x8d\x93\x81\x94\x95\x00\x01ab\n".to_vec()), 0..200),
    ) {
        let bytes = [b"\x80\x04".as_slice(), &opcodes].concat();
        let _ = read(&bytes, Format::Auto);
    }

    /// An error never shows a part of the file, and a change of a byte never changes the meaning of
    /// the other members.
    #[test]
    fn a_changed_byte_is_read_or_refused_without_showing_a_secret(
        sample in 0usize..10, place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let (format, bytes) = SAMPLES[sample];
        let mut bytes = bytes.to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Err(error) = read(&bytes, format) {
            let words = format!("{error} {error:?}");
            for secret in [K0, K1, SECVAL, "4711"] {
                prop_assert!(!words.contains(secret));
            }
        }
    }
}

#[test]
fn the_json_of_the_page_is_a_state() {
    let page = include_str!("../../../docs/enrollment-format.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    assert_is_the_sample(&read(json.as_bytes(), Format::Pims).unwrap(), Format::Pims);
    for format in Format::ALL {
        assert!(page.contains(&format!("`{}`", format.name())), "{format:?} is not on the page");
    }
}
