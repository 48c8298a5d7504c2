//! The texts of SMS, by message and language.
//!
//! A text says plainly what its code does: an attacker who asks a user for a code "to confirm a
//! number" must not get one that sets a new PIN. Default texts use only characters of GSM 03.38, so
//! that each fits into one SMS.

use inwebo::cvs::Purpose;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use crate::domain::message::{Message, Notice};

/// The maximum number of characters of a text.
const MAX_TEXT: usize = 600;

/// The number of languages of a request that are read.
const MAX_LANGUAGES: usize = 10;

/// A language by its code of ISO 639: two or three small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Reads the code of a language.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
        fits.then(|| Self(text.to_owned()))
    }

    /// Reads the value of `Accept-Language`. Returns the languages with the preferred one first,
    /// without their regions. Invalid entries are ignored. At most ten entries are read.
    pub fn accepted(header: &str) -> Vec<Self> {
        let mut found: Vec<(f32, Self)> = Vec::new();
        for part in header.split(',').take(MAX_LANGUAGES) {
            let mut words = part.split(';').map(str::trim);
            let primary = words.next().and_then(|tag| tag.split('-').next()).unwrap_or_default();
            let weight = words.find_map(|word| word.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let Some(language) = Self::new(&primary.to_ascii_lowercase()) else { continue };
            if let Some(weight) = weight.filter(|weight: &f32| *weight > 0.0 && *weight <= 1.0) {
                found.push((weight, language));
            }
        }
        // The sort is stable: entries with equal weights keep their order.
        found.sort_by(|(first, _), (second, _)| second.total_cmp(first));
        found.into_iter().map(|(_, language)| language).collect()
    }

    /// Returns the code of the language.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The texts of all messages in all languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsTexts {
    service: String,
    origin: Option<String>,
    language: Language,
    texts: BTreeMap<(Language, &'static str), String>,
}

/// The values of the placeholders in a text.
pub(crate) struct PlaceholderValues<'a> {
    pub(crate) code: &'a str,
    pub(crate) minutes: u64,
}

/// The messages, by the names of their texts.
const MESSAGES: [(&str, Message); 8] = [
    ("certification", Message::Code(Purpose::PhoneNumberCertification)),
    ("enrollment", Message::Code(Purpose::Enrollment)),
    ("reset", Message::Code(Purpose::ResetPin)),
    ("new_device", Message::Notice(Notice::NewDevice)),
    ("pin_reset", Message::Notice(Notice::PinReset)),
    ("pin_change", Message::Notice(Notice::PinChange)),
    ("block", Message::Notice(Notice::Block)),
    ("phone_number", Message::Notice(Notice::PhoneNumber)),
];

