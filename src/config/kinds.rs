//! The kinds of values of a key: how a value is read, and how the documentation describes it.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::params::Value;

/// Expected value, in the words of an error. The given value may be a secret and is not repeated.
pub(super) type Expected = Cow<'static, str>;

/// Kind of values, which can be read.
pub(super) trait Kind {
    /// Type of a value that was read.
    type Read;

    /// Reads a value of this kind. The error is the expected value.
    fn read(&self, value: &Value<'_>) -> Result<Self::Read, Expected>;
}

/// Kind of values with a default.
pub(super) trait HasDefault: Kind {
    fn default(&self) -> Self::Read;
}

/// Kind of values, in the words of docs/configuration.md.
pub(super) trait Described {
    /// Returns the type and its bounds.
    fn form(&self) -> String;

    /// Returns the default, or `none`.
    fn default_text(&self) -> String;
}

/// Default, in the words of docs/configuration.md.
pub(super) trait DefaultText {
    fn text(&self) -> String;
}

/// No default.
pub(super) struct Missing;

/// Default that another module finds out. The documentation describes it with these words.
pub(super) struct InWords(pub(super) &'static str);

/// One of several words, each with its value.
pub(super) struct Choice<T: 'static> {
    words: &'static [(&'static str, T)],
    default: T,
    in_any_case: bool,
}

/// Whole number within bounds.
pub(super) struct Number<D> {
    pub(super) bounds: RangeInclusive<u64>,
    default: D,
}

/// `true` or `false`.
pub(super) struct Flag {
    pub(super) default: bool,
}

/// Text that a function reads.
pub(super) struct Text<T, D = Missing> {
    /// The expected text, in words.
    pub(super) form: &'static str,
    pub(super) parse: fn(&str) -> Result<T, Refusal>,
    pub(super) default: D,
}

/// Reason why a text is refused.
pub(super) enum Refusal {
    /// It does not have the form of its key.
    Form,
    /// It has the form. These words say what is expected beyond the form.
    Expected(&'static str),
}

/// List of texts, each read by a function. The default is an empty list.
pub(super) struct List<T> {
    /// The expected list, in words.
    pub(super) form: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

/// Object with members of its own.
pub(super) struct Object {
    pub(super) default: InWords,
}

impl<T> Choice<T> {
    pub(super) const fn of(words: &'static [(&'static str, T)], default: T) -> Self
    where
        T: Copy,
    {
        Self { words, default, in_any_case: false }
    }

    pub(super) const fn in_any_case(words: &'static [(&'static str, T)], default: T) -> Self
    where
        T: Copy,
    {
        Self { words, default, in_any_case: true }
    }
}

impl<T: Copy> Kind for Choice<T> {
    type Read = T;

    fn read(&self, value: &Value<'_>) -> Result<T, Expected> {
        let given = text(value)?;
        let is_given = |word: &str| word == given || (self.in_any_case && word.eq_ignore_ascii_case(given));
        match self.words.iter().find(|(word, _)| is_given(word)) {
            Some((_, choice)) => Ok(*choice),
            None => {
                let quoted: Vec<_> = self.words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                Err(format!("one of {}", quoted.join(", ")).into())
            }
        }
    }
}

impl<T: Copy> HasDefault for Choice<T> {
    fn default(&self) -> T {
        self.default
    }
}

impl<T: PartialEq> Described for Choice<T> {
    fn form(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|(word, _)| word.text()).collect();
        let case = if self.in_any_case { ", upper or lower case" } else { "" };
        format!("{}{case}", words.join(", "))
    }

    fn default_text(&self) -> String {
        let word = self.words.iter().find(|(_, choice)| *choice == self.default);
        word.map_or_else(|| Missing.text(), |(word, _)| word.text())
    }
}

impl Number<u64> {
    /// Creates a kind of numbers. A default out of bounds does not compile in a constant.
    pub(super) const fn with_default(bounds: RangeInclusive<u64>, default: u64) -> Self {
        assert!(*bounds.start() <= default && default <= *bounds.end());
        Self { bounds, default }
    }
}

