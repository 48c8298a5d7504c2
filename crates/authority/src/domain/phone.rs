//! Phone numbers: the spellings of users, and the one value of each number.

use std::fmt;

use super::prefix::Prefix;

/// The maximum length of a text that is read as a phone number, in bytes.
const MAX_TEXT: usize = 64;

/// The minimum and maximum number of digits of a number. ITU-T E.164 permits 15 at most.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// The zeros of the decimal digits that the world's keyboards write. Nine further digits follow
/// each zero.
const ZEROS: [char; 20] = [
    '0', '\u{660}', '\u{6F0}', '\u{7C0}', '\u{966}', '\u{9E6}', '\u{A66}', '\u{AE6}', '\u{B66}', '\u{BE6}', '\u{C66}',
    '\u{CE6}', '\u{D66}', '\u{E50}', '\u{ED0}', '\u{F20}', '\u{1040}', '\u{17E0}', '\u{1810}', '\u{FF10}',
];

/// Calling codes whose numbers may begin with a zero that is dialed from abroad, too. After every
/// other calling code a zero is the prefix of national calls, as in `+33 (0)6`.
const ZERO_IS_KEPT: [&str; 9] = ["225", "226", "227", "229", "241", "242", "378", "379", "39"];

/// The calling codes of two digits. Those of one digit are 1 and 7, and all others have three.
const TWO_DIGITS: &[u8] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62,
    63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// A phone number. With one default country, all spellings of a number yield the same value.
///
/// The value is `+` and the digits of E.164. Without a default country, a number in its national
/// form keeps that form, without `+`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// The rules by which spellings of the same number are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plans {
    /// Only the calling codes of ITU-T E.164: no tables, for a service that is embedded in a
    /// program.
    #[default]
    Plain,
    /// The numbering plan of each country, from Google's libphonenumber.
    #[cfg(feature = "phone-plans")]
    World,
}

impl PhoneNumber {
    /// Reads a number as a user wrote or pasted it, in up to 64 bytes. `home` is the calling code
    /// of numbers that have none.
    ///
    /// White space, dashes, dots, slashes, brackets and invisible characters of Unicode are
    /// dropped. `00` before a calling code counts as `+`, and a national prefix zero after the
    /// calling code is dropped. Returns `None` if the text is no phone number.
    pub(crate) fn read(text: &str, home: Option<&Prefix>, plans: Plans) -> Option<Self> {
        let written = Written::read(text)?;
        let read = match plans {
            Plans::Plain => written.plain(home),
            #[cfg(feature = "phone-plans")]
            Plans::World => world::read(&written, home),
        }?;
        let digits = read.0.strip_prefix('+').unwrap_or(&read.0).len();
        DIGITS.contains(&digits).then_some(read)
    }

    /// Returns the number: `+` and its digits, or the digits alone if the country is unknown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digits after the `+`. Returns `None` if the country is unknown.
    pub(crate) fn international(&self) -> Option<&str> {
        self.0.strip_prefix('+')
    }

    /// Returns the number with these digits after a `+`.
    fn of_international(digits: &str) -> Option<Self> {
        // No calling code begins with 0, and it is unknown how a gateway would read such a number.
        let is_right = !digits.is_empty() && !digits.starts_with('0');
        is_right.then(|| Self(format!("+{digits}")))
    }
}

/// Shows no digits, because they are personal data.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PhoneNumber")
    }
}

