#!/usr/bin/env bash
# phonenumber 0.3.10+9.0.33, Rust: a national number that begins like its own calling code loses
# these digits.
#
# A number may be written in its national form, with the country given beside it. Italian mobile
# numbers begin with 3, and those of 392 begin with Italy's calling code, 39. libphonenumber, which
# the crate is a port of, drops a calling code without `+` only where the number as it stands is not
# valid and the rest is. So "392 345 6789" in Italy is +39 392 345 6789.
#
# Seen: the crate drops the calling code in each case. The result is another number, and an SMS for
# it goes nowhere or to another person. Norway (47) and Rwanda (250) have such numbers, too.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cargo init --quiet --vcs none --name seen .
cat >>Cargo.toml <<'TOML'
phonenumber = "=0.3.10"
TOML
cat >src/main.rs <<'RUST'
use phonenumber::country::Id;

fn main() {
    for (home, text) in [
        (Id::IT, "347 345 6789"),
        (Id::IT, "392 345 6789"),
        (Id::NO, "40 12 34 56"),
        (Id::NO, "47 12 34 56"),
        (Id::RW, "250 123 456"),
    ] {
        match phonenumber::parse(Some(home), text) {
            Ok(number) => println!("{home:?} {text}: {}", number.format().mode(phonenumber::Mode::E164)),
            Err(error) => println!("{home:?} {text}: {error:?}"),
        }
    }
}
RUST
seen=$(cargo run --quiet)
echo "$seen"

expected='IT 347 345 6789: +393473456789
IT 392 345 6789: +3923456789
NO 40 12 34 56: +4740123456
NO 47 12 34 56: +47123456
RW 250 123 456: +250123456'
if [ "$seen" != "$expected" ]; then
    echo "this has changed" >&2
    exit 1
fi