impl Number<Missing> {
    pub(super) const fn without_default(bounds: RangeInclusive<u64>) -> Self {
        Self { bounds, default: Missing }
    }
}

impl<D> Kind for Number<D> {
    type Read = u64;

    fn read(&self, value: &Value<'_>) -> Result<u64, Expected> {
        match value {
            Value::Integer(number) if self.bounds.contains(number) => Ok(*number),
            _ => Err(self.expected().into()),
        }
    }
}

impl<D> Number<D> {
    fn expected(&self) -> String {
        format!("an integer from {} to {}", self.bounds.start(), self.bounds.end())
    }
}

impl HasDefault for Number<u64> {
    fn default(&self) -> u64 {
        self.default
    }
}

impl<D: DefaultText> Described for Number<D> {
    fn form(&self) -> String {
        self.expected()
    }

    fn default_text(&self) -> String {
        self.default.text()
    }
}

impl Kind for Flag {
    type Read = bool;

    fn read(&self, value: &Value<'_>) -> Result<bool, Expected> {
        match value {
            Value::Flag(flag) => Ok(*flag),
            _ => Err("true or false".into()),
        }
    }
}

impl HasDefault for Flag {
    fn default(&self) -> bool {
        self.default
    }
}

impl Described for Flag {
    fn form(&self) -> String {
        "`true`, `false`".to_owned()
    }

    fn default_text(&self) -> String {
        format!("`{}`", self.default)
    }
}

impl<T, D> Kind for Text<T, D> {
    type Read = T;

    fn read(&self, value: &Value<'_>) -> Result<T, Expected> {
        (self.parse)(text(value)?).map_err(|refusal| match refusal {
            Refusal::Form => self.form.into(),
            Refusal::Expected(words) => words.into(),
        })
    }
}

impl<D> HasDefault for Text<String, D>
where
    D: AsRef<str>,
{
    fn default(&self) -> String {
        self.default.as_ref().to_owned()
    }
}

impl<T, D: DefaultText> Described for Text<T, D> {
    fn form(&self) -> String {
        with_code(self.form)
    }

    fn default_text(&self) -> String {
        self.default.text()
    }
}

impl<T> Kind for List<T> {
    type Read = Vec<T>;

    fn read(&self, value: &Value<'_>) -> Result<Vec<T>, Expected> {
        let Value::List(values) = value else { return Err(self.form.into()) };
        let read = values.iter().map(|value| (self.parse)(value.as_text()?)).collect::<Option<_>>();
        read.ok_or_else(|| self.form.into())
    }
}

impl<T> HasDefault for List<T> {
    fn default(&self) -> Vec<T> {
        Vec::new()
    }
}

impl<T> Described for List<T> {
    fn form(&self) -> String {
        with_code(self.form)
    }

    fn default_text(&self) -> String {
        Missing.text()
    }
}

impl Described for Object {
    fn form(&self) -> String {
        "an object".to_owned()
    }

    fn default_text(&self) -> String {
        self.default.text()
    }
}

impl DefaultText for Missing {
    fn text(&self) -> String {
        "none".to_owned()
    }
}

impl DefaultText for InWords {
    fn text(&self) -> String {
        self.0.to_owned()
    }
}

impl DefaultText for u64 {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl DefaultText for &'static str {
    fn text(&self) -> String {
        format!("`\"{self}\"`")
    }
}

fn text<'a>(value: &'a Value<'_>) -> Result<&'a str, Expected> {
    value.as_text().ok_or_else(|| "a string".into())
}

/// Returns the words of an error for a page, with the patterns of URLs as code.
fn with_code(form: &str) -> String {
    let word = |word: &str| {
        let pattern = word.trim_end_matches(',');
        let rest = &word[pattern.len()..];
        if pattern.contains("://") { format!("`{pattern}`{rest}") } else { word.to_owned() }
    };
    form.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
