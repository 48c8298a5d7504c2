//! docs/operating.md is true: its table of keys is the program's, its configuration is accepted,
//! and its commands work, one after the other, on a service and a PostgreSQL of the test.
//! `PIMS_BLESS=1` writes the table.

mod machine;
mod page;

use page::Page;

use crate::commands::says;
use crate::world::Setup;

#[test]
fn the_page_has_every_key_as_the_program_tells_it() {
    let table = table(&says(&Setup::new(), &["check", "--keys"]));
    let page = Page::read();
    if std::env::var_os("PIMS_BLESS").is_some_and(|value| value == "1") {
        page.write_keys(&table);
        return;
    }
    assert!(table.lines().count() > 60);
    assert_eq!(page.keys(), table, "write it with PIMS_BLESS=1");
}

/// Returns the output of `check --keys` as a table.
fn table(keys: &str) -> String {
    let mut rows = "| key | default and meaning |\n| --- | --- |\n".to_owned();
    let mut lines = keys.lines().peekable();
    while let Some(path) = lines.next() {
        let (_variable, help) = (lines.next().unwrap(), lines.next().unwrap().trim());
        let secret = lines.next_if(|line| line.trim_start().starts_with("also ")).is_some();
        let mark = if secret { " *secret*" } else { "" };
        rows.push_str(&format!("| `{path}`{mark} | {help} |\n"));
    }
    rows
}

#[test]
fn every_command_of_the_page_works_from_nothing_to_the_end() {
    let machine = machine::Machine::new();
    let said = machine.run(&Page::read().script());
    for words in [
        "listen.address\n",
        "the configuration is good",
        "ready",
        "it was not blocked",
        r#""name":"alice""#,
        "account.created",
        "pims_authority_build_info{version=",
        "pims_authority_database_up 1\n",
        r#"{"err":"NOK:ACCESS"}"#,
        r#""kty":"OKP""#,
        "nothing is sealed under another key than the current one",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // The log is JSON with ids. No secret is in it, nor in the output of the commands.
    let log = machine.log();
    assert!(log.lines().any(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        line["message"] == "answered" && line["span"]["id"].as_str().is_some_and(|id| id.len() == 16)
    }));
    for secret in machine.secrets() {
        assert!(!log.contains(&secret) && !said.contains(&secret));
    }
}
