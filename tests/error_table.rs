//! The error table: `c-tests/error_table.def` holds the cells, and `c-tests/error_table.c` runs
//! each of them. Here they are compared with the reference (`tests/spec/api.json`) and printed as
//! `docs/error-table.md`. `make generate` (PIMS_BLESS=1) writes the page.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

mod committed;

#[derive(serde::Deserialize)]
struct Api {
    operations: Vec<Theirs>,
    errors: Vec<Labelled>,
}

#[derive(serde::Deserialize)]
struct Theirs {
    method: String,
    api: String,
    operation: Option<String>,
    errors: Vec<u16>,
}

#[derive(serde::Deserialize)]
struct Labelled {
    code: u16,
    label: String,
}

/// An operation of the table.
struct Operation {
    name: String,
    method: String,
    api: String,
    operation: String,
}

/// A cell of the table.
struct Cell {
    operation: String,
    code: u16,
    test: String,
    cause: String,
    info: String,
    listed: bool,
}

struct Table {
    operations: Vec<Operation>,
    cells: Vec<Cell>,
}

fn reference() -> Api {
    serde_json::from_str(include_str!("spec/api.json")).unwrap()
}

fn table() -> Table {
    let mut table = Table { operations: Vec::new(), cells: Vec::new() };
    for line in include_str!("../c-tests/error_table.def").lines() {
        let Some((kind, rest)) = line.split_once('(') else { continue };
        let fields = fields(rest.strip_suffix(')').unwrap_or(rest));
        let field = |place: usize| fields[place].clone();
        match kind {
            "OPERATION" => table.operations.push(Operation {
                name: field(0),
                method: field(1),
                api: field(2),
                operation: field(3),
            }),
            "CELL" | "BEYOND" => table.cells.push(Cell {
                operation: field(0),
                code: field(1).parse().unwrap(),
                test: field(2),
                cause: field(3),
                info: field(4).replace('\'', "\""),
                listed: kind == "CELL",
            }),
            _ => {}
        }
    }
    table
}

/// Returns the arguments of a macro's call: words, or texts in quotes. A text contains no quote.
fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().unwrap().push(letter),
        }
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

#[test]
fn every_error_of_the_reference_has_a_cell_and_every_cell_is_one_of_its_errors() {
    let table = table();
    let name = |theirs: &Theirs| {
        let operation = theirs.operation.as_deref().unwrap_or("");
        let same = |ours: &&Operation| {
            (ours.method.as_str(), ours.api.as_str(), ours.operation.as_str())
                == (&*theirs.method, &*theirs.api, operation)
        };
        table
            .operations
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("{} {operation} is missing", theirs.api))
            .name
            .clone()
    };
    let reference = reference();
    assert_eq!(reference.operations.len(), table.operations.len());
    let wanted: BTreeSet<_> = reference
        .operations
        .iter()
        .flat_map(|theirs| theirs.errors.iter().map(|code| (name(theirs), *code)).collect::<Vec<_>>())
        .collect();
    let there: Vec<_> =
        table.cells.iter().filter(|cell| cell.listed).map(|cell| (cell.operation.clone(), cell.code)).collect();
    assert_eq!(there.iter().cloned().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(there.len(), wanted.len(), "a cell stands twice");
    for cell in &table.cells {
        assert!(!cell.cause.is_empty(), "{} {} has no cause", cell.operation, cell.code);
        let beyond = !wanted.contains(&(cell.operation.clone(), cell.code));
        // A second cause of a listed error is welcome.
        assert!(cell.listed || beyond || cell.test != "an_answer_of_the_service", "{} {}", cell.operation, cell.code);
    }
}

#[test]
fn scripted_answers_stand_only_for_what_our_own_authority_does_not_say_there() {
    let scripted: BTreeSet<_> = table()
        .cells
        .into_iter()
        .filter(|cell| cell.test == "an_answer_of_the_service")
        .map(|cell| cell.code)
        .collect();
    // Wrong PINs and codes, equal PINs, registered numbers and lost synchronizations of a PIN are
    // never scripted.
    assert!(!scripted.contains(&2315) && !scripted.contains(&2307) && !scripted.contains(&2390));
    let table = table();
    for (operation, codes) in [
        ("otp_with_pin", &[2308, 2310, 2312, 2317][..]),
        ("otp_without_pin", &[2308, 2310, 2312, 2316, 2317]),
        ("enroll", &[2305, 2308, 2310, 2311, 2316, 2317]),
        ("enroll_with_number", &[2305, 2308, 2310, 2316, 2317, 2390]),
        ("update", &[2308, 2310, 2312, 2315, 2316, 2317]),
        ("reset", &[2305, 2308, 2312, 2315, 2316, 2317]),
        ("accept_code", &[2308, 2310, 2317]),
    ] {
        for code in codes {
            let mut cells = table.cells.iter().filter(|cell| cell.operation == operation && cell.code == *code);
            assert!(cells.clone().next().is_some_and(|cell| cell.listed), "{operation} {code}");
            assert!(cells.all(|cell| cell.test != "an_answer_of_the_service"), "{operation} {code}");
        }
    }
}

