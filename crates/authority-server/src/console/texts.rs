//! The texts of the consoles: one file of messages (Project Fluent) for each language. Code and
//! templates name messages, and hold no text of their own.

use std::sync::LazyLock;

use authority::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// Includes the messages of a language.
macro_rules! sources {
    ($language:literal) => {
        [
            include_str!(concat!("texts/", $language, "/frame.ftl")),
            include_str!(concat!("texts/", $language, "/operators.ftl")),
            include_str!(concat!("texts/", $language, "/development.ftl")),
        ]
    };
}

/// The languages, the default first: their codes, their own names, and their messages.
const SOURCES: [(&str, &str, [&str; 3]); 2] = [("en", "English", sources!("en")), ("fr", "Français", sources!("fr"))];

/// The messages of one language.
struct Messages {
    code: &'static str,
    /// The language's name for itself.
    name: &'static str,
    bundle: FluentBundle<FluentResource>,
}

static MESSAGES: LazyLock<Vec<Messages>> = LazyLock::new(|| {
    SOURCES
        .into_iter()
        .map(|(code, name, sources)| {
            let mut bundle = FluentBundle::new_concurrent(vec![code.parse::<LanguageIdentifier>().unwrap_or_default()]);
            // A faulty message is left out, and the tests find it.
            for source in sources {
                let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
                let _ = bundle.add_resource(resource);
            }
            Messages { code, name, bundle }
        })
        .collect()
});

/// A message with its arguments, in no language yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sentence {
    id: &'static str,
    arguments: Vec<(&'static str, FluentValue<'static>)>,
}

impl Sentence {
    /// Makes the sentence of a message without arguments.
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, arguments: Vec::new() }
    }

    /// Adds an argument: a text, or a number, whose plural the language chooses.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<FluentValue<'static>>) -> Self {
        self.arguments.push((name, value.into()));
        self
    }

    /// Returns the name of its message.
    pub(crate) fn id(&self) -> &'static str {
        self.id
    }
}