/// The digits of a text, and whether a `+` precedes them.
struct Written {
    has_plus: bool,
    digits: String,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        const SCHEME: &str = "tel:";
        if text.len() > MAX_TEXT {
            return None;
        }
        let text = text.trim();
        let text = match text.get(..SCHEME.len()) {
            Some(start) if start.eq_ignore_ascii_case(SCHEME) => text.get(SCHEME.len()..)?,
            _ => text,
        };
        let mut written = Self { has_plus: false, digits: String::new() };
        for c in text.chars() {
            match (digit(c), c) {
                (Some(digit), _) => written.digits.push(digit),
                // `+`, its fullwidth form and its small form.
                (None, '+' | '\u{FF0B}' | '\u{FE62}') if !written.has_plus && written.digits.is_empty() => {
                    written.has_plus = true;
                }
                _ if is_dropped(c) => {}
                _ => return None,
            }
        }
        Some(written)
    }

    /// Returns the digits after a `+`, or after a `00` in its place. After `+00` there are none: it
    /// has one prefix too many.
    fn international(&self) -> Option<&str> {
        let behind_zeros = self.digits.strip_prefix("00");
        if self.has_plus { Some(behind_zeros.unwrap_or(&self.digits)) } else { behind_zeros }
    }

    /// Reads the number without a numbering plan.
    fn plain(&self, home: Option<&Prefix>) -> Option<PhoneNumber> {
        if self.digits.len() < *DIGITS.start() {
            return None;
        }
        let international = match (self.international(), home) {
            // No calling code begins with 0.
            (Some(digits), _) if digits.starts_with('0') => return None,
            (Some(digits), _) => digits.to_owned(),
            (None, Some(home)) => format!("{}{}", home.digits(), self.digits),
            (None, None) => return Some(PhoneNumber(self.digits.clone())),
        };
        let known = self.international().is_none().then_some(home).flatten().map(Prefix::digits);
        let code = known.unwrap_or_else(|| calling_code(&international));
        let national = international.strip_prefix(code)?;
        let national = if ZERO_IS_KEPT.contains(&code) { national } else { national.trim_start_matches('0') };
        PhoneNumber::of_international(&format!("{code}{national}"))
    }
}

/// Returns the calling code at the start of the digits after a `+`.
pub(crate) fn calling_code(digits: &str) -> &str {
    let two = digits.get(..2).and_then(|code| code.parse().ok()).unwrap_or(0);
    let length = match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGITS.contains(&two) => 2,
        _ => 3,
    };
    digits.get(..length).unwrap_or(digits)
}

