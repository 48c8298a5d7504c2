//! Answers: parses the XML into named values.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use zeroize::Zeroizing;

use super::error::EngineError;
use crate::mode::Action;
use crate::word::Verdict;

/// Largest accepted answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Largest number of children that an answer keeps.
const MAX_FIELDS: usize = 256;

/// An answer whose `err` is `OK`. Its values may be keys: they are wiped when dropped, and there is
/// no `Debug`.
pub struct Answer {
    fields: Vec<(String, Zeroizing<String>)>,
}

impl Answer {
    /// Reads the answer to a step, `ActionSetup` or `ActionFinalize`. An answer with a warning is a
    /// success. A child may be missing or empty. If a child is repeated, the first one counts.
    /// Unknown children are ignored.
    pub fn read(xml: &str, action: Action) -> Result<Self, EngineError> {
        let answer = Self { fields: fields(xml, action.as_str())? };
        match answer.text("err").map(Verdict::read) {
            None => Err(EngineError::Unusable("it has no err")),
            Some(Verdict::Done | Verdict::Warned(_)) => Ok(answer),
            Some(Verdict::Refused(word)) => Err(EngineError::Refused {
                word,
                attempts_left: answer.text("attemptsLeft").and_then(|left| left.parse().ok()),
                reason: answer
                    .text("reason")
                    .filter(|reason| reason.len() <= 40 && reason.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                    .map(str::to_owned),
                retry_after_seconds: answer.text("retryAfterSeconds").and_then(|seconds| seconds.parse().ok()),
                blocked_until: answer.text("blockedUntil").and_then(|until| until.parse().ok()),
            }),
        }
    }

    /// Returns the warning of an answer to either step, such as `WRN:SRVLIMITED`, if it has one.
    pub fn warning(xml: &str) -> Option<String> {
        if !xml.contains("WRN:") {
            return None;
        }
        let fields = [Action::Setup, Action::Finalize].iter().find_map(|action| fields(xml, action.as_str()).ok())?;
        match Verdict::read(Self { fields }.text("err")?) {
            Verdict::Warned(warning) => Some(warning),
            Verdict::Done | Verdict::Refused(_) => None,
        }
    }

    /// Returns a child's trimmed text, or `None` if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
        Some(value.trim()).filter(|text| !text.is_empty())
    }

    /// Returns the text of a child, or an error with the text `missing`.
    pub(super) fn need(&self, name: &str, missing: &'static str) -> Result<&str, EngineError> {
        self.text(name).ok_or(EngineError::Unusable(missing))
    }

    /// Returns the challenge of a setup step's answer.
    pub(super) fn challenge(xml: &str) -> Result<String, EngineError> {
        let answer = Self::read(xml, Action::Setup)?;
        answer.need("challenge", "it has no challenge").map(str::to_owned)
    }

    /// Returns a child that is a short word of the service, to be sent back later.
    pub(super) fn token(&self, name: &str) -> Result<Option<&str>, EngineError> {
        match self.text(name) {
            Some(text) if text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(EngineError::Unusable("one of its identifiers is too long or not plain text"))
            }
            text => Ok(text),
        }
    }
}

