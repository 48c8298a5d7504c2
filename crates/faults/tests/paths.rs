//! Checks that the paths in the pages for contributors exist.
//!
//! A code span is a path if it begins with a folder of the workspace and has no blank. Code blocks
//! are not read. This test is in the crate that has no dependencies: it builds in a second.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

const PAGES: [&str; 4] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "tests/conformance/README.md"];

/// Returns the paths in a page, relative to the workspace's root.
fn paths<'a>(page: &'a str, is_folder: &dyn Fn(&str) -> bool) -> Vec<&'a str> {
    let outside_blocks = page.split("```").step_by(2);
    let spans = outside_blocks.flat_map(|text| text.split('`').skip(1).step_by(2));
    spans
        .filter(|span| span.contains('/') && !span.contains(char::is_whitespace) && !span.contains(['*', '<', '{']))
        .filter(|span| span.split('/').next().is_some_and(is_folder))
        .collect()
}

#[test]
fn every_path_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // A build writes these folders.
    let is_source = |folder: &str| !["build", "target", "dist"].contains(&folder) && root.join(folder).is_dir();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let named = paths(&text, &is_source);
        assert!(!named.is_empty(), "{page} names no path");
        let missing: Vec<_> = named.into_iter().filter(|path| !root.join(path).exists()).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
    }
}

#[test]
fn a_path_is_a_code_span_outside_of_blocks() {
    let page = "`src/a.rs`, `src` and `src/b c`; `other/x`, src/none\n```sh\n`src/block.rs`\n```\n`src/c/`\n";
    assert_eq!(paths(page, &|folder| folder == "src"), ["src/a.rs", "src/c/"]);
}
