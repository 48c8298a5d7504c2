//! The search of operators for accounts.

use authority::{AccountName, Failure, FoundBy};

use crate::database::TestDatabase;
use crate::device::Device;
use crate::world::{STATE, World};

/// Returns the names of the accounts that a text finds, and by which part.
fn found(world: &World, text: &str) -> Vec<(String, FoundBy)> {
    let found = world.authority.find_accounts(text, 10).unwrap();
    found.into_iter().map(|found| (found.account.name.as_str().to_owned(), found.by)).collect()
}

fn of(names: &[&str], by: FoundBy) -> Vec<(String, FoundBy)> {
    names.iter().map(|name| ((*name).to_owned(), by)).collect()
}

fn add(world: &World, names: &[&str]) {
    for name in names {
        assert!(world.authority.add_account(&AccountName::new(name).unwrap()).unwrap());
    }
}

#[test]
fn an_account_is_found_by_its_name_and_by_the_beginning_of_its_name() {
    let world = World::new();
    add(&world, &["anna", "anna.b", "anna.c", "Anna", "bob", "an", "a%b", "a_b", "Zoë", " led by a blank"]);
    assert_eq!(found(&world, "anna")[0], ("anna".to_owned(), FoundBy::Name));
    assert_eq!(found(&world, "anna")[1..], of(&["anna.b", "anna.c"], FoundBy::NamePrefix));
    assert_eq!(found(&world, "anna."), of(&["anna.b", "anna.c"], FoundBy::NamePrefix));
    assert_eq!(found(&world, " bob "), of(&["bob"], FoundBy::Name));
    assert_eq!(found(&world, " led by a blank"), of(&[" led by a blank"], FoundBy::Name));
    assert_eq!(found(&world, "Zo"), of(&["Zoë"], FoundBy::NamePrefix));
    // Signs that a database reads as patterns are signs like others.
    assert_eq!(found(&world, "a%"), of(&["a%b"], FoundBy::NamePrefix));
    assert_eq!(found(&world, "a_"), of(&["a_b"], FoundBy::NamePrefix));
    for nobody in ["ob", "B", "zoë", "annas", "%", "_", "anna' OR '1' = '1"] {
        assert_eq!(found(&world, nobody), [], "{nobody}");
    }
}

#[test]
fn a_search_has_its_limit_and_each_account_once() {
    let world = World::new();
    let names: Vec<String> = (0..30).map(|number| format!("user{number:02}")).collect();
    add(&world, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for limit in [0, 1, 10, 30] {
        assert_eq!(world.authority.find_accounts("user", limit).unwrap().len(), limit as usize);
    }
    assert_eq!(world.authority.find_accounts("user", u32::MAX).unwrap().len(), 30);
    let found = world.authority.find_accounts("user07", 10).unwrap();
    assert_eq!((found.len(), found[0].by), (1, FoundBy::Name));
    let account = AccountName::new("user07").unwrap();
    assert_eq!(Some(found[0].account.clone()), world.authority.account(&account).unwrap());
}

#[test]
fn an_account_is_found_by_any_spelling_of_its_phone_number() {
    let world = World::new();
    for name in ["second", "first"] {
        world.account(name);
    }
    add(&world, &["third"]);
    for spelling in ["+33612345678", "+33 6 12 34 56 78", "0033 (0)6-12-34-56-78", " +33612345678 "] {
        assert_eq!(found(&world, spelling), of(&["first", "second"], FoundBy::PhoneNumber), "{spelling}");
    }
    for other in ["+33612345679", "+3361234567", "33612345678", "+"] {
        assert_eq!(found(&world, other), [], "{other}");
    }
}

/// Earlier releases stored a number as the user wrote it, without blanks and dashes.
#[test]
fn a_number_of_an_earlier_release_is_found_as_it_is_stored() {
    for row in ["0033612345678", "00330612345678", "+33612345678"] {
        let (database, state) = TestDatabase::of_fb07e63();
        database.execute(&format!("UPDATE accounts SET phone_number = '{row}'"));
        let authority = crate::upgrade::open(&database, &state);
        let count = |text: &str| authority.find_accounts(text, 10).unwrap().len();
        assert_eq!((count(row), count("+33612345678") > 0), (3, row == "+33612345678"), "{row}");
    }
}

#[test]
fn an_account_is_found_by_the_id_of_a_device_or_its_beginning() {
    let world = World::new();
    let (first, second) = (world.account("first"), world.account("second"));
    let device = Device::activate(&world, &first, "1234");
    let other = Device::activate(&world, &second, "1234");
    for text in [&device.id[..], &device.id[..8], &device.id[..15], &format!(" {} ", device.id)] {
        assert_eq!(found(&world, text), of(&["first"], FoundBy::Device), "{text}");
    }
    assert_eq!(found(&world, &other.id), of(&["second"], FoundBy::Device));
    for nothing in
        [&device.id[..7], &format!("{}0", device.id), &device.id.to_uppercase(), &format!("{}%", &device.id[..8])]
    {
        assert_eq!(found(&world, nothing), [], "{nothing}");
    }
    // Of a removed device only its id is left, which finds nothing.
    assert!(world.authority.remove_device(&first, &device.id).unwrap());
    assert_eq!(found(&world, &device.id), []);
    assert_eq!(found(&world, &device.id[..8]), []);
}

#[test]
fn an_altered_device_is_reported() {
    let world = World::new();
    let (account, _) = (world.account("user"), world.account("other"));
    let device = Device::activate(&world, &account, "1234");
    world.database.execute("UPDATE devices SET account = 'other'");
    for text in [&device.id[..], &device.id[..8]] {
        let failure = world.authority.find_accounts(text, 10).unwrap_err();
        assert!(matches!(failure, Failure::Altered { table: "devices", .. }), "{failure}");
    }
    assert!(world.events().iter().any(|event| event == "row.altered"));
}

#[test]
fn hostile_text_finds_nothing_and_changes_nothing() {
    let world = World::new();
    let account = world.account("user");
    Device::activate(&world, &account, "1234");
    let before = (world.rows(&STATE), world.events());
    let long = "user".repeat(1_000_000);
    let texts = [
        "",
        " ",
        "\t",
        "user\0",
        "\0",
        "us\ner",
        "\u{85}",
        "\u{1b}[2J",
        "%",
        "_",
        "%%%%%%%%",
        "________",
        "user%",
        "\\",
        "'",
        "\";--",
        "\u{fffe}\u{ffff}",
        "\u{10ffff}",
        "\u{202e}resu",
        &"x".repeat(128),
        &"x".repeat(129),
        &"\u{10ffff}".repeat(128),
        &long,
    ];
    for text in texts {
        let found = world.authority.find_accounts(text, 1000).unwrap();
        assert_eq!(found, [], "{:?}", text.chars().take(20).collect::<String>());
    }
    assert_eq!((world.rows(&STATE), world.events()), before);
}

#[test]
fn an_altered_account_is_reported() {
    let world = World::new();
    world.account("user");
    add(&world, &["other"]);
    world.database.execute("UPDATE accounts SET phone_number = '+33600000000' WHERE name = 'other'");
    for text in ["other", "+33600000000", "oth"] {
        let failure = world.authority.find_accounts(text, 10).unwrap_err();
        assert!(matches!(failure, Failure::Altered { table: "accounts", .. }), "{text}: {failure}");
    }
    assert_eq!(found(&world, "user"), of(&["user"], FoundBy::Name));
}
