//! Checks that the promises of SECURITY.md name tests that exist.
//!
//! This test is in the crate that has no dependencies: it builds in a second.
//!
//! A promise is a list item that begins with `- ` at the start of a line. It names its tests, as
//! `[test: path/to/file.rs::name, tools/check-exports.sh]`, or gives a reason, as `[no test:
//! reason]`. An item that begins with `- **Limit:**` names a gap, and has neither. Code spans are
//! not read.
//!
//! | reference | must exist |
//! | --- | --- |
//! | `file.rs::name` | a function `name` with `#[test]`, not ignored |
//! | `file.c::name` | a function `name` of a test that is registered by `TEST(name` |
//! | `file.cpp::title` | `TEST_CASE("title")`, not skipped |
//! | `file.py::test_name` | `def test_name(` |
//! | `make target` | a target of the Makefile |
//! | `tools/program` | the program, named in the Makefile |

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const LIMIT: &str = "**Limit:**";

/// The files of the workspace, which references name.
trait Files {
    /// Returns the text of a file. The path is relative to the workspace's root.
    fn text(&self, path: &str) -> Option<String>;
}

struct Workspace;

impl Files for Workspace {
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).ok()
    }
}

/// The result of reading a page: its references, and its faults.
#[derive(Debug, Default)]
struct Page {
    references: BTreeSet<String>,
    untested: usize,
    faults: Vec<String>,
}

/// Reads a page and checks each of its references.
fn read(page: &str, files: &dyn Files) -> Page {
    let mut found = Page::default();
    for block in blocks(page) {
        let text = without_code_spans(&block);
        let shown: String = text.chars().take(60).collect();
        let is_promise = text.starts_with("- ") && !text.starts_with(&format!("- {LIMIT}"));
        let mut marks = 0;
        for old in ["(test: ", "(tests: ", "; test: "] {
            if text.contains(old) {
                found.faults.push(format!("a reference in another notation: {shown}"));
            }
        }
        for (place, _) in text.match_indices("[test:") {
            marks += 1;
            match text[place..].split_once(']') {
                Some((mark, _)) => {
                    for reference in mark["[test:".len()..].split(", ").map(str::trim) {
                        found.faults.extend(fault(reference, files));
                        found.references.insert(reference.to_owned());
                    }
                }
                None => found.faults.push(format!("a reference without an end: {shown}")),
            }
        }
        for (place, _) in text.match_indices("[no test:") {
            marks += 1;
            found.untested += 1;
            let reason = text[place + "[no test:".len()..].split_once(']').map(|(reason, _)| reason.trim());
            if reason.is_none_or(str::is_empty) {
                found.faults.push(format!("a promise without a test and without a reason: {shown}"));
            }
        }
        match (is_promise, marks) {
            (true, 0) => found.faults.push(format!("a promise without a reference: {shown}")),
            (false, 1..) => found.faults.push(format!("a reference outside of a promise: {shown}")),
            _ => {}
        }
    }
    found
}

/// Returns list items, paragraphs, rows of tables and headings, each as one line with single
/// spaces.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in page.lines() {
        let is_start = ["- ", "* ", "#", "|"].iter().any(|mark| line.starts_with(mark));
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            goes_on = false;
        } else if goes_on && !is_start {
            let last = blocks.last_mut().expect("there is one");
            last.push(' ');
            last.push_str(&words);
        } else {
            // A nested item is a block of its own, and no promise.
            blocks.push(if line.starts_with(' ') { format!(" {words}") } else { words });
            goes_on = true;
        }
    }
    blocks
}

fn without_code_spans(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // With an even number of parts, the last backtick opens no code span.
    let spans = (parts.len() - 1) / 2 * 2;
    parts.iter().enumerate().filter(|(place, _)| place % 2 == 0 || *place > spans).map(|(_, part)| *part).collect()
}

/// Returns the fault of a reference, if it names no test.
fn fault(reference: &str, files: &dyn Files) -> Option<String> {
    if let Some(target) = reference.strip_prefix("make ") {
        let rule = format!("{target}:");
        let is_there = files.text("Makefile").is_some_and(|text| text.lines().any(|line| line.starts_with(&rule)));
        return (!is_there || target.is_empty()).then(|| format!("no target of the Makefile: {reference}"));
    }
    let Some((path, name)) = reference.split_once("::") else {
        let is_run = files.text("Makefile").is_some_and(|text| text.contains(reference));
        let is_there = reference.starts_with("tools/") && files.text(reference).is_some() && is_run;
        return (!is_there).then(|| format!("no program of the Makefile: {reference}"));
    };
    let Some(source) = files.text(path) else { return Some(format!("no file: {reference}")) };
    let is_test = match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => is_rust_test(&source, name),
        Some("c") => {
            source.lines().any(|line| line.starts_with(&format!("static void {name}(void **state)")))
                && ["TEST", "cmocka_unit_test"].iter().any(|by| is_called(&source, by, name))
        }
        Some("cpp") => source.contains(&format!("TEST_CASE(\"{name}\")")),
        Some("py") => {
            name.starts_with("test_") && source.lines().any(|line| line.trim().starts_with(&format!("def {name}(")))
        }
        _ => false,
    };
    (!is_test).then(|| format!("no test of this name: {reference}"))
}

/// Returns whether a macro is called with the name as its first argument.
fn is_called(source: &str, called: &str, name: &str) -> bool {
    [',', ')'].iter().any(|end| source.contains(&format!("{called}({name}{end}")))
}

