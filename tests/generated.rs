//! The committed header and generated pages of the documentation must equal the output of the
//! present code. `make generate` (PIMS_BLESS=1) writes them.

#![allow(clippy::unwrap_used)]

use std::path::Path;

mod committed;

use committed::check;

#[test]
fn the_header_is_what_cbindgen_makes_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_src(root.join("src/ffi/mod.rs"))
        .with_src(root.join("src/ffi/codes.rs"))
        .with_config(config)
        .generate()
        .unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    check("include/pims.h", &without_rust(&String::from_utf8(header).unwrap()));
}

/// Removes the sections on safety, which are for Rust programmers only.
fn without_rust(header: &str) -> String {
    let mut text = String::new();
    let mut in_safety = false;
    for line in header.lines() {
        let comment = line.trim();
        if comment == "* # Safety" {
            in_safety = true;
            // The blank comment line before the section.
            if text.ends_with(" *\n") {
                text.truncate(text.len() - 3);
            }
            continue;
        }
        if in_safety && comment != "*/" {
            continue;
        }
        in_safety = false;
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[test]
fn the_page_on_the_state_machine_is_printed_from_its_table() {
    check("docs/state-machine.md", &pims::strongauth::machine::document());
}

#[test]
fn the_table_of_the_configuration_is_printed_from_the_keys() {
    let page = "docs/configuration.md";
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    check(page, &with_table(&text, &pims::config::key_table()));
}

/// Returns a page with this table in the place of the one that has the same first line.
fn with_table(page: &str, table: &str) -> String {
    let (head, _) = table.split_once('\n').unwrap();
    let (before, rest) = page.split_once(head).unwrap();
    let (_, after) = rest.split_once("\n\n").unwrap();
    format!("{before}{table}\n{after}")
}