/// Returns the children of the answer's only element.
fn fields(xml: &str, action: &str) -> Result<Vec<(String, Zeroizing<String>)>, EngineError> {
    const NOT_XML: EngineError = EngineError::Unusable("it is not well-formed XML");
    const OTHER_ELEMENT: EngineError = EngineError::Unusable("its element is not the one of this step");
    if xml.len() > MAX_ANSWER {
        return Err(EngineError::Unusable("it is longer than 256 KiB"));
    }
    let mut reader = Reader::from_str(xml);
    let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
    let mut depth = 0usize;
    let mut seen = false;
    loop {
        match reader.read_event().map_err(|_| NOT_XML)? {
            Event::Start(tag) => {
                depth += 1;
                match depth {
                    1 if seen || tag.name().as_ref() != action => return Err(OTHER_ELEMENT),
                    1 => seen = true,
                    2 => begin(&mut fields, tag.name().as_ref())?,
                    _ => {}
                }
            }
            Event::Empty(tag) => match depth {
                0 if seen || tag.name().as_ref() != action => return Err(OTHER_ELEMENT),
                0 => seen = true,
                1 => begin(&mut fields, tag.name().as_ref())?,
                _ => {}
            },
            Event::End(_) => depth = depth.checked_sub(1).ok_or(NOT_XML)?,
            Event::Text(text) if depth == 2 => extend(&mut fields, &text.xml10_content()),
            Event::CData(text) if depth == 2 => extend(&mut fields, &text.xml10_content()),
            Event::GeneralRef(reference) if depth == 2 => {
                let letter = reference.resolve_char_ref().map_err(|_| NOT_XML)?;
                match (letter, resolve_predefined_entity(&reference.xml10_content())) {
                    (Some(letter), _) => extend(&mut fields, letter.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => extend(&mut fields, text),
                    (None, None) => return Err(EngineError::Unusable("it uses an entity that is not XML's own")),
                }
            }
            Event::DocType(_) => return Err(EngineError::Unusable("it has a document type")),
            Event::Eof if depth == 0 && seen => return Ok(fields),
            Event::Eof => return Err(NOT_XML),
            _ => {}
        }
    }
}

fn begin(fields: &mut Vec<(String, Zeroizing<String>)>, name: &str) -> Result<(), EngineError> {
    if fields.len() == MAX_FIELDS {
        return Err(EngineError::Unusable("it has too many children"));
    }
    fields.push((name.to_owned(), Zeroizing::new(String::new())));
    Ok(())
}

fn extend(fields: &mut [(String, Zeroizing<String>)], text: &str) {
    if let Some((_, value)) = fields.last_mut() {
        value.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::word::Word;

    fn read(xml: &str) -> Result<Answer, EngineError> {
        Answer::read(xml, Action::Setup)
    }

    #[test]
    fn children_are_found_missing_empty_or_repeated() {
        let answer = read(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ActionSetup>\n <err>OK</err><a> 1 </a><b/><c></c><a>2</a><d>x&amp;&#65;</d><e><![CDATA[<y>]]></e>\n<f>p<g>q</g>r</f></ActionSetup>",
        )
        .ok()
        .unwrap();
        let found = ["a", "b", "c", "d", "e", "f", "g", "z"].map(|name| answer.text(name));
        assert_eq!(found, [Some("1"), None, None, Some("x&A"), Some("<y>"), Some("pr"), None, None]);
    }

    #[test]
    fn an_error_word_refuses_with_what_is_left() {
        let refused = read("<ActionSetup><err>NOK:ACCESS</err><attemptsLeft>3</attemptsLeft></ActionSetup>").err();
        assert_eq!(
            refused,
            Some(EngineError::Refused {
                word: Word::Access,
                attempts_left: Some(3),
                reason: None,
                retry_after_seconds: None,
                blocked_until: None
            })
        );
        for (told, read) in [("commonPin", Some("commonPin")), ("no \"word\"", None), ("", None)] {
            let xml = format!("<ActionSetup><err>NOK:STATE</err><reason>{told}</reason></ActionSetup>");
            let reason = read.map(str::to_owned);
            let refused = Answer::read(&xml, Action::Setup).err();
            assert_eq!(
                refused,
                Some(EngineError::Refused {
                    word: Word::State,
                    attempts_left: None,
                    reason,
                    retry_after_seconds: None,
                    blocked_until: None
                })
            );
        }
        for (children, times) in [
            (
                "<retryAfterSeconds>60</retryAfterSeconds><blockedUntil>1700000000000</blockedUntil>",
                (Some(60), Some(1_700_000_000_000)),
            ),
            ("<retryAfterSeconds>-1</retryAfterSeconds><blockedUntil>soon</blockedUntil>", (None, None)),
            ("<retryAfterSeconds/><blockedUntil>-5</blockedUntil>", (None, Some(-5))),
        ] {
            let xml = format!("<ActionSetup><err>NOK:NOK_BLOCKED</err>{children}</ActionSetup>");
            let Some(EngineError::Refused { word: Word::Blocked, retry_after_seconds, blocked_until, .. }) =
                read(&xml).err()
            else {
                panic!("{xml}")
            };
            assert_eq!((retry_after_seconds, blocked_until), times, "{xml}");
        }
        let refused = read("<ActionSetup><err>NOK_BLOCKED</err></ActionSetup>").err();
        assert_eq!(
            refused,
            Some(EngineError::Refused {
                word: Word::Blocked,
                attempts_left: None,
                reason: None,
                retry_after_seconds: None,
                blocked_until: None
            })
        );
    }

    #[test]
    fn an_answer_with_a_warning_is_a_success() {
        let xml = "<ActionSetup><err>WRN:SRVLIMITED</err><challenge>00</challenge></ActionSetup>";
        assert_eq!(read(xml).ok().unwrap().text("challenge"), Some("00"));
        assert_eq!(Answer::warning(xml).as_deref(), Some("WRN:SRVLIMITED"));
        assert_eq!(Answer::warning(&xml.replace("Setup", "Finalize")).as_deref(), Some("WRN:SRVLIMITED"));
        for other in ["", "WRN:", "<ActionSetup><err>OK</err><a>WRN:X</a></ActionSetup>", "<ActionSetup><err>WRN:"] {
            assert_eq!(Answer::warning(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_the_expected_xml_is_unusable() {
        for bad in [
            "",
            "OK",
            "<html/>",
            "<ActionFinalize><err>OK</err></ActionFinalize>",
            "<ActionSetup>",
            "<ActionSetup/>",
            "<ActionSetup><err/></ActionSetup>",
            "<ActionSetup><err>OK</ActionSetup>",
            "<ActionSetup><err>&evil;</err></ActionSetup>",
            "<ActionSetup><err>&#0;</err></ActionSetup>",
            "<!DOCTYPE a><ActionSetup><err>OK</err></ActionSetup>",
            "<ActionSetup><err>OK</err></ActionSetup><ActionSetup/>",
        ] {
            assert!(matches!(read(bad).err(), Some(EngineError::Unusable(_))), "{bad}");
        }
        let long = format!("<ActionSetup><err>OK</err>{}</ActionSetup>", " ".repeat(MAX_ANSWER));
        assert!(read(&long).is_err());
        let many = format!("<ActionSetup><err>OK</err>{}</ActionSetup>", "<a/>".repeat(300));
        assert!(read(&many).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer_or_an_error(xml in ".*") {
            let _ = read(&xml);
        }

        #[test]
        fn any_soup_of_markup_is_an_answer_or_an_error(parts in prop::collection::vec(prop::sample::select(vec![
            "<ActionSetup>", "</ActionSetup>", "<err>", "</err>", "OK", "<", ">", "&", "&amp;", "&#x41;", "<![CDATA[", "]]>", "<!--", "-->", "<?x", "?>", "<!DOCTYPE", "\"", " ", "é",
        ]), 0..40)) {
            let _ = read(&parts.concat());
        }
    }
}