/// The default texts, in the order of [`MESSAGES`].
const DEFAULTS: [(&str, [&str; 8]); 3] = [
    (
        "en",
        [
            "{service}: {code} links this number to your account. Valid {minutes} min. Tell it to nobody, not even us.",
            "{service}: {code} ADDS A DEVICE to your account. Valid {minutes} min. Tell it to nobody, not even us.",
            "{service}: {code} SETS A NEW PIN for your account. Valid {minutes} min. Tell it to nobody, not even us.",
            "{service}: a new device was added to your account. If it was not you, contact us at once.",
            "{service}: the PIN of your account was reset with an SMS code. If it was not you, contact us at once.",
            "{service}: the PIN of your account was changed. If it was not you, contact us at once.",
            "{service}: your account is blocked (wrong PINs, or a rejected device). If it was not you, contact us at once.",
            "{service}: your account has another phone number now. If it was not you, contact us at once.",
        ],
    ),
    (
        "fr",
        [
            "{service} : {code} associe ce numéro à votre compte. Valable {minutes} min. Ne le donnez à personne, ni à nous.",
            "{service} : {code} AJOUTE UN APPAREIL à votre compte. Valable {minutes} min. Ne le donnez à personne, ni à nous.",
            "{service} : {code} CHANGE LE PIN de votre compte. Valable {minutes} min. Ne le donnez à personne, ni à nous.",
            "{service} : un nouvel appareil a été ajouté à votre compte. Si ce n'est pas vous, contactez-nous vite.",
            "{service} : le PIN de votre compte a été changé par un code SMS. Si ce n'est pas vous, contactez-nous vite.",
            "{service} : le PIN de votre compte a été changé. Si ce n'est pas vous, contactez-nous vite.",
            "{service} : votre compte est bloqué (PIN erronés ou appareil refusé). Si ce n'est pas vous, contactez-nous vite.",
            "{service} : votre compte a un autre numéro désormais. Si ce n'est pas vous, contactez-nous vite.",
        ],
    ),
    (
        "de",
        [
            "{service}: {code} verknüpft diese Nummer mit Ihrem Konto. {minutes} Min. gültig. Nennen Sie ihn niemandem, auch uns nicht.",
            "{service}: {code} FÜGT IHREM KONTO EIN GERÄT HINZU. {minutes} Min. gültig. Nennen Sie ihn niemandem, auch uns nicht.",
            "{service}: {code} SETZT EINE NEUE PIN. {minutes} Min. gültig. Nennen Sie den Code niemandem, auch uns nicht.",
            "{service}: Ihrem Konto wurde ein Gerät hinzugefügt. Waren Sie es nicht? Melden Sie sich sofort bei uns.",
            "{service}: Die PIN Ihres Kontos wurde mit einem SMS-Code neu gesetzt. Waren Sie es nicht? Melden Sie sich sofort.",
            "{service}: Die PIN Ihres Kontos wurde geändert. Waren Sie es nicht? Melden Sie sich sofort bei uns.",
            "{service}: Ihr Konto ist gesperrt (falsche PINs oder abgelehntes Gerät). Waren Sie es nicht? Melden Sie sich sofort bei uns.",
            "{service}: Ihr Konto hat jetzt eine andere Nummer. Waren Sie es nicht? Melden Sie sich sofort bei uns.",
        ],
    ),
];

impl Default for SmsTexts {
    fn default() -> Self {
        let mut texts = BTreeMap::new();
        for (language, defaults) in DEFAULTS {
            for ((name, _), text) in MESSAGES.iter().zip(defaults) {
                texts.insert((Language(language.to_owned()), *name), text.to_owned());
            }
        }
        Self { service: "PIMS".to_owned(), origin: None, language: Language("en".to_owned()), texts }
    }
}

