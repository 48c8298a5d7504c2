//! The lists of codes and next actions in every language are the catalogue's, and so is the table
//! in docs/api.md. A name in capital letters is Python's and C's; the others follow from it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pims::error::{Code, NextAction};

/// Numbers by name in capital letters.
type Codes = BTreeMap<String, u16>;

const KOTLIN: &str = "bindings/kotlin/src/main/kotlin/libpims/PimsException.kt";

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns `NOT_INITIALIZED` for `NotInitialized` and for `notInitialized`.
fn capitals(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}

fn catalogue() -> Codes {
    Code::ALL.iter().map(|code| (capitals(&format!("{code:?}")), *code as u16)).collect()
}

/// Returns the text after the first `start`, up to the first line that is `end` but for its blanks.
fn block(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start}"));
    rest.lines().take_while(|line| line.trim() != end).map(|line| format!("{line}\n")).collect()
}

/// Returns the pairs `name = number` of lines that begin so, after `prefix`.
fn pairs(text: &str, prefix: &str, separator: &str) -> Vec<(String, u16)> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(prefix))
        .filter_map(|line| line.split_once(separator))
        .filter_map(|(name, value)| {
            let value = value.trim_end_matches([',', ')', ';']).split_whitespace().next()?;
            Some((name.trim().to_owned(), value.parse().ok()?))
        })
        .collect()
}

#[track_caller]
fn assert_catalogue(pairs: Vec<(String, u16)>) {
    let count = pairs.len();
    assert_eq!(pairs.into_iter().collect::<Codes>(), catalogue());
    assert_eq!(count, Code::ALL.len(), "a code stands there twice");
}

#[test]
fn the_header_has_each_code() {
    assert_catalogue(pairs(&file("include/pims.h"), "#define PIMS_CODE_", " "));
}

#[test]
fn cpp_has_each_code() {
    // Each is a constant of the header, whose numbers are checked above, under its own name.
    let block = block(&file("include/pims/message.hpp"), "struct Code {", "};");
    let names: Vec<(&str, &str)> =
        block.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(" = PIMS_CODE_")).collect();
    assert!(names.iter().all(|(name, constant)| name.to_uppercase() == *constant), "{names:?}");
    let numbers = catalogue();
    assert_catalogue(names.iter().map(|(_, name)| ((*name).to_owned(), numbers[*name])).collect());
}

#[test]
fn python_has_each_code() {
    let names =
        block(&file("bindings/python/src/libpims/_errors.py"), "class Code(IntEnum):", "class PimsError(Exception):");
    assert_catalogue(pairs(&names, "", " = "));
}

#[test]
fn swift_has_each_code() {
    let names = block(&file("bindings/swift/Sources/Pims/Codes.swift"), "public enum PimsCode: Int", "}");
    let pairs = pairs(&names, "case ", " = ");
    assert_catalogue(pairs.into_iter().map(|(name, number)| (capitals(&name), number)).collect());
}

#[test]
fn kotlin_has_each_code() {
    let names = block(&file(KOTLIN), "enum class Code(", ";");
    assert_catalogue(pairs(&names, "", "("));
}

#[test]
fn node_has_each_code() {
    assert_catalogue(pairs(&block(&file("bindings/node/lib/errors.js"), "const Code = ", "});"), "", ": "));
    let types = block(&file("bindings/node/index.d.ts"), "export declare const Code: {", "};");
    assert_catalogue(pairs(&types, "readonly ", ": "));
}

#[test]
fn the_page_has_each_code_with_its_name_and_label() {
    let page = file("docs/api.md");
    for code in Code::ALL {
        let (number, name) = (*code as u16, capitals(&format!("{code:?}")));
        let row = format!("| {number} | `{name}` | {} |", code.label());
        let sentence = format!("{number} `{name}`");
        assert!(page.contains(&row) || page.contains(&sentence), "docs/api.md has no {row}");
    }
}

#[test]
fn each_language_and_the_page_have_each_next_action() {
    let actions: Vec<&str> = NextAction::ALL.iter().map(|action| action.as_str()).collect();
    let cpp = block(&file("include/pims/message.hpp"), "inline NextAction next_action_of(", "}");
    let swift = block(&file("bindings/swift/Sources/Pims/Codes.swift"), "public enum NextAction", "}");
    let node = block(&file("bindings/node/lib/errors.js"), "const NextAction = ", "});");
    let types = block(&file("bindings/node/index.d.ts"), "export declare const NextAction: {", "};");
    let guide = file("docs/guide-errors.md");
    let quoted = |text: &str| -> Vec<String> { text.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let kotlin = block(&file(KOTLIN), "enum class NextAction(", ";");
    assert_eq!(quoted(&cpp), actions);
    assert_eq!(quoted(&kotlin), actions);
    assert_eq!(quoted(&node.replace('\'', "\"")), actions);
    assert_eq!(quoted(&types.replace('\'', "\"")), actions);
    let cases: Vec<&str> = swift.lines().filter_map(|line| line.trim().strip_prefix("case ")).collect();
    assert_eq!(cases, actions);
    for action in actions {
        assert!(guide.contains(&format!("\n| `{action}` | ")), "docs/guide-errors.md has no row for {action}");
    }
}
