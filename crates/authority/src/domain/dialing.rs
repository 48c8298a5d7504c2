//! The country of a phone number: its calling code, and whether SMS may go there.

use crate::domain::phone::{PhoneNumber, Plans, calling_code};
use crate::domain::prefix::Prefix;

/// Prefixes of numbers that belong to no country. ITU-T E.164 assigns these codes to global
/// services, and calls to them may cost any price. 800 freephone, 808 shared cost, 870 to 879
/// maritime mobile (Inmarsat), universal personal numbers and non-commercial networks, 881 mobile
/// satellites, 882 and 883 international networks, 888 disaster relief, 979 premium rate, 991 a
/// trial of correspondence services.
const GLOBAL_SERVICES: [&str; 9] = ["800", "808", "87", "881", "882", "883", "888", "979", "991"];

/// Dialing prefixes for numbers of another country, in place of `+`. `00` is another one.
const INTERNATIONAL: [&str; 6] = ["0011", "011", "010", "009", "810", "119"];

/// The countries that SMS may go to. The default is any country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Countries {
    /// The permitted prefixes. `None`: any country. The longest prefix that matches a number
    /// decides.
    pub allowed: Option<Vec<Prefix>>,
    /// Prefixes that SMS may not go to, or that they may go to although they belong to no country.
    pub exceptions: Vec<(Prefix, bool)>,
    /// The calling code of numbers that are written without `+` or `00`.
    pub home: Option<Prefix>,
    /// The rules for reading numbers. The default knows only the calling codes.
    pub plans: Plans,
}

/// A number that SMS may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The number in the form for the gateway.
    pub(crate) number: PhoneNumber,
    /// The prefix that the budget is counted by: the calling code, in North America with the area
    /// code. Empty if the number does not show its country.
    pub(crate) prefix: String,
}

impl Countries {
    /// Reads the words of a configuration: `any` or `+prefix`, and `!+prefix` for one that is
    /// excluded.
    ///
    /// # Errors
    ///
    /// Returns the invalid word, or an empty text if the list permits nothing.
    pub fn read<'a>(words: impl Iterator<Item = &'a str>, home: Option<Prefix>) -> Result<Self, String> {
        let (mut any, mut allowed, mut exceptions) = (false, Vec::new(), Vec::new());
        for word in words {
            match (word, Prefix::new(word), word.strip_prefix('!').and_then(Prefix::new)) {
                ("any", ..) => any = true,
                (_, Some(prefix), _) => allowed.push(prefix),
                (_, _, Some(prefix)) => exceptions.push((prefix, false)),
                _ => return Err(word.to_owned()),
            }
        }
        if any {
            exceptions.extend(allowed.drain(..).map(|prefix| (prefix, true)));
        } else if allowed.is_empty() {
            return Err(String::new());
        }
        Ok(Self { allowed: (!any).then_some(allowed), exceptions, home, plans: Plans::default() })
    }

    /// Reads a number as a user wrote it, or as a row stores it.
    pub(crate) fn read_number(&self, text: &str) -> Option<PhoneNumber> {
        PhoneNumber::read(text, self.home.as_ref(), self.plans)
    }

    /// Returns a row's number for display: in its canonical form, or unchanged if it cannot be
    /// read.
    pub(crate) fn shown_number(&self, row: String) -> String {
        self.read_number(&row).map_or(row, |number| number.as_str().to_owned())
    }

    /// Returns the destination of an SMS to this number. Returns `None` if SMS may not go there.
    pub(crate) fn destination(&self, number: &PhoneNumber) -> Option<Destination> {
        let Some(digits) = number.international() else {
            // Many gateways read a number without `+` as if it had one, or interpret an
            // international dialing prefix.
            let text = number.as_str();
            let read = INTERNATIONAL.iter().filter_map(|prefix| text.strip_prefix(prefix)).chain([text]);
            let free = self.allowed.is_none() && { read }.all(|digits| self.allows(digits));
            return free.then(|| Destination { number: number.clone(), prefix: String::new() });
        };
        let prefix = self.allows(digits).then(|| budget_prefix(digits).to_owned())?;
        Some(Destination { number: number.clone(), prefix })
    }

    fn allows(&self, digits: &str) -> bool {
        let mut entries: Vec<(&str, bool)> = vec![("", self.allowed.is_none())];
        entries.extend(GLOBAL_SERVICES.map(|service| (service, false)));
        entries.extend(self.allowed.iter().flatten().map(|prefix| (prefix.digits(), true)));
        entries.extend(self.exceptions.iter().map(|(prefix, allowed)| (prefix.digits(), *allowed)));
        // Among entries of equal length the last one decides: the operator's entries follow the
        // built-in ones.
        let found = entries.into_iter().filter(|(prefix, _)| digits.starts_with(prefix));
        found.max_by_key(|(prefix, _)| prefix.len()).is_some_and(|(_, allowed)| allowed)
    }
}

