//! No two modules of the library need each other, and each uses only the listed ones of the other
//! crates.
//!
//! A circle of modules cannot be read, tested or moved in parts. Without circles, the modules of a
//! folder stand on floors, and each uses those below it.

#![allow(clippy::unwrap_used)]

mod modules;

use std::collections::BTreeSet;
use std::path::Path;

use modules::{Circle, Crate};

/// The circles that exist in `crates/*/src`, each with its crate. The list only becomes shorter: a
/// circle that is gone must be taken out, and no new one may be added.
const KNOWN: &[(&str, &[&str])] = &[];

/// The crates whose files are judged, and not their folders as a whole. In the authority, `domain`
/// reads rows of `storage`, which counts by the classes of `domain`; `trail` writes by `step`,
/// which takes claims of `trail`.
const BY_FILES: &[&str] = &["authority"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn told(circles: &[Circle]) -> String {
    let lines = circles.iter().map(|circle| {
        let names: Vec<_> = circle.modules.iter().map(String::as_str).collect();
        let uses: Vec<_> = circle.uses.iter().map(|(between, path)| format!("{between}, by {path}")).collect();
        format!("{}:\n    {}", names.join(", "), uses.join("\n    "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn no_modules_of_the_library_need_each_other() {
    let library = Crate::read(&repository().join("src"));
    assert!(library.len() > 40, "only {} modules were read", library.len());
    let circles = library.circles();
    assert!(circles.is_empty(), "modules that need each other:\n{}", told(&circles));
}

#[test]
fn no_modules_of_the_other_crates_need_each_other_but_those_that_are_listed() {
    let folders = std::fs::read_dir(repository().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut crates: Vec<_> = folders.filter(|folder| folder.join("Cargo.toml").exists()).collect();
    crates.sort_unstable();
    assert!(crates.len() >= 6, "only {} crates were found", crates.len());
    let mut still_there = BTreeSet::new();
    let mut new = String::new();
    for folder in crates {
        let owner = folder.file_name().unwrap().to_str().unwrap();
        let source = Crate::read(&folder.join("src"));
        let circles = if BY_FILES.contains(&owner) { source.circles_of_files() } else { source.circles() };
        for circle in circles {
            let is_part_of = |(name, known): &(&str, &[&str])| {
                *name == owner && circle.modules.iter().all(|module| known.contains(&module.as_str()))
            };
            match KNOWN.iter().position(is_part_of) {
                Some(place) => drop(still_there.insert(place)),
                None => new.push_str(&format!("{owner}: {}\n", told(&[circle]))),
            }
        }
    }
    assert!(new.is_empty(), "modules that need each other:\n{new}");
    let gone: Vec<_> = KNOWN.iter().enumerate().filter(|(place, _)| !still_there.contains(place)).collect();
    assert!(gone.is_empty(), "these circles are gone, take them out of KNOWN: {gone:?}");
}

/// Writes a crate of these files and reads it.
fn with_crate<T>(files: &[(&str, &str)], look: impl FnOnce(&Crate) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    look(&Crate::read(folder.path()))
}

/// Returns the circles of a crate of these files, each as its names in one text.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let circles = with_crate(files, Crate::circles);
    circles.iter().map(|circle| circle.modules.iter().map(String::as_str).collect::<Vec<_>>().join(" ")).collect()
}

const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; mod c;");
const B_USES_A: (&str, &str) = ("b.rs", "use crate::a::{One, Two};");
const C: (&str, &str) = ("c.rs", "pub struct Three;");

#[test]
fn two_modules_that_need_each_other_are_found_however_they_say_so() {
    for back in [
        "use crate::b::Three;",
        "use crate::{c, b::Three};",
        "use crate::{c::{self}, b::{self, Three}};",
        "use super::b::Three as Other;",
        "pub use super::b::*;",
        "fn f() -> crate::b::Three { todo!() }",
        "fn f() { use super::b; b::g(); }",
        "fn f() { super::b::g() }",
        "fn f() { println!(\"{}\", crate::b::THREE); }",
        "macro_rules! m { () => { $crate::b::g() } }",
        "#[derive(Debug)] struct One(Vec<super::b::Three>);",
        "mod inner { use super::super::b::Three; }",
        "impl crate::b::Trait for One {}",
    ] {
        assert_eq!(circles_of(&[ROOT, ("a.rs", back), B_USES_A, C]), ["a b"], "{back}");
    }
}

#[test]
fn a_longer_circle_and_one_in_a_folder_are_found() {
    let three = [ROOT, ("a.rs", "use crate::b::X;"), ("b.rs", "use crate::c::X;"), ("c.rs", "use crate::a::X;")];
    assert_eq!(circles_of(&three), ["a b c"]);
    let folder = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod one; mod two;"),
        ("a/one.rs", "use super::two::X;"),
        ("a/two.rs", "use super::one::X;"),
        ("b.rs", "use crate::a::X;"),
    ];
    assert_eq!(circles_of(&folder), ["a::one a::two"]);
    // Two folders need each other, though no two of their files do.
    let folders = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod one; mod two;"),
        ("a/one.rs", "use crate::b::one::X;"),
        ("a/two.rs", "pub struct X;"),
        ("b/mod.rs", "pub mod one; mod two;"),
        ("b/one.rs", "pub struct X;"),
        ("b/two.rs", "use crate::a::X;"),
    ];
    assert_eq!(circles_of(&folders), ["a b"]);
    assert!(with_crate(&folders, Crate::circles_of_files).is_empty());
    assert_eq!(with_crate(&three, Crate::circles_of_files).len(), 1);
}

#[test]
fn a_name_that_another_module_hands_on_is_followed_to_its_own() {
    for (root, back) in [
        ("mod a; mod b; mod c; pub use b::Three;", "use crate::Three;"),
        ("mod a; mod b; mod c; pub use self::b::*;", "use super::Three;"),
        ("mod a; mod b; mod c; use b::Three;", "fn f() { super::Three::new() }"),
    ] {
        let b = ("b.rs", "use crate::a::One; pub struct Three;");
        assert_eq!(circles_of(&[("lib.rs", root), ("a.rs", back), b, C]), ["a b"], "{back}");
    }
}

#[test]
fn what_is_no_circle_is_not_called_one() {
    for back in [
        "use crate::c::Three;",
        "/// See [`crate::b::Three`].\npub struct One;",
        "#[cfg(test)]\nmod tests { use crate::b::Three; }",
        "#[cfg(test)]\nuse crate::b::Three;",
        "pub(in crate::b) struct One;",
        "use other::crate_b::b::Three;",
        "const TEXT: &str = \"crate::b::Three\";",
        "use ::b::Three;",
    ] {
        assert_eq!(circles_of(&[ROOT, ("a.rs", back), B_USES_A, C]), Vec::<String>::new(), "{back}");
    }
    let parent = [
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod one; use one::X; pub struct Y;"),
        ("a/one.rs", "use super::Y; pub struct X;"),
    ];
    assert_eq!(circles_of(&parent), Vec::<String>::new());
}
