//! Answers: values by name, written as XML.

use inwebo::mode::Action;
use inwebo::wrong_pins::{self, WrongPins};
use quick_xml::escape::escape;

use super::refusal::Refusal;

/// The values of an answer that grants a request.
#[derive(Default)]
pub(super) struct Granted(Vec<(&'static str, Content)>);

/// The content of a child.
enum Content {
    Text(String),
    Children(Vec<(&'static str, String)>),
}

impl Granted {
    /// Appends a child.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, Content::Text(value.into())));
        self
    }

    /// Appends a child that has children of its own.
    pub(super) fn with_element(mut self, name: &'static str, children: Vec<(&'static str, String)>) -> Self {
        self.0.push((name, Content::Children(children)));
        self
    }

    /// Reports the wrong PINs to the owner, if there were any (ours).
    pub(super) fn with_wrong_pins(self, wrong: Option<WrongPins>) -> Self {
        match wrong {
            Some(WrongPins { count, since }) => {
                self.with(wrong_pins::COUNT, count.to_string()).with(wrong_pins::SINCE, since.to_string())
            }
            None => self,
        }
    }
}

/// Writes the XML of an answer.
pub(super) fn write(action: Action, result: &Result<Granted, Refusal>) -> String {
    let root = action.as_str();
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root}>");
    match result {
        Ok(granted) => {
            child(&mut xml, "err", "OK");
            for (name, content) in &granted.0 {
                match content {
                    Content::Text(value) => child(&mut xml, name, value),
                    Content::Children(children) => {
                        xml.push_str(&format!("<{name}>"));
                        children.iter().for_each(|(name, value)| child(&mut xml, name, value));
                        xml.push_str(&format!("</{name}>"));
                    }
                }
            }
        }
        Err(refusal) => {
            child(&mut xml, "err", refusal.word.as_str());
            if let Some(left) = refusal.attempts_left {
                child(&mut xml, "attemptsLeft", &left.to_string());
            }
            if let Some(reason) = refusal.reason {
                child(&mut xml, "reason", reason.as_str());
            }
            if let Some(seconds) = refusal.retry_after_seconds {
                child(&mut xml, "retryAfterSeconds", &seconds.to_string());
            }
            if let Some(until) = refusal.blocked_until {
                child(&mut xml, "blockedUntil", &until.to_string());
            }
        }
    }
    xml.push_str(&format!("</{root}>"));
    xml
}

fn child(xml: &mut String, name: &str, value: &str) {
    xml.push_str(&format!("<{name}>{}</{name}>", escape(value)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use inwebo::word::Word;

    use super::super::refusal::Reason;

    #[test]
    fn answers_look_like_the_recorded_ones() {
        let granted = Granted::default().with("challenge", "f973").with("name", "<&>");
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionSetup><err>OK</err><challenge>f973</challenge>\
                        <name>&lt;&amp;&gt;</name></ActionSetup>";
        assert_eq!(write(Action::Setup, &Ok(granted)), expected);
        let device = |name: &str| vec![("id", "a0".to_owned()), ("name", name.to_owned())];
        let granted = Granted::default().with_element("device", device("<b>")).with_element("device", device("é"));
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionFinalize><err>OK</err>\
                        <device><id>a0</id><name>&lt;b&gt;</name></device><device><id>a0</id><name>é</name></device>\
                        </ActionFinalize>";
        assert_eq!(write(Action::Finalize, &Ok(granted)), expected);
        let refusal = Refusal { attempts_left: Some(4), ..Word::Access.into() };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionFinalize><err>NOK:ACCESS</err>\
                        <attemptsLeft>4</attemptsLeft></ActionFinalize>";
        assert_eq!(write(Action::Finalize, &Err(refusal)), expected);
        let refusal = Refusal::with_reason(Word::PinRefused, Reason::CommonPin);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionFinalize><err>NOK:PINREFUSED</err>\
                        <reason>commonPin</reason></ActionFinalize>";
        assert_eq!(write(Action::Finalize, &Err(refusal)), expected);
    }
}
