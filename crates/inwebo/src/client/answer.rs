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

/// Largest number of items of a list in an answer.
const MAX_ITEMS: usize = 1024;

type Fields = Vec<(String, Zeroizing<String>)>;

/// An answer whose `err` is `OK`. Its values may be keys: they are wiped when dropped, and there is
/// no `Debug`.
pub struct Answer {
    fields: Fields,
}

/// An item of a list: an element of an answer that is repeated and has children of its own.
pub(super) struct Item {
    fields: Fields,
}

impl Answer {
    /// Reads the answer to a step, `ActionSetup` or `ActionFinalize`. An answer with a warning is a
    /// success. A child may be missing or empty. If a child is repeated, the first one counts.
    /// Unknown children are ignored.
    pub fn read(xml: &str, action: Action) -> Result<Self, EngineError> {
        Self::read_list(xml, action, None).map(|(answer, _)| answer)
    }

    /// Reads an answer as [`Answer::read`] does, and the list of the children with this name. They
    /// are no children of the answer.
    pub(super) fn read_with_list(xml: &str, action: Action, item: &str) -> Result<(Self, Vec<Item>), EngineError> {
        Self::read_list(xml, action, Some(item))
    }

    fn read_list(xml: &str, action: Action, item: Option<&str>) -> Result<(Self, Vec<Item>), EngineError> {
        let (answer, items) = parse(xml, action.as_str(), item)?;
        match answer.text("err").map(Verdict::read) {
            None => Err(EngineError::Unusable("it has no err")),
            Some(Verdict::Done | Verdict::Warned(_)) => Ok((answer, items)),
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
        let parsed = [Action::Setup, Action::Finalize].iter().find_map(|action| parse(xml, action.as_str(), None).ok());
        match Verdict::read(parsed?.0.text("err")?) {
            Verdict::Warned(warning) => Some(warning),
            Verdict::Done | Verdict::Refused(_) => None,
        }
    }

    /// Returns a child's trimmed text, or `None` if it is missing or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        text(&self.fields, name)
    }

    /// Returns the text of a child, or an error with the text `missing`.
    pub(super) fn need(&self, name: &str, missing: &'static str) -> Result<&str, EngineError> {
        self.text(name).ok_or(EngineError::Unusable(missing))
    }

    /// Returns the challenge of a setup step's answer.
    pub(super) fn challenge(xml: &str) -> Result<String, EngineError> {
        Self::read(xml, Action::Setup)?.own_challenge("it has no challenge").map(str::to_owned)
    }

    /// Returns the challenge, or an error with the text `missing`. The proofs of some decisions
    /// cover the challenge and `|` with the decision. So no challenge has a `|`: an attacker who
    /// changes answers would get the proof of a decision for an operation of another mode.
    pub(super) fn own_challenge(&self, missing: &'static str) -> Result<&str, EngineError> {
        match self.need("challenge", missing)? {
            text if text.contains('|') => Err(EngineError::Unusable("its challenge is the text of a decision")),
            text => Ok(text),
        }
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

impl Item {
    /// Returns a child's trimmed text, or `None` if it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        text(&self.fields, name)
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(field, _)| field == name)?;
    Some(value.trim()).filter(|text| !text.is_empty())
}

/// Reads the children of the answer's only element. The children with the name `item` are the items
/// of a list.
fn parse(xml: &str, action: &str, item: Option<&str>) -> Result<(Answer, Vec<Item>), EngineError> {
    const NOT_XML: EngineError = EngineError::Unusable("it is not well-formed XML");
    const OTHER_ELEMENT: EngineError = EngineError::Unusable("its element is not the one of this step");
    if xml.len() > MAX_ANSWER {
        return Err(EngineError::Unusable("it is longer than 256 KiB"));
    }
    let mut reader = Reader::from_str(xml);
    let mut found = Found { fields: Vec::new(), items: Vec::new(), item, in_item: false };
    let mut depth = 0usize;
    let mut seen = false;
    loop {
        match reader.read_event().map_err(|_| NOT_XML)? {
            Event::Start(tag) => {
                depth += 1;
                match depth {
                    1 if seen || tag.name().as_ref() != action => return Err(OTHER_ELEMENT),
                    1 => seen = true,
                    _ => found.begin(depth, tag.name().as_ref())?,
                }
            }
            Event::Empty(tag) => match depth {
                0 if seen || tag.name().as_ref() != action => return Err(OTHER_ELEMENT),
                0 => seen = true,
                _ => found.begin(depth + 1, tag.name().as_ref())?,
            },
            Event::End(_) => depth = depth.checked_sub(1).ok_or(NOT_XML)?,
            Event::Text(text) => found.extend(depth, &text.xml10_content()),
            Event::CData(text) => found.extend(depth, &text.xml10_content()),
            Event::GeneralRef(reference) if found.keeps(depth) => {
                let letter = reference.resolve_char_ref().map_err(|_| NOT_XML)?;
                match (letter, resolve_predefined_entity(&reference.xml10_content())) {
                    (Some(letter), _) => found.extend(depth, letter.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => found.extend(depth, text),
                    (None, None) => return Err(EngineError::Unusable("it uses an entity that is not XML's own")),
                }
            }
            Event::DocType(_) => return Err(EngineError::Unusable("it has a document type")),
            Event::Eof if depth == 0 && seen => return Ok((Answer { fields: found.fields }, found.items)),
            Event::Eof => return Err(NOT_XML),
            _ => {}
        }
    }
}

/// The part of an answer that was read so far.
struct Found<'a> {
    fields: Fields,
    items: Vec<Item>,
    /// The name of an item of the list, if a list is wanted.
    item: Option<&'a str>,
    /// True if the last child of the answer is an item.
    in_item: bool,
}

impl Found<'_> {
    /// Begins an element. The children of the answer have the depth 2.
    fn begin(&mut self, depth: usize, name: &str) -> Result<(), EngineError> {
        const TOO_MANY: EngineError = EngineError::Unusable("it has too many children");
        if depth == 2 {
            self.in_item = self.item == Some(name);
            if self.in_item {
                if self.items.len() == MAX_ITEMS {
                    return Err(TOO_MANY);
                }
                self.items.push(Item { fields: Vec::new() });
                return Ok(());
            }
        }
        let Some(fields) = self.at(depth) else { return Ok(()) };
        if fields.len() == MAX_FIELDS {
            return Err(TOO_MANY);
        }
        fields.push((name.to_owned(), Zeroizing::new(String::new())));
        Ok(())
    }

