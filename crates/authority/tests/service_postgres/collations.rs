//! Databases whose texts are in the order of a language. There, names and ids that begin alike do
//! not always stand side by side.

use authority::{AccountName, FoundBy};

use crate::device::Device;
use crate::world::World;

/// Puts names and ids into the order of a language. Returns `false` if the server does not know it.
fn order_by(world: &World, collation: &str) -> bool {
    let known =
        world.database.column(&format!("SELECT collname::text FROM pg_collation WHERE collname = '{collation}'"));
    if known.is_empty() {
        println!("skipped: the server has no collation {collation}");
        return false;
    }
    world.database.execute(&format!(
        "ALTER TABLE accounts ALTER COLUMN name TYPE text COLLATE \"{collation}\";
         ALTER TABLE devices ALTER COLUMN id TYPE text COLLATE \"{collation}\""
    ));
    true
}

#[test]
fn a_search_finds_the_same_accounts_in_the_order_of_any_language() {
    for collation in ["en-x-icu", "da-x-icu", "C", "sv-x-icu"] {
        let world = World::new();
        if !order_by(&world, collation) {
            continue;
        }
        let names = [
            "foo", "Foo", "FOO", "foo-1", "foo 2", "foo.3", "Foo-4", "fop", "fox", "aa", "ab", "a-b", "aaz", "é", "eé",
        ];
        for name in names {
            world.authority.add_account(&AccountName::new(name).unwrap()).unwrap();
        }
        for text in ["f", "foo", "Foo", "foo-", "foo ", "a", "aa", "ab", "e", "é"] {
            let found = world.authority.find_accounts(text, 100).unwrap();
            let mut found: Vec<&str> = found.iter().map(|found| found.account.name.as_str()).collect();
            found.sort_unstable();
            let beginning = text.trim();
            let mut expected: Vec<&str> = names.into_iter().filter(|name| name.starts_with(beginning)).collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{collation}: {text}");
        }
        let account = world.account("user");
        let device = Device::activate(&world, &account, "1234");
        for length in 8..=device.id.len() {
            let found = world.authority.find_accounts(&device.id[..length], 10).unwrap();
            assert_eq!((found.len(), found[0].by), (1, FoundBy::Device), "{collation}: {}", &device.id[..length]);
        }
    }
}
