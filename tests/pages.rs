//! Each configuration that a page shows is one that `pims_init` accepts, with known keys only.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use pims::config::Config;
use serde_json::{Map, Value};

/// Returns the pages of the repository. The JSON in CONTRIBUTING.md is parts of files.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "bindings/kotlin", "bindings/python", "bindings/swift", "examples/console"];
    let mut pages: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| !path.ends_with("CONTRIBUTING.md"))
        .collect();
    pages.sort();
    pages
}

/// Returns the JSON blocks of a page. A block may be indented, as in a list.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (line.trim(), &mut open) {
            ("```json", None) => open = Some(String::new()),
            ("```", Some(_)) => blocks.extend(open.take()),
            (_, Some(block)) => *block += &format!("{line}\n"),
            (_, None) => {}
        }
    }
    assert_eq!(open, None, "a block does not end");
    blocks
}

/// Returns the code of a page's text that is a JSON object.
fn spans(page: &str) -> Vec<String> {
    let spans = page.split('`').filter(|text| text.starts_with("{\"") && text.ends_with('}'));
    spans.filter(|text| serde_json::from_str::<Value>(text).is_ok()).map(str::to_owned).collect()
}

/// Returns the objects of a text, which holds one or more.
fn objects(text: &str, page: &str) -> Vec<Map<String, Value>> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.map(|value| value.unwrap_or_else(|error| panic!("{page}: {error} in {text}"))).collect()
}

/// Returns whether an object is a configuration, by the sections that nothing else has.
fn is_configuration(object: &Map<String, Value>) -> bool {
    let sections =
        ["credential", "environment", "environnement", "limits", "monitoring", "network", "profile", "storage"];
    sections.iter().any(|key| object.contains_key(*key))
}

/// Asserts that an object is an accepted configuration without unknown keys.
fn check(object: Map<String, Value>, page: &str) {
    let text = Value::Object(object).to_string();
    match Config::read(&text) {
        Ok(config) => assert_eq!(config.unknown_keys, Vec::<String>::new(), "{page}: {text}"),
        Err(error) => panic!("{page}: {}: {text}", error.detail()),
    }
}

#[test]
fn every_configuration_of_the_pages_is_accepted_and_has_known_keys_only() {
    let mut found = Vec::new();
    for path in pages() {
        let page = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for text in blocks(&page).into_iter().chain(spans(&page)) {
            for object in objects(&text, &name).into_iter().filter(is_configuration) {
                check(object, &name);
                found.push(name.clone());
            }
        }
    }
    let shown = |page: &str| found.iter().filter(|name| *name == page).count();
    assert!(shown("configuration.md") >= 3, "{found:?}");
    assert!(shown("migrating.md") >= 1, "{found:?}");
}

#[test]
#[should_panic(expected = "this key of the configuration is not known")]
fn a_configuration_with_an_unknown_key_is_found() {
    let page = "```json\n{\"storage\": {\"path\": \"x\"}, \"billing\": {}}\n```\n";
    for object in objects(&blocks(page)[0], "test").into_iter().filter(is_configuration) {
        check(object, "test");
    }
}

/// Returns the rows of the first table after a heading, as cells.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = page.split_once(&format!("\n{heading}\n")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Returns the texts between two marks.
fn between<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.split(mark).skip(1).step_by(2).collect()
}

#[test]
fn the_calls_on_the_page_for_movers_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (api, python) = (read("docs/api.md"), read("bindings/python/src/libpims/_typed.py"));
    let module = read("bindings/python/src/libpims/__init__.py");
    let (mut calls, mut functions) = (0, 0);
    for row in table(&read("docs/migrating.md"), "## Your function, our call") {
        for (call, operation) in between(&row[1], "`").into_iter().zip(between(&row[1], "*")) {
            let documented = api
                .lines()
                .any(|line| line.starts_with(&format!("| `{call}` ")) && line.contains(&format!("\"{operation}\"")));
            assert!(documented, "{call} {operation} is not in docs/api.md");
            calls += 1;
        }
        for name in
            between(&row[2], "`").into_iter().filter(|name| !name.starts_with("PimsError") && *name != "next_action")
        {
            let exists = match name.strip_prefix("libpims.") {
                Some(function) => module.contains(&format!("\"{function}\"")),
                None => python.contains(&format!("    def {name}(")),
            };
            assert!(exists, "the Python package has no {name}");
            functions += 1;
        }
    }
    assert!(calls >= 6 && functions >= 9, "{calls} calls, {functions} functions");
}