/// Returns whether a function of this name has `#[test]` among the attributes above it, and no
/// `#[ignore]`.
fn is_rust_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_named = |line: &str| {
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    (0..lines.len()).filter(|place| is_named(lines[*place])).any(|place| {
        let above = lines[..place].iter().rev();
        let attributes: Vec<&str> =
            above.take_while(|line| line.starts_with("#[") || line.starts_with("//")).copied().collect();
        attributes.iter().any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
            && !attributes.iter().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = Workspace.text("SECURITY.md").expect("the page is there");
    let found = read(&page, &Workspace);
    assert!(found.faults.is_empty(), "SECURITY.md:\n{}", found.faults.join("\n"));
    // The test fails if the parser finds nothing, or if the page lost its promises.
    assert!(found.references.len() >= 150, "{} references", found.references.len());
    assert!(found.untested <= 10, "{} promises have no test", found.untested);
}

/// An invented workspace.
struct MadeUp;

impl Files for MadeUp {
    fn text(&self, path: &str) -> Option<String> {
        let text = match path {
            "tests/a.rs" => {
                "#[test]\nfn holds() {}\n\nfn helps() {}\n\n#[test]\n#[ignore]\nfn sleeps() {}\n\n\
                 mod tests {\n    /// Says why.\n    #[cfg(unix)]\n    #[test]\n    fn nested_holds() {}\n}\n\
                 #[tokio::test]\nasync fn waits() {}\n\n#[test]\nfn first() {}\nfn below_first() {}\n"
            }
            "c-tests/a.c" => {
                "static void holds(void **state)\n{\n}\nstatic void is_not_run(void **state)\n{\n}\n\
                 static void helps(void)\n{\n}\nTEST(holds, with_facade),\nTEST(holds_more, nothing),\n"
            }
            "cpp-tests/a.cpp" => "TEST_CASE(\"it holds: always\")\nTEST_CASE(\"child\" * doctest::skip())\n",
            "tests/a.py" => "class Some:\n    def test_holds(self):\n        pass\n    def helps(self):\n",
            "Makefile" => "lint: ## lints\n\tcargo\n.PHONY: help\nrun:\n\ttools/check-it\n",
            "tools/check-it" | "tools/is-not-run" => "#!/bin/sh\n",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Returns the faults of a page with one promise, followed by this mark.
fn faults(mark: &str) -> Vec<String> {
    read(&format!("# Page\n\nText.\n\n- Promise.\n  It goes on. {mark}\n- **Limit:** Not all.\n"), &MadeUp).faults
}

#[test]
fn a_reference_to_a_test_is_good() {
    for good in [
        "[test: tests/a.rs::holds]",
        "[test: tests/a.rs::nested_holds, tests/a.rs::waits]",
        "[test:\n  tests/a.rs::holds,\n  c-tests/a.c::holds]",
        "[test: cpp-tests/a.cpp::it holds: always]",
        "[test: tests/a.py::test_holds]",
        "[test: make lint, tools/check-it]",
        "[no\n  test: nothing to see]",
    ] {
        assert_eq!(faults(good), [""; 0], "{good}");
    }
    let page = read("- One. [test: tests/a.rs::holds, make lint]\n- Two. [no test: why]\n", &MadeUp);
    assert_eq!((page.references.len(), page.untested), (2, 1));
}

#[test]
fn a_reference_to_nothing_is_refused() {
    for bad in [
        "[test: tests/a.rs::hold]",
        "[test: tests/a.rs::holds_more]",
        "[test: tests/a.rs::helps]",
        "[test: tests/a.rs::sleeps]",
        "[test: tests/a.rs::below_first]",
        "[test: tests/b.rs::holds]",
        "[test: tests/a.rs::holds, tests/a.rs::nothing]",
        "[test: tests/a.rs]",
        "[test: tests/a.rs::]",
        "[test: ]",
        "[test: c-tests/a.c::is_not_run]",
        "[test: c-tests/a.c::helps]",
        "[test: c-tests/a.c::hold]",
        "[test: cpp-tests/a.cpp::child]",
        "[test: tests/a.py::helps]",
        "[test: make ]",
        "[test: make help]",
        "[test: tools/is-not-run]",
        "[test: tools/nothing]",
        "[test: Makefile]",
    ] {
        assert_eq!(faults(bad).len(), 1, "{bad}: {:?}", faults(bad));
    }
}

#[test]
fn a_promise_without_a_reference_is_refused() {
    for (mark, expected) in [
        ("", "a promise without a reference: - Promise. It goes on."),
        ("`[test: tests/a.rs::holds]`", "a promise without a reference: - Promise. It goes on. "),
        ("[no test: ]", "a promise without a test and without a reason: - Promise. It goes on. [no test: ]"),
        ("[test: tests/a.rs::holds", "a reference without an end: - Promise. It goes on. [test: tests/a.rs::holds"),
    ] {
        assert_eq!(faults(mark), [expected], "{mark}");
    }
    assert_eq!(faults("(test: tests/a.rs, holds)").len(), 2, "the notation of before");
}

#[test]
fn a_reference_outside_of_a_promise_is_refused() {
    for page in [
        "A paragraph. [test: tests/a.rs::holds]\n",
        "* An item. [test: tests/a.rs::holds]\n",
        "| a row | [test: tests/a.rs::holds] |\n",
        "- **Limit:** Not all. [no test: a limit]\n",
        "- Promise. [test: make lint]\n\n  - Nested. [test: make lint]\n",
    ] {
        assert_eq!(read(page, &MadeUp).faults.len(), 1, "{page}");
    }
    assert_eq!(read("A paragraph about `[test: file::name]`.\n", &MadeUp).faults, [""; 0]);
}