/// The texts of one language. A copy is cheap.
#[derive(Clone, Copy)]
pub(crate) struct Texts(&'static Messages);

impl Texts {
    /// Returns the texts in the first of these languages that there is, or in English.
    pub(crate) fn of(wanted: &[Language]) -> Self {
        let found = wanted.iter().find_map(|language| Self::named(language.as_str()));
        found.unwrap_or_else(|| Self(&MESSAGES[0]))
    }

    /// Returns the texts of the language with this code. The region is not regarded.
    pub(crate) fn named(code: &str) -> Option<Self> {
        let primary = code.split('-').next().unwrap_or_default();
        MESSAGES.iter().find(|messages| messages.code.eq_ignore_ascii_case(primary)).map(Self)
    }

    /// Returns code and name of every language.
    pub(crate) fn languages() -> impl Iterator<Item = (&'static str, &'static str)> {
        MESSAGES.iter().map(|messages| (messages.code, messages.name))
    }

    /// Returns the code of the language.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns a message without arguments.
    pub(crate) fn get(&self, id: &str) -> String {
        self.format(id, None)
    }

    /// Returns a message with one argument.
    pub(crate) fn with<'a>(&self, id: &str, name: &'static str, value: impl Into<FluentValue<'a>>) -> String {
        let mut arguments = FluentArgs::new();
        arguments.set(name, value);
        self.format(id, Some(&arguments))
    }

    /// Returns a sentence in this language.
    pub(crate) fn say(&self, sentence: &Sentence) -> String {
        let arguments = sentence.arguments.iter().map(|(name, value)| (*name, value.clone())).collect();
        self.format(sentence.id, Some(&arguments))
    }

    /// Returns whether there is a message of this name.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.bundle.has_message(id)
    }

    /// Returns a message. Invisible marks stand around its arguments: a name in another direction
    /// of writing does not disturb the sentence. A missing message is its own name.
    fn format(&self, id: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.0.bundle.get_message(id).and_then(|message| message.value()) else {
            tracing::error!(id, language = self.code(), "a text of the console is missing");
            return id.to_owned();
        };
        self.0.bundle.format_pattern(pattern, arguments, &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};

    use super::*;

    /// Returns the messages of a source, with their texts.
    fn messages(source: &str) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let mut last = String::new();
        for line in source.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if line.starts_with([' ', '}']) {
                found.get_mut(&last).unwrap().push_str(line);
                continue;
            }
            let (id, text) = line.split_once(" =").unwrap();
            last = id.to_owned();
            assert!(found.insert(last.clone(), text.to_owned()).is_none(), "{id} stands twice");
        }
        found
    }

    /// Returns the names of the arguments in a text.
    fn arguments(text: &str) -> BTreeSet<&str> {
        let ends = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
        text.split('$').skip(1).map(|rest| rest.split(ends).next().unwrap()).collect()
    }

    fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, ending, found);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }

    fn sources(ending: &str) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), ending, &mut found);
        found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
    }

    #[test]
    fn every_language_has_the_same_messages_with_the_same_arguments() {
        let [english, others @ ..] = SOURCES.map(|(code, _, sources)| (code, messages(&sources.concat())));
        assert!(english.1.len() > 10);
        for (code, other) in others {
            let ids = |messages: &BTreeMap<String, String>| messages.keys().cloned().collect::<Vec<_>>();
            assert_eq!(ids(&english.1), ids(&other), "{code}");
            for (id, text) in &other {
                assert_eq!(arguments(&english.1[id]), arguments(text), "{code}: {id}");
            }
        }
    }

    #[test]
    fn every_source_is_read_without_a_fault() {
        for (code, _, sources) in SOURCES {
            for source in sources {
                let resource = FluentResource::try_new(source.to_owned());
                assert!(resource.is_ok(), "{code}: {:?}", resource.err().map(|(_, errors)| errors));
            }
            let texts = Texts::named(code).unwrap();
            assert!(messages(&sources.concat()).keys().all(|id| texts.has(id)));
        }
    }

    #[test]
    fn every_message_that_code_and_templates_name_exists() {
        let english = Texts::named("en").unwrap();
        let mut named = 0;
        for (path, text) in sources(".html").into_iter().chain(sources(".rs")) {
            let text = text.split("#[cfg(test)]").next().unwrap();
            for call in ["t.get(\"", "t.with(\"", "Sentence::new(\"", "texts.get(\"", "texts.with(\""] {
                for rest in text.split(call).skip(1) {
                    let id = rest.split('"').next().unwrap();
                    assert!(english.has(id), "{}: {id}", path.display());
                    named += 1;
                }
            }
        }
        assert!(named > 5);
    }

    #[test]
    fn templates_hold_no_text_of_their_own() {
        for (path, text) in sources(".html") {
            let mut rest = text;
            for (begin, end) in [("{#", "#}"), ("{{", "}}"), ("{%", "%}"), ("<!--", "-->"), ("<", ">")] {
                let mut left = String::new();
                let mut parts = rest.split(begin);
                left.push_str(parts.next().unwrap());
                for part in parts {
                    left.push_str(part.split_once(end).unwrap().1);
                }
                rest = left;
            }
            let words: Vec<&str> =
                rest.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).collect();
            assert_eq!(words, Vec::<&str>::new(), "{}", path.display());
        }
    }

    #[test]
    fn a_language_is_found_by_what_the_browser_prefers() {
        let code = |accepted: &str| Texts::of(&Language::accepted(accepted)).code();
        assert_eq!(code("fr-CA, en;q=0.5"), "fr");
        assert_eq!(code("de, FR;q=0.5, en;q=0.1"), "fr");
        assert_eq!(code("de"), "en");
        assert_eq!(code(""), "en");
        assert!(Texts::named("xx").is_none() && Texts::named("").is_none());
    }
}