impl SmsTexts {
    /// Sets the name of the service: 1 to 30 characters on one line.
    pub fn set_service(&mut self, name: &str) -> Result<(), &'static str> {
        let fits =
            (1..=30).contains(&name.chars().count()) && !name.contains(|c: char| c.is_control() || "{}".contains(c));
        if !fits {
            return Err("must be 1 to 30 characters without braces and line ends");
        }
        self.service = name.to_owned();
        Ok(())
    }

    /// Binds codes to the host of a website: their texts end with the line `@host #code`.
    pub fn set_origin(&mut self, host: &str) -> Result<(), &'static str> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if host.len() > 100 || !host.contains('.') || !host.split('.').all(label) {
            return Err("must be the name of a host in small letters, such as pims.example.com");
        }
        self.origin = Some(host.to_owned());
        Ok(())
    }

    /// Sets the language of accounts that never named one. The language must have texts.
    pub fn set_language(&mut self, language: Language) -> Result<(), &'static str> {
        if !self.knows(&language) {
            return Err("has no texts: give sms.texts of that language");
        }
        self.language = language;
        Ok(())
    }

    /// Sets a text by its name. A language that has only some texts of its own uses the English
    /// text for the others.
    ///
    /// # Errors
    ///
    /// Describes the fault of the name or of the text.
    pub fn set_text(&mut self, language: &Language, name: &str, text: &str) -> Result<(), String> {
        let Some((name, message)) = MESSAGES.iter().find(|(known, _)| *known == name) else {
            let known = MESSAGES.map(|(name, _)| name).join(", ");
            return Err(format!("there is no text `{name}`; there are: {known}"));
        };
        let used = placeholders(text)?;
        let is_code = matches!(message, Message::Code(_));
        if is_code && !used.contains(&"code") {
            return Err("must have {code}".to_owned());
        }
        if !is_code && used.iter().any(|used| *used != "service") {
            return Err("a notice has no {code} and no {minutes}".to_owned());
        }
        if text.chars().count() > MAX_TEXT || text.contains(|c: char| c.is_control() && c != '\n') {
            return Err(format!("must have {MAX_TEXT} characters or fewer, and no control characters"));
        }
        self.texts.insert((language.clone(), name), text.to_owned());
        Ok(())
    }

    /// Returns whether the language has any text.
    pub(crate) fn knows(&self, language: &Language) -> bool {
        self.texts.keys().any(|(known, _)| known == language)
    }

    /// Returns the text of a message in this language, or in the default language of the service.
    pub(crate) fn text(
        &self,
        message: Message,
        language: Option<&str>,
        with: &PlaceholderValues<'_>,
    ) -> Zeroizing<String> {
        let name = MESSAGES.iter().find(|(_, known)| *known == message).map_or("", |(name, _)| *name);
        let find = |language: &str| self.texts.get(&(Language(language.to_owned()), name));
        let template = language.and_then(find).or_else(|| find(self.language.as_str())).or_else(|| find("en"));
        let template = template.map_or("", String::as_str);
        // The capacity is large enough that the text never moves and leaves no copy behind: a name
        // of 30 characters may replace each `{service}`.
        let mut text = Zeroizing::new(String::with_capacity(512 + 14 * template.len()));
        let minutes = with.minutes.to_string();
        let words = [("{service}", self.service.as_str()), ("{code}", with.code), ("{minutes}", &minutes)];
        crate::template::fill(template, &words, &mut text);
        if let (Message::Code(_), Some(origin)) = (message, &self.origin) {
            for part in ["\n@", origin, " #", with.code] {
                text.push_str(part);
            }
        }
        text
    }

    /// Returns each text that does not fit into one SMS, as `language.name`, and the number of SMS
    /// that it takes.
    pub fn long_texts(&self, code_length: usize, minutes: u64) -> Vec<(String, usize)> {
        let code = "0".repeat(code_length);
        let values = PlaceholderValues { code: &code, minutes };
        let parts = |language: &Language, name: &str| {
            let message = MESSAGES.iter().find(|(known, _)| *known == name).map(|(_, message)| *message)?;
            Some(parts(&self.text(message, Some(language.as_str()), &values)))
        };
        let all = self
            .texts
            .keys()
            .filter_map(|(language, name)| Some((format!("{}.{name}", language.as_str()), parts(language, name)?)));
        all.filter(|(_, parts)| *parts > 1).collect()
    }
}

/// Returns the names in braces.
fn placeholders(text: &str) -> Result<Vec<&str>, String> {
    let mut used = Vec::new();
    let mut rest = text;
    while let Some(position) = rest.find(['{', '}']) {
        let end = rest[position..].find('}').filter(|_| rest[position..].starts_with('{'));
        let Some(end) = end else { return Err("has a brace that stands alone".to_owned()) };
        let name = &rest[position + 1..position + end];
        if !["code", "minutes", "service"].contains(&name) {
            return Err(format!("{{{name}}} is none of {{code}}, {{minutes}}, {{service}}"));
        }
        used.push(name);
        rest = &rest[position + end + 1..];
    }
    Ok(used)
}

/// Returns the number of SMS that a text takes. One SMS holds 160 characters of GSM 03.38 or 70
/// units of UTF-16. Each of several holds 153 or 67.
fn parts(text: &str) -> usize {
    match septets(text) {
        Some(length) => pieces(length, 160, 153),
        None => pieces(text.encode_utf16().count(), 70, 67),
    }
}

fn pieces(length: usize, one: usize, each: usize) -> usize {
    if length <= one { 1 } else { length.div_ceil(each) }
}

