//! The reader takes the same texts as serde_json, with the same values and the same errors.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use wiped_json::{Object, Value, read};

/// Returns whether a value is the one that serde_json reads.
fn equals(value: &Value<'_>, json: &Json) -> bool {
    match (value, json) {
        (Value::Null, Json::Null) => true,
        (Value::Text(text), Json::String(expected)) => text.as_str() == expected,
        (Value::Flag(flag), Json::Bool(expected)) => flag == expected,
        (Value::Integer(number), Json::Number(expected)) => Some(*number) == expected.as_u64(),
        (Value::Fraction(number), Json::Number(expected)) => {
            expected.as_u64().is_none()
                && expected.as_f64().is_some_and(|expected| (number - expected).abs() <= expected * 1e-12)
        }
        (Value::Other, Json::Number(expected)) => expected.as_f64().is_some_and(f64::is_sign_negative),
        (Value::List(values), Json::Array(expected)) => {
            values.len() == expected.len() && values.iter().zip(expected).all(|(value, json)| equals(value, json))
        }
        (Value::Object(object), Json::Object(expected)) => object_equals(object, expected),
        _ => false,
    }
}

fn object_equals(object: &Object<'_>, expected: &Map<String, Json>) -> bool {
    object.all_names().all(|name| expected.contains_key(name))
        && expected.iter().all(|(name, json)| object.member(name).is_some_and(|value| equals(value, json)))
}

fn compare(text: &str) {
    match (read(text), serde_json::from_str::<Map<String, Json>>(text)) {
        (Ok(object), Ok(expected)) => assert!(object_equals(&object, &expected), "{text}"),
        (Err(error), Err(expected)) => {
            // serde_json names the kind of value that stands in place of an object.
            let place = |error: &serde_json::Error| (error.classify(), error.line(), error.column());
            assert_eq!(place(&error), place(&expected), "{text}: {error}, {expected}");
        }
        (read, expected) => panic!("{text}: {:?}, {expected:?}", read.err()),
    }
}

#[test]
fn texts_at_the_borders_are_taken_or_refused_as_serde_json_does() {
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let deeper = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    for text in [deep(126), deep(127), deeper(127), deeper(128), deep(60_000)] {
        compare(&text);
    }
    for value in [
        "0",
        "-0",
        "00",
        "01",
        "-01",
        "1.",
        ".5",
        "1.5",
        "-1.5",
        "1e3",
        "1E+3",
        "1e",
        "1e400",
        "-1e400",
        "1e-400",
        "+1",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "1.0.0",
        "1x",
        "true",
        "tru",
        "truth",
        "null",
        "nul",
        "NaN",
        "\"\"",
        "\"a",
        "\"\\",
        "\"\\\"",
        "\"\\u",
        "\"\\u1\"",
        "\"\\u12",
        "\"\\u00e9\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83dxx\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\x\"",
        "\"\\/\\b\\f\\n\\r\\t\\\\\"",
        "\"a\u{1}\"",
        "\"a\nb\"",
        "\"é\\n\"",
        "\"é\u{2}\"",
        "[1,]",
        "[,]",
        "[1 2]",
        "[",
        "{",
        "{\"b\"}",
        "{\"b\":}",
        "{\"b\":1,}",
        "{b:1}",
        "{\"b\":1 \"c\":2}",
        "{\"\\u0061\":1,\"a\":2}",
    ] {
        for text in [format!("{{\"a\":{value}}}"), format!(" {{ \"a\" : {value} , \"s\":\"\\n1\"}}"), value.to_owned()]
        {
            compare(&text);
        }
    }
    for text in ["", " ", "{}", " {}\r\n\t", "{} x", "{}{}", "\u{feff}{}", "\u{a0}{}", "[]", "\"a\"", "1"] {
        compare(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_text_is_taken_or_refused_as_serde_json_does(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"", "\\", "u", "\\u00", "\\ud8", "\\udc", "3d", "41", "\\n", "1", "0", ".", "e", "-",
            "true", "null", " ", "\n", "\"a\":", "\"b\":\"", "é", "\u{1}", "\"k\":[", "{\"a\":\"",
        ]), 0..24),
    ) {
        compare(&pieces.concat());
        compare(&format!("{{\"a\":{}}}", pieces.concat()));
        compare(&format!("{{\"a\":\"{}\"}}", pieces.concat()));
    }
}
