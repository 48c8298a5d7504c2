#!/usr/bin/env bash
# precis-profiles 0.1.13 (precis-core 0.1.11), Rust: UsernameCasePreserved refuses pointed Hebrew
# and vocalised Arabic.
#
# RFC 8265, 3.4 asks for the Bidi Rule of RFC 5893. Its conditions for a right-to-left label: the
# first character is R or AL (1); inside, characters of the classes R, AL, AN, EN, ES, CS, ET, ON,
# BN and NSM are allowed (2); the end is R, AL, EN or AN, followed by any number of NSM (3). So a
# nonspacing mark (NSM) may stand in the middle of a label, as in every pointed Hebrew word.
#
# Seen: after a nonspacing mark the crate takes further marks alone. A name with a vowel point
# before its last letter is refused (`Invalid`); the same name without points, or with a point at
# its end, is taken. A service that takes user names by this profile refuses people who write their
# vowels.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cargo init --quiet --vcs none --name seen .
cat >>Cargo.toml <<'TOML'
precis-profiles = "=0.1.13"
precis-core = "=0.1.11"
TOML
cat >src/main.rs <<'RUST'
use precis_core::profile::Profile;
use precis_profiles::UsernameCasePreserved;

fn main() {
    let profile = UsernameCasePreserved::new();
    for (what, name) in [
        ("Hebrew, no points", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
        ("Hebrew, a point at the end", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{5b8}"),
        ("Hebrew, a point in the middle", "\u{5e9}\u{5b8}\u{5dc}\u{5d5}\u{5dd}"),
        ("Arabic, no marks", "\u{645}\u{62d}\u{645}\u{62f}"),
        ("Arabic, a mark in the middle", "\u{645}\u{64f}\u{62d}\u{645}\u{62f}"),
    ] {
        match profile.enforce(name) {
            Ok(_) => println!("{what}: taken"),
            Err(error) => println!("{what}: refused ({error:?})"),
        }
    }
}
RUST
seen=$(cargo run --quiet)
echo "$seen"

expected='Hebrew, no points: taken
Hebrew, a point at the end: taken
Hebrew, a point in the middle: refused (Invalid)
Arabic, no marks: taken
Arabic, a mark in the middle: refused (Invalid)'
if [ "$seen" != "$expected" ]; then
    echo "this has changed" >&2
    exit 1
fi
