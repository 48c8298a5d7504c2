//! The crate does no I/O: its dependencies bring no socket, file, clock or source of randomness.

#![allow(clippy::expect_used)]

/// The crates that do no I/O.
const PURE: [&str; 10] = [
    "aes",
    "base16ct",
    "base64ct",
    "crypto-bigint",
    "form_urlencoded",
    "quick-xml",
    "sha2",
    "subtle",
    "thiserror",
    "zeroize",
];

#[test]
fn no_dependency_does_io() {
    let manifest = include_str!("../Cargo.toml");
    let (_, rest) = manifest.split_once("\n[dependencies]\n").expect("a table of dependencies");
    let table = rest.split("\n[").next().unwrap_or(rest);
    let names: Vec<&str> = table.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(PURE.contains(&name), "{name} is not known to do no I/O");
    }
}
