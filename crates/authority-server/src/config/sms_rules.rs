//! The rules for SMS: budgets, countries, notices and texts.

use std::collections::BTreeSet;

use super::reader::Reader;
use super::source::Value;
use authority::{Countries, Language, Notice, Plans, Prefix, SmsBudget, SmsRules, SmsTexts, calling_code_of};

/// One day, in seconds. If a thief changes the number, its owner gets an SMS and has this time to
/// react.
pub(super) const COOLING_SECONDS: u64 = 86_400;

/// Returns whether SMS reach users: an outbox is for development, and a webhook is not.
pub(super) fn is_production(reader: &mut Reader) -> bool {
    reader.text("sms.gateway").as_deref() == Some("webhook")
}

/// Reads the rules. `shows_text`: the gateway gets the text of a message.
pub(super) fn read(reader: &mut Reader, shows_text: bool) -> SmsRules {
    SmsRules {
        budget: SmsBudget {
            per_minute: Some(reader.number("limits.sms_per_minute")),
            per_day: Some(reader.number("limits.sms_per_day")),
            per_prefix_and_hour: Some(reader.number("limits.sms_per_prefix_and_hour")),
            kept_percent: reader.number("limits.sms_kept_percent"),
        },
        countries: Countries { plans: Plans::World, ..countries(reader) },
        new_account_seconds: reader.number("limits.new_account_seconds"),
        notices: notices(reader, shows_text),
        texts: texts(reader),
    }
}

fn countries(reader: &mut Reader) -> Countries {
    const KEY: &str = "sms.countries";
    const HOME: &str = "sms.default_country";
    let home = reader.text(HOME).and_then(|text| {
        let prefix = Prefix::new(&text).or_else(|| calling_code_of(&text));
        if prefix.is_none() {
            reader.problem(HOME, "must be a country, such as \"FR\", or its calling code, such as \"+33\"");
        }
        prefix
    });
    let Some(words) = reader.list(KEY) else {
        if is_production(reader) && !reader.has(KEY) {
            reader.problem(KEY, "is missing: the calling codes that SMS may go to, such as [\"+33\"], or [\"any\"]");
        }
        return Countries { home, ..Countries::default() };
    };
    Countries::read(words.iter().map(String::as_str), home).unwrap_or_else(|word| {
        let message = match word.as_str() {
            "" => "allows nothing: give calling codes, such as [\"+33\"], or [\"any\"]".to_owned(),
            word => format!("`{word}` is none of \"any\", \"+33\", \"!+33\""),
        };
        reader.problem(KEY, message);
        Countries::default()
    })
}

fn notices(reader: &mut Reader, shows_text: bool) -> BTreeSet<Notice> {
    const KEY: &str = "sms.notices";
    let Some(words) = reader.list(KEY) else {
        let are_default = is_production(reader) && shows_text;
        return Notice::ALL.into_iter().filter(|_| are_default).collect();
    };
    if !words.is_empty() && !shows_text {
        reader.problem(KEY, "notices have no code: sms.webhook_template must have {text}");
    }
    let mut notices = BTreeSet::new();
    for word in words {
        match Notice::ALL.into_iter().find(|notice| notice.as_str() == word) {
            Some(notice) => drop(notices.insert(notice)),
            None => {
                let known = Notice::ALL.map(Notice::as_str).join(", ");
                reader.problem(KEY, format!("`{word}` is none of: {known}"));
            }
        }
    }
    notices
}

fn texts(reader: &mut Reader) -> SmsTexts {
    const KEY: &str = "sms.texts";
    let mut texts = SmsTexts::default();
    for (code, value) in reader.table(KEY) {
        let Some(language) = Language::new(&code) else {
            reader.problem(KEY, format!("`{code}` is not a language: two or three small letters"));
            continue;
        };
        let Value::Table(entries) = value else {
            reader.problem(KEY, format!("`{code}` must be a table of texts"));
            continue;
        };
        for (name, value) in entries {
            let set = match value {
                Value::Text(text) => texts.set_text(&language, &name, &text),
                _ => Err("must be a text".to_owned()),
            };
            if let Err(message) = set {
                reader.problem(KEY, format!("{code}.{name}: {message}"));
            }
        }
    }
    set(reader, "sms.service_name", |name| texts.set_service(name));
    set(reader, "sms.origin", |host| texts.set_origin(host));
    set(reader, "sms.language", |code| match Language::new(code) {
        Some(language) => texts.set_language(language),
        None => Err("must be two or three small letters"),
    });
    texts
}

fn set(reader: &mut Reader, key: &str, mut set: impl FnMut(&str) -> Result<(), &'static str>) {
    if let Some(Err(message)) = reader.text(key).map(|text| set(&text)) {
        reader.problem(key, message);
    }
}
