//! Numbering plans of all countries, from Google's libphonenumber: decoded for one number, and kept
//! for the calling codes of the last numbers alone. All plans together take several megabytes of
//! memory, and most services send to a few countries.

use std::sync::{Arc, Mutex, PoisonError};

use phonenumber::country::Id;
use phonenumber::metadata::{Database, loader};
use phonenumber::{PhoneNumber, Type};

/// The calling codes, the regions of each with its main one first, and the start and the end of
/// their plans in [`PLANS`].
const CODES: &[(u16, &str, usize, usize)] = &include!(concat!(env!("OUT_DIR"), "/plans.rs"));

const PLANS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plans.bin"));

/// The maximum number of databases that are kept. Each holds the plans for numbers of one kind: of
/// one country, or dialed from one country to another.
const KEPT: usize = 8;

/// The databases that were used last, each with its calling codes. The latest one is at the end.
static RECENT: Mutex<Vec<(Vec<u16>, Arc<Database>)>> = Mutex::new(Vec::new());

/// Reads a number: `+` and digits, or digits that are dialed in a region.
pub(super) fn parse(region: Option<Id>, number: &str) -> Option<PhoneNumber> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let home = region.and_then(|region| code_of_region(region.as_ref()));
    let mut abroad = None;
    if let (Some(region), Some(home)) = (region, home) {
        // The plan of the region says how numbers abroad are dialed there.
        let plans = database([home].into_iter())?;
        let prefix = plans.by_id(region.as_ref())?.international_prefix().and_then(|prefix| prefix.find(digits));
        let behind = prefix.filter(|prefix| prefix.start() == 0).and_then(|prefix| digits.get(prefix.end()..));
        abroad = behind.and_then(code_at_start);
    }
    let plans = database([home, code_at_start(digits), abroad].into_iter().flatten())?;
    phonenumber::parse_with(&plans, region, number).ok()
}

/// Returns the type of a number in the plan of its country.
pub(super) fn type_of(number: &PhoneNumber) -> Type {
    database([number.code().value()].into_iter()).map_or(Type::Unknown, |plans| number.number_type(&plans))
}

/// Returns the calling code of a region.
pub(super) fn code_of_region(id: &str) -> Option<u16> {
    CODES.iter().find(|(_, regions, ..)| regions.split(' ').any(|region| region == id)).map(|(code, ..)| *code)
}

/// Returns the main region of a calling code.
pub(super) fn main_region(code: u16) -> Option<&'static str> {
    CODES.iter().find(|(known, ..)| *known == code)?.1.split(' ').next()
}

/// Returns the calling code at the start of the digits. No code is the start of another one.
fn code_at_start(digits: &str) -> Option<u16> {
    let known = |code: &u16| CODES.iter().any(|(known, ..)| known == code);
    (1..=3).filter_map(|length| digits.get(..length)?.parse().ok()).find(known)
}

/// Returns the plans of these calling codes: those that are kept, or else decoded ones.
fn database(wanted: impl Iterator<Item = u16>) -> Option<Arc<Database>> {
    let mut codes: Vec<u16> = wanted.collect();
    codes.sort_unstable();
    codes.dedup();
    let recent = || RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    {
        let mut recent = recent();
        if let Some(place) = recent.iter().position(|(kept, _)| *kept == codes) {
            let kept = recent.remove(place);
            let plans = kept.1.clone();
            recent.push(kept);
            return Some(plans);
        }
    }
    let mut plans: Vec<loader::Metadata> = Vec::new();
    for code in &codes {
        if let Some((_, _, start, end)) = CODES.iter().find(|(known, ..)| known == code) {
            plans.append(&mut postcard::from_bytes(PLANS.get(*start..*end)?).ok()?);
        }
    }
    let made = Arc::new(Database::from(plans).ok()?);
    let mut recent = recent();
    if recent.len() >= KEPT {
        recent.remove(0);
    }
    recent.push((codes, made.clone()));
    Some(made)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use phonenumber::metadata::DATABASE;
    use proptest::prelude::*;

    use super::*;

    fn assert_same(region: Option<Id>, text: &str) {
        let (read, whole) = (parse(region, text), phonenumber::parse(region, text).ok());
        assert_eq!(read, whole, "{text} in {region:?}");
        if let Some(read) = read {
            assert_eq!(type_of(&read), read.number_type(&DATABASE), "the type of {text}");
        }
    }

    /// Checks numbers of each country's plan, as they are dialed there and from elsewhere.
    #[test]
    fn a_number_reads_as_with_all_plans_together() {
        let mut seen = 0;
        for region in DATABASE.iter() {
            let code = region.country_code();
            let home = region.id().parse::<Id>().ok();
            for kind in [Type::FixedLine, Type::Mobile, Type::TollFree] {
                let Some(example) = region.descriptors().get(kind).and_then(|kind| kind.example()) else { continue };
                seen += 1;
                assert_same(None, &format!("+{code}{example}"));
                assert_same(home, &format!("+{code}{example}"));
                assert_same(home, &format!("{}{example}", region.national_prefix().unwrap_or_default()));
                assert_same(Some(Id::US), &format!("011{code}{example}"));
            }
        }
        assert!(seen > 400, "{seen}");
    }

    #[test]
    fn every_region_has_its_calling_code_and_every_code_its_main_region() {
        for (code, regions, ..) in CODES {
            assert_eq!(regions.split(' ').collect::<Vec<_>>(), DATABASE.region(code).unwrap());
            assert_eq!(main_region(*code), DATABASE.region(code).unwrap().first().copied());
        }
        for region in DATABASE.iter().filter(|region| region.id() != "001") {
            assert_eq!(code_of_region(region.id()), Some(region.country_code()));
        }
        assert!((1..=u16::MAX).all(|code| DATABASE.by_code(&code).is_some() == main_region(code).is_some()));
    }

    #[test]
    fn few_plans_are_kept() {
        for (code, ..) in CODES {
            assert!(database([*code].into_iter()).is_some(), "{code}");
            assert!(RECENT.lock().unwrap().len() <= KEPT);
        }
    }

    proptest! {
        // Patterns of many countries are compiled for each case.
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn any_digits_read_as_with_all_plans_together(digits in "[0-9]{1,17}") {
            for region in [Id::FR, Id::US, Id::IT, Id::AR, Id::MX, Id::FI, Id::KZ, Id::GG] {
                assert_same(Some(region), &digits);
                assert_same(Some(region), &format!("+{digits}"));
            }
            assert_same(None, &format!("+{digits}"));
        }
    }
}