/// Returns the prefix that the budget of a number is counted by.
fn budget_prefix(digits: &str) -> &str {
    let code = calling_code(digits);
    // All countries of North America share one calling code.
    if code == "1" { digits.get(..4).unwrap_or(digits) } else { code }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn countries(words: &[&str], home: Option<&str>) -> Countries {
        Countries::read(words.iter().copied(), home.map(|home| Prefix::new(home).unwrap())).unwrap()
    }

    fn destination(countries: &Countries, number: &str) -> Option<Destination> {
        countries.destination(&countries.read_number(number)?)
    }

    fn dialed(countries: &Countries, number: &str) -> Option<String> {
        destination(countries, number).map(|destination| destination.number.as_str().to_owned())
    }

    #[test]
    fn the_longest_prefix_decides() {
        let some = countries(&["+33", "+1", "!+1876", "+18765"], None);
        for good in ["+33612345678", "0033612345678", "+12025550123", "+18765550123"] {
            assert!(destination(&some, good).is_some(), "{good}");
        }
        for bad in ["+49151234567", "+18761234567", "004915123456", "+8821312345", "0612345678", "33612345678", "x"] {
            assert!(destination(&some, bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn any_country_has_no_global_services_but_those_that_are_named() {
        let any = countries(&["any"], None);
        let odd = ["+00882131234", "+0088213123", "0000882131234", "000882131234", "+0979123456", "01188213123"];
        let plain = ["+8821312345", "+8831234567", "+8701234567", "+8781234567", "+8811234567", "+9791234567"];
        for bad in odd {
            assert!(destination(&any, bad).is_none(), "{bad}");
        }
        // This is not the prefix 0011 before +882, but a number of +1.
        assert_eq!(dialed(&any, "001188213123").as_deref(), Some("+1188213123"));
        for bad in plain {
            assert!(destination(&any, bad).is_none(), "{bad}");
            assert!(destination(&any, &bad.replace('+', "00")).is_none(), "{bad} after 00");
            assert!(destination(&any, &bad[1..]).is_none(), "{bad} without its plus");
        }
        for good in ["+33612345678", "+8801712345678", "+97312345678", "0612345678"] {
            assert!(destination(&any, good).is_some(), "{good}");
        }
        let named = countries(&["any", "+88213", "+979", "!+33"], None);
        for (number, taken) in
            [("+8821312345", true), ("+8821412345", false), ("+9791234567", true), ("+3361234", false)]
        {
            assert_eq!(destination(&named, number).is_some(), taken, "{number}");
        }
        // A permitted country does not permit a global service whose code begins with the same
        // digits.
        assert!(destination(&countries(&["+8"], None), "+8821312345").is_none());
    }

    #[test]
    fn a_number_of_the_default_country_is_dialed_as_it_was_read() {
        let france = countries(&["+33"], Some("+33"));
        assert_eq!(dialed(&france, "0612345678").as_deref(), Some("+33612345678"));
        assert_eq!(dialed(&france, "8821312345").as_deref(), Some("+338821312345"), "not the network +882");
        assert_eq!(dialed(&france, "0033612345678").as_deref(), Some("+33612345678"));
        assert_eq!(dialed(&countries(&["+39"], Some("+39")), "0612345678").as_deref(), Some("+390612345678"));
        assert_eq!(dialed(&countries(&["+33"], Some("+49")), "0612345678"), None);
    }

    #[test]
    fn a_budget_is_counted_by_calling_code() {
        let any = countries(&["any", "+882"], None);
        for (number, prefix) in [
            ("+33612345678", "33"),
            ("+12025550123", "1202"),
            ("+79161234567", "7"),
            ("+35312345678", "353"),
            ("+8821312345", "882"),
            ("0612345678", ""),
        ] {
            assert_eq!(destination(&any, number).unwrap().prefix, prefix, "{number}");
        }
    }

    #[test]
    fn words_that_say_nothing_are_refused() {
        for bad in [&["33"][..], &["+"], &["+0"], &["all"], &["!33"], &[], &["!+33"]] {
            assert!(Countries::read(bad.iter().copied(), None).is_err(), "{bad:?}");
        }
    }
}