    /// Appends text of this depth to the last element, if that is kept.
    fn extend(&mut self, depth: usize, text: &str) {
        if let Some((_, value)) = self.at(depth).and_then(|fields| fields.last_mut()) {
            value.push_str(text);
        }
    }

    /// Returns whether text of this depth is kept.
    fn keeps(&self, depth: usize) -> bool {
        depth == if self.in_item { 3 } else { 2 }
    }

    /// Returns the fields to which an element of this depth belongs, if it is kept.
    fn at(&mut self, depth: usize) -> Option<&mut Fields> {
        if !self.keeps(depth) {
            return None;
        }
        match self.items.last_mut() {
            Some(item) if self.in_item => Some(&mut item.fields),
            _ => Some(&mut self.fields),
        }
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
    fn items_have_children_of_their_own_and_are_no_children_of_the_answer() {
        let xml = "<ActionSetup><id>9</id><d>x<id>1</id><n>a&amp;b<i>c</i></n></d><err>OK</err><d/><d><id/></d>\
                   <e><id>7</id></e></ActionSetup>";
        let (answer, items) = Answer::read_with_list(xml, Action::Setup, "d").ok().unwrap();
        assert_eq!((answer.text("id"), answer.text("d"), answer.text("e")), (Some("9"), None, None));
        let found: Vec<_> = items.iter().map(|item| (item.text("id"), item.text("n"))).collect();
        assert_eq!(found, [(Some("1"), Some("a&b")), (None, None), (None, None)]);
        let many = |count| format!("<ActionSetup><err>OK</err>{}</ActionSetup>", "<d><id>1</id></d>".repeat(count));
        assert_eq!(Answer::read_with_list(&many(MAX_ITEMS), Action::Setup, "d").ok().unwrap().1.len(), MAX_ITEMS);
        assert!(Answer::read_with_list(&many(MAX_ITEMS + 1), Action::Setup, "d").is_err());
        assert!(Answer::read_with_list("<ActionSetup><d>&evil;</d></ActionSetup>", Action::Setup, "d").is_err());
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
    fn a_challenge_is_never_the_text_of_a_decision() {
        let challenge = |text: &str| {
            Answer::challenge(&format!("<ActionSetup><err>OK</err><challenge>{text}</challenge></ActionSetup>"))
        };
        assert_eq!(challenge("f973a7490a61db7a").as_deref(), Ok("f973a7490a61db7a"));
        for bad in ["c|reject=a8f3c1d0", "c|approve=a8f3c1d0|number=07", "c&#124;reject=a8f3c1d0"] {
            assert!(matches!(challenge(bad), Err(EngineError::Unusable(_))), "{bad}");
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