#[test]
fn the_page_is_printed_from_the_table() {
    committed::check("docs/error-table.md", &document(&table(), &reference()));
}

fn document(table: &Table, reference: &Api) -> String {
    let labels: BTreeMap<_, _> = reference.errors.iter().map(|error| (error.code, error.label.as_str())).collect();
    let columns: BTreeSet<_> = table.cells.iter().filter(|cell| cell.listed).map(|cell| cell.code).collect();
    let scripted =
        |cell: &Cell| cell.test == "an_answer_of_the_service" || cell.test == "a_device_that_cannot_be_synchronized";
    let mut page = String::from(concat!(
        "# The error table: every operation, every error, its cause\n\n",
        "<!-- Printed from c-tests/error_table.def by `make generate`; a test compares the two. -->\n\n",
        "The reference lists the errors of each operation. Here each error has a cause and a test. The test\n",
        "(in `c-tests/error_table.c`) produces the error through the C interface by that cause. Its name is\n",
        "the operation, the code and the function that produces the cause. `error.info` is compared too,\n",
        "unless its value differs each time. A missing cell fails the tests.\n\n",
        "- `x`: a real cause, with the embedded authority, other processes, the file system or a socket.\n",
        "- `s`: our own authority never gives this answer, so a server on a loopback port gives it.\n",
        "- An empty cell: the reference does not list the code.\n\n",
    ));
    let _ =
        writeln!(page, "| operation |{}", columns.iter().fold(String::new(), |row, code| format!("{row} {code} |")));
    let _ = writeln!(page, "| --- |{}", " --- |".repeat(columns.len()));
    for operation in &table.operations {
        let _ = write!(page, "| {} |", title(operation));
        for code in &columns {
            let cell = table.cells.iter().find(|c| c.listed && c.operation == operation.name && c.code == *code);
            let _ = write!(page, " {} |", cell.map_or("", |cell| if scripted(cell) { "s" } else { "x" }));
        }
        page.push('\n');
    }
    for operation in &table.operations {
        let cells = |listed| {
            let ours = move |cell: &&Cell| cell.listed == listed && cell.operation == operation.name;
            table.cells.iter().filter(ours).collect::<Vec<_>>()
        };
        let _ = write!(page, "\n## {}\n\n", title(operation));
        let (listed, beyond) = (cells(true), cells(false));
        if listed.is_empty() && beyond.is_empty() {
            page.push_str("The reference lists no error, and there is none.\n");
        }
        print_cells(&mut page, &listed, &labels);
        if !beyond.is_empty() {
            page.push_str("\nBeyond the reference's list:\n\n");
            print_cells(&mut page, &beyond, &labels);
        }
    }
    page
}

fn title(operation: &Operation) -> String {
    let Operation { method, api, operation, .. } = operation;
    let short =
        api.strip_prefix("pims.").and_then(|api| api.strip_prefix("authentication.").or(Some(api))).unwrap_or(api);
    format!("`{method} {short} {operation}").trim_end().to_owned() + "`"
}

fn print_cells(page: &mut String, cells: &[&Cell], labels: &BTreeMap<u16, &str>) {
    if cells.is_empty() {
        return;
    }
    page.push_str("| code | label | cause | `error.info` | test |\n| --- | --- | --- | --- | --- |\n");
    for cell in cells {
        let info = match cell.info.as_str() {
            "" => String::new(),
            "*" => "`retryAfterSeconds`".to_owned(),
            info => format!("`{info}`"),
        };
        let Cell { code, cause, test, .. } = cell;
        let _ = writeln!(page, "| {code} | {} | {cause} | {info} | `{test}` |", labels[code]);
    }
}