/// Returns the ASCII form of a decimal digit.
fn digit(c: char) -> Option<char> {
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Returns whether a character is not part of a number: it separates digits or is invisible.
fn is_dropped(c: char) -> bool {
    let is_punctuation = matches!(
        c,
        '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~'
        // Hyphens, dashes and the minus sign.
        | '\u{58A}' | '\u{5BE}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}' | '\u{2043}' | '\u{2053}' | '\u{2212}'
        | '\u{223C}' | '\u{2E3A}' | '\u{2E3B}' | '\u{301C}' | '\u{30FC}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}'
        | '\u{FF5E}' | '\u{FF70}'
        // Middle dots, bullets and one-dot leaders, the fraction slash, and fullwidth dots, slash
        // and brackets.
        | '\u{B7}' | '\u{2022}' | '\u{2024}' | '\u{2027}' | '\u{2044}' | '\u{2215}' | '\u{FF08}' | '\u{FF09}'
        | '\u{FF0E}' | '\u{FF0F}' | '\u{FF3B}' | '\u{FF3D}'
    );
    let is_invisible = matches!(
        c,
        // The soft hyphen, marks of the writing direction, joiners and blanks without width,
        // variation selectors of emoji.
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        // The enclosing keycap of emoji digits.
        | '\u{20E3}'
    );
    c.is_whitespace() || is_punctuation || is_invisible
}

#[cfg(feature = "phone-plans")]
mod world {
    //! Numbering plans of all countries.

    use phonenumber::Type;
    use phonenumber::country::{Id, Source};

    use super::super::numbering_plans;
    use super::{DIGITS, PhoneNumber, Prefix, Written};

    /// Reads a number by the plan of its country, or of the home country.
    pub(super) fn read(written: &Written, home: Option<&Prefix>) -> Option<PhoneNumber> {
        let found = match (written.international(), home.and_then(region_of)) {
            (Some(digits), None) => international(digits),
            // No plan applies: no country is known, or the home prefix is a part of one.
            (None, None) => return written.plain(home),
            (Some(digits), Some(_)) if written.has_plus => international(digits),
            (digits, Some(region)) => at_home(&written.digits, region, digits),
        }?;
        stable_reading(found)
    }

    /// Returns the calling code of a country, which is named by its two letters of ISO 3166.
    pub fn calling_code_of(letters: &str) -> Option<Prefix> {
        // Global services have digits in place of letters.
        let is_country = letters.bytes().all(|byte| byte.is_ascii_uppercase());
        let code = numbering_plans::code_of_region(letters).filter(|_| is_country)?;
        Prefix::new(&format!("+{code}"))
    }

    /// Reads a number as it is dialed in a country. `abroad` holds the digits after a leading `00`.
    /// Not every country dials abroad with `00`, but users of all countries write it.
    fn at_home(digits: &str, region: Id, abroad: Option<&str>) -> Option<PhoneNumber> {
        let dialed = numbering_plans::parse(Some(region), digits);
        // The `00` of `0011` before a calling code is not a prefix of its own.
        let dials_abroad = |dialed: &phonenumber::PhoneNumber| dialed.code().source() == Source::Idd;
        let by_idd = dialed.as_ref().filter(|dialed| dials_abroad(dialed)).and_then(written);
        // A number at home may begin with the digits of its calling code.
        let code = numbering_plans::code_of_region(region.as_ref())?;
        let after_code = international(&format!("{code}{digits}")).filter(|_| !digits.starts_with('0'));
        let readings = [by_idd, abroad.and_then(international), after_code, dialed.as_ref().and_then(written)];
        let kinds = readings.iter().flatten().map(|number| (number, kind_of(number)));
        let mut valid = kinds.filter(|(_, kind)| *kind != Type::Unknown).collect::<Vec<_>>();
        // SMS go to mobile phones, so these come first. The sort is stable: the first mobile number
        // is used, or else the first number.
        valid.sort_by_key(|(_, kind)| !matches!(kind, Type::Mobile | Type::FixedLineOrMobile));
        if let Some((number, _)) = valid.first() {
            return Some((*number).clone());
        }
        // A plan may be older than a number.
        let [_, abroad, _, dialed] = readings;
        abroad.or(dialed).filter(|_| digits.len() >= *DIGITS.start())
    }

    /// Returns the type of a number in its plan. The type of a number in no plan is unknown.
    fn kind_of(number: &PhoneNumber) -> Type {
        numbering_plans::parse(None, number.as_str()).map_or(Type::Unknown, |number| numbering_plans::type_of(&number))
    }

    /// Reads the digits after a `+`.
    fn international(digits: &str) -> Option<PhoneNumber> {
        let text = PhoneNumber::of_international(digits)?;
        let first = numbering_plans::parse(None, text.as_str())?;
        // The country's plan knows better which prefix begins a national call.
        let region = Prefix::new(&format!("+{}", first.code().value())).as_ref().and_then(region_of);
        written(&numbering_plans::parse(region, text.as_str())?)
    }

    /// Reads the number again until it reads as itself, so that a row that stores it is read as the
    /// same number. Returns `None` if the number does not settle.
    fn stable_reading(mut number: PhoneNumber) -> Option<PhoneNumber> {
        const READINGS: usize = 3;
        for _ in 0..READINGS {
            let again = international(number.international()?)?;
            if again == number {
                return Some(number);
            }
            number = again;
        }
        None
    }

    fn written(number: &phonenumber::PhoneNumber) -> Option<PhoneNumber> {
        PhoneNumber::of_international(&format!("{}{}", number.code().value(), number.national()))
    }

    /// Returns the main country of a calling code. Global services have none.
    fn region_of(code: &Prefix) -> Option<Id> {
        let code: u16 = code.digits().parse().ok()?;
        numbering_plans::main_region(code)?.parse().ok()
    }
}

#[cfg(feature = "phone-plans")]
pub use world::calling_code_of;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Spellings of one number that show its country.
    const ABROAD: [&str; 24] = [
        "+33612345678",
        "+33 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "+33(0)612345678",
        "+33 06 12 34 56 78",
        "+330612345678",
        "0033612345678",
        "0033 (0)6-12-34-56-78",
        "00330612345678",
        "(+33) 6.12.34.56.78",
        "(0033) 6 12 34 56 78",
        "+0033 612345678",
        "+33/6/12/34/56/78",
        "\u{202a}+33\u{a0}6\u{a0}12\u{a0}34\u{a0}56\u{a0}78\u{202c}",
        "+33\u{202f}6\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
        "\u{200e}+33\u{2011}6\u{2011}12\u{2011}34\u{2011}56\u{2011}78",
        "\u{2066}+33 6 12 34 56 78\u{2069}",
        "\u{feff}+33\u{200b}612345678\u{ad}",
        "+33\u{2009}6\u{3000}12\u{2003}345678",
        "+33\u{2013}6\u{2014}12\u{2212}34\u{b7}56 78",
        "\u{ff0b}\u{ff13}\u{ff13}\u{ff16}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        "+\u{663}\u{663} \u{666} \u{661}\u{662} \u{663}\u{664} \u{665}\u{666} \u{667}\u{668}",
        "\t+33 612345678\r\n",
        "tel:+33-6-12-34-56-78",
    ];

    /// National spellings of the same number.
    const AT_HOME: [&str; 5] =
        ["0612345678", "06 12 34 56 78", "06.12.34.56.78", "(06) 12-34-56-78", "06\u{202f}12\u{a0}34 56\u{2011}78"];

    fn read(text: &str, home: Option<&str>, plans: Plans) -> Option<String> {
        let home = home.map(|home| Prefix::new(home).unwrap());
        PhoneNumber::read(text, home.as_ref(), plans).map(|number| number.as_str().to_owned())
    }

    fn all_plans() -> Vec<Plans> {
        vec![
            Plans::Plain,
            #[cfg(feature = "phone-plans")]
            Plans::World,
        ]
    }

    #[test]
    fn all_spellings_of_a_number_are_one_number() {
        for plans in all_plans() {
            for home in [None, Some("+33"), Some("+49"), Some("+1")] {
                for spelling in ABROAD {
                    assert_eq!(read(spelling, home, plans).as_deref(), Some("+33612345678"), "{spelling:?} {home:?}");
                }
            }
            for spelling in AT_HOME {
                assert_eq!(read(spelling, Some("+33"), plans).as_deref(), Some("+33612345678"), "{spelling:?}");
                assert_eq!(read(spelling, Some("+49"), plans).as_deref(), Some("+49612345678"), "{spelling:?}");
                assert_eq!(read(spelling, None, plans).as_deref(), Some("0612345678"), "{spelling:?}");
            }
        }
    }

    #[test]
    fn the_zero_of_a_country_that_has_no_other_is_kept() {
        for plans in all_plans() {
            for (text, home, number) in [
                ("+39 06 698 12345", None, "+390669812345"),
                ("06 698 12345", Some("+39"), "+390669812345"),
                ("0039 06 698 12345", None, "+390669812345"),
                ("+225 07 12 34 56 78", None, "+2250712345678"),
                ("+44 (0) 7911 123456", None, "+447911123456"),
                ("07911 123456", Some("+44"), "+447911123456"),
                ("+1 (202) 555-0123", None, "+12025550123"),
            ] {
                assert_eq!(read(text, home, plans).as_deref(), Some(number), "{text}");
            }
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        let long = format!("+33612345678{}", " ".repeat(MAX_TEXT));
        for plans in all_plans() {
            for bad in [
                "",
                "+",
                "tel:",
                "12345",
                "1234567890123456",
                "++33612345678",
                "06+12345678",
                "06a12345678",
                "me@example.com",
                "+33612345678;ext=1",
                "+33612345678 x5",
                "0+33612345678",
                "0612345678, 0698765432",
                "*33612345678",
                "#31#0612345678",
                "+0612345678",
                "06\u{0}12345678",
                "six",
                &long,
            ] {
                assert_eq!(read(bad, None, plans), None, "{bad:?}");
                assert_eq!(read(bad, Some("+33"), plans).filter(|_| bad != "+0612345678"), None, "{bad:?}");
            }
        }
    }

    #[test]
    fn no_output_for_developers_shows_a_number() {
        let number = PhoneNumber::read("+33612345678", None, Plans::Plain).unwrap();
        assert_eq!(format!("{number:?}"), "PhoneNumber");
    }

    #[cfg(feature = "phone-plans")]
    mod world {
        use phonenumber::metadata::DATABASE;
        use phonenumber::{Mode, Type};
        use proptest::prelude::*;

        use super::*;

        #[test]
        fn the_plan_of_a_country_says_how_one_dials_there() {
            for (text, home, number) in [
                ("33612345678", "+33", "+33612345678"),
                ("8 (916) 123-45-67", "+7", "+79161234567"),
                ("06 20 123 4567", "+36", "+36201234567"),
                ("+36 06 20 123 4567", "+33", "+36201234567"),
                ("1-202-555-0123", "+1", "+12025550123"),
                ("011 33 6 12 34 56 78", "+1", "+33612345678"),
                ("0011 33 6 12 34 56 78", "+61", "+33612345678"),
                ("810 33 6 12 34 56 78", "+7", "+33612345678"),
                ("312 345 6789", "+39", "+393123456789"),
                ("392 345 6789", "+39", "+393923456789"),
                ("47 12 34 56", "+47", "+4747123456"),
                ("+47 47 12 34 56", "+47", "+4747123456"),
                ("4747123456", "+47", "+4747123456"),
                ("12025550123", "+1", "+12025550123"),
                ("4915112345678", "+49", "+4915112345678"),
                ("491701234567", "+49", "+491701234567"),
                ("436641234567", "+43", "+436641234567"),
                ("0 15 11 98765 4321", "+55", "+5511987654321"),
            ] {
                assert_eq!(read(text, Some(home), Plans::World).as_deref(), Some(number), "{text}");
            }
        }

        /// Checks the example of a mobile and of a fixed number in each country's plan, in the
        /// spellings of that country.
        #[test]
        fn the_example_of_every_country_is_itself_in_every_spelling() {
            let (mut wrong, mut seen) = (Vec::new(), 0);
            for region in DATABASE.iter() {
                let descriptors = [Type::Mobile, Type::FixedLine].map(|kind| region.descriptors().get(kind));
                let Ok(id) = region.id().parse() else { continue };
                for example in descriptors.into_iter().flatten().filter_map(|descriptor| descriptor.example()) {
                    let code = region.country_code();
                    let number = format!("+{code}{example}");
                    let parsed = phonenumber::parse(Some(id), &number).unwrap();
                    let national = parsed.format().mode(Mode::National).to_string();
                    let international = parsed.format().mode(Mode::International).to_string();
                    let home = format!("+{code}");
                    seen += 1;
                    for (text, plans) in [
                        (&number, Plans::World),
                        (&number, Plans::Plain),
                        (&international, Plans::World),
                        (&international, Plans::Plain),
                        (&format!("00{code}{example}"), Plans::World),
                        (&national, Plans::World),
                    ] {
                        let read = read(text, Some(&home), plans);
                        if read.as_deref() != Some(&number) {
                            wrong.push(format!("{} {text} {plans:?}: {read:?}, not {number}", region.id()));
                        }
                    }
                }
            }
            assert!(seen > 400, "{seen}");
            assert!(wrong.is_empty(), "{wrong:#?}");
        }

        proptest! {
            /// Checks that the stored form of a number is read as the same number.
            #[test]
            fn reading_again_changes_nothing(
                text in "(\\+|00|0|)[0-9 ().-]{6,20}", home in prop::option::of("\\+(1|7|33|39|44|52|54|55|61|370|375|882)")
            ) {
                for plans in all_plans() {
                    if let Some(first) = read(&text, home.as_deref(), plans) {
                        prop_assert_eq!(read(&first, home.as_deref(), plans), Some(first.clone()));
                        prop_assert!(first.starts_with('+') || home.is_none());
                    }
                }
            }

            #[test]
            fn no_text_ends_the_service(text in "\\PC{0,64}", home in "\\+(1|7|33|39|882|1876)") {
                read(&text, Some(&home), Plans::World);
                read(&text, None, Plans::World);
            }
        }
    }
}