/// Returns the length in GSM 03.38. Returns `None` if the text has another character.
fn septets(text: &str) -> Option<usize> {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                         ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENDED: &str = "^{}\\[~]|€\u{c}";
    text.chars().try_fold(0, |sum, character| match character {
        _ if BASIC.contains(character) => Some(sum + 1),
        _ if EXTENDED.contains(character) => Some(sum + 2),
        _ => None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CODE: PlaceholderValues<'_> = PlaceholderValues { code: "123456", minutes: 10 };

    #[test]
    fn each_default_text_is_one_sms_with_its_origin() {
        let mut texts = SmsTexts::default();
        texts.set_service("Example Bank").unwrap();
        texts.set_origin("pims.example.com").unwrap();
        for (language, _) in DEFAULTS {
            for (name, message) in MESSAGES {
                let text = texts.text(message, Some(language), &CODE);
                let length = septets(&text).unwrap_or_else(|| panic!("{language}.{name} is not GSM 03.38: {}", *text));
                assert!(length <= 160, "{language}.{name} has {length} characters");
                assert!(text.contains("Example Bank") && !text.contains(['{', '}']), "{}", *text);
            }
        }
        assert_eq!(texts.long_texts(6, 10), []);
    }

    #[test]
    fn a_code_ends_with_its_origin_and_a_notice_has_none() {
        let mut texts = SmsTexts::default();
        let reset = Message::Code(Purpose::ResetPin);
        assert!(!texts.text(reset, None, &CODE).contains('@'));
        texts.set_origin("example.com").unwrap();
        assert_eq!(texts.text(reset, None, &CODE).lines().last(), Some("@example.com #123456"));
        let block = texts.text(Message::Notice(Notice::Block), None, &CODE);
        assert!(!block.contains('@') && !block.contains("123456"), "{}", *block);
        for bad in ["", "localhost", "https://example.com", "example.com/a", "a b.com", "Example.com", "a..b"] {
            assert!(texts.set_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_two_messages_of_a_language_have_the_same_text() {
        for (language, texts) in DEFAULTS {
            let mut each = texts.to_vec();
            each.sort_unstable();
            each.dedup();
            assert_eq!(each.len(), MESSAGES.len(), "{language}");
        }
    }

    #[test]
    fn a_text_of_an_operator_is_validated_before_it_is_sent() {
        let (mut texts, dutch) = (SmsTexts::default(), Language::new("nl").unwrap());
        assert!(texts.set_language(dutch.clone()).is_err());
        texts.set_text(&dutch, "reset", "{code}: nieuwe pincode").unwrap();
        texts.set_language(dutch.clone()).unwrap();
        assert_eq!(*texts.text(Message::Code(Purpose::ResetPin), None, &CODE), "123456: nieuwe pincode");
        // A text that the language lacks is taken from English.
        assert!(texts.text(Message::Code(Purpose::Enrollment), Some("nl"), &CODE).contains("ADDS A DEVICE"));
        for (name, text) in [
            ("reset", "your code"),
            ("reset", "{kode} {code}"),
            ("reset", "{code"),
            ("reset", "code} {code}"),
            ("reset", "{code}\u{7}"),
            ("block", "{code}"),
            ("block", "{minutes}"),
            ("other", "{code}"),
        ] {
            assert!(texts.set_text(&dutch, name, text).is_err(), "{name}: {text}");
        }
        assert!(texts.set_text(&dutch, "reset", &format!("{{code}}{}", "a".repeat(600))).is_err());
    }

    #[test]
    fn a_header_yields_its_languages_the_preferred_one_first() {
        let read = |header: &str| Language::accepted(header).iter().map(|l| l.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(read("fr-CH, en;q=0.8, de;q=0.9, *;q=0.5"), ["fr", "de", "en"]);
        assert_eq!(read("en;q=0, EN-gb;q=0.3, x, 12, ../etc, fr;q=nan, de;q=2"), ["en"]);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read(&"fr,".repeat(100_000)).len(), MAX_LANGUAGES);
    }

    #[test]
    fn the_length_of_an_sms_depends_on_its_characters() {
        assert_eq!((septets("a€é"), septets("ê")), (Some(4), None));
        assert_eq!((parts(&"a".repeat(160)), parts(&"a".repeat(161)), parts(&"a".repeat(307))), (1, 2, 3));
        assert_eq!((parts(&"ê".repeat(70)), parts(&"ê".repeat(71)), parts(&"€".repeat(81))), (1, 2, 2));
    }
}
