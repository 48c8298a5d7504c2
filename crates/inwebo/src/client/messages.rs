//! `messages`: the events of the account, as notices for its devices (the steps are ours).

use super::answer::{Answer, Item};
use super::client::Client;
use super::device::Device;
use super::devices::device_id;
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::{DeviceName, Proofs};

/// Error of an answer that names a device by a text that is no id.
pub(super) const NO_ID: EngineError = EngineError::Unusable("one of its device ids is no id");

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Messages, device)
}

/// A challenge that waits for the device's proof.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step, for the notices with a greater number than
    /// `after`. It proves the device alone.
    pub fn finalize(self, client: &Client, device: &Device, after: u64) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        let request = client.finalize(Mode::Messages, device).with("R0", &proofs.r0);
        if after == 0 { request } else { request.with("after", &after.to_string()) }
    }
}

/// An event of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number. The numbers of an account count up, from 1.
    pub number: u64,
    /// The word of the event: letters and digits, at most 40. Words may be added.
    pub event: String,
    /// The time of the event, in milliseconds since 1970 in UTC.
    pub at: i64,
    /// The short id of the device that the event is about, if it is about one.
    pub device: Option<String>,
    /// The name of that device at that time, if it has one. It has no characters that could change
    /// the look of the text around it.
    pub name: Option<String>,
}

/// Notices of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The notices, the oldest first.
    pub notices: Vec<Notice>,
    /// If true, the service has further ones.
    pub more: bool,
}

/// Reads the answer of the finalize step. The notices must have greater numbers than `after`, each
/// a greater one than the notice before it. So a device that asks for the further ones makes
/// progress.
pub fn read(xml: &str, after: u64) -> Result<Page, EngineError> {
    let (answer, items) = Answer::read_with_list(xml, Action::Finalize, "notice")?;
    let notices = items.iter().map(read_notice).collect::<Result<Vec<_>, _>>()?;
    let numbers = || notices.iter().map(|notice| notice.number);
    if std::iter::once(after).chain(numbers()).zip(numbers()).any(|(before, number)| before >= number) {
        return Err(EngineError::Unusable("its notices are not in order"));
    }
    let more = answer.text("more") == Some("1") && !notices.is_empty();
    Ok(Page { notices, more })
}

fn read_notice(item: &Item) -> Result<Notice, EngineError> {
    let number = item.text("number").and_then(|number| number.parse().ok());
    let event = item.text("event").map(word).filter(|event| !event.is_empty());
    let at = item.text("at").and_then(|at| at.parse().ok());
    Ok(Notice {
        number: number.ok_or(EngineError::Unusable("one of its notices has no number"))?,
        event: event.ok_or(EngineError::Unusable("one of its notices has no event"))?,
        at: at.ok_or(EngineError::Unusable("one of its notices has no time"))?,
        device: item.text("device").map(|id| device_id(id).ok_or(NO_ID)).transpose()?,
        name: item.text("name").map(DeviceName::cleaned).filter(|name| !name.is_empty()),
    })
}

/// Returns the letters and digits of a word.
fn word(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(children: &str, after: u64) -> Result<Page, EngineError> {
        read(&format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>"), after)
    }

    fn notice(number: u64) -> String {
        format!("<notice><number>{number}</number><event>reset</event><at>17</at></notice>")
    }

    #[test]
    fn a_notice_has_what_is_known_of_it() {
        let children = "<notice><number>5</number><event>newDevice</event><at>1795000000000</at>\
            <device>a8f3c1d0</device><name>Ana&apos;s\u{202e} &lt;phone&gt;</name></notice>\
            <notice><number>7</number><event>a new &lt;b&gt;-word</event><at>-1</at></notice><more>1</more>";
        let first = Notice {
            number: 5,
            event: "newDevice".into(),
            at: 1_795_000_000_000,
            device: Some("a8f3c1d0".into()),
            name: Some("Ana's <phone>".into()),
        };
        let second = Notice { number: 7, event: "anewbword".into(), at: -1, device: None, name: None };
        assert_eq!(page(children, 4), Ok(Page { notices: vec![first, second], more: true }));
        assert_eq!(page("", 0), Ok(Page { notices: Vec::new(), more: false }));
        // Further ones after nothing would be asked for without an end.
        assert_eq!(page("<more>1</more>", 0), Ok(Page { notices: Vec::new(), more: false }));
    }

    #[test]
    fn notices_that_are_not_in_order_or_were_not_asked_for_make_the_answer_unusable() {
        let two = notice(5) + &notice(6);
        assert!(page(&two, 0).is_ok() && page(&two, 4).is_ok());
        for (children, after) in
            [(&two, 5), (&two, 6), (&(notice(6) + &notice(5)), 0), (&(notice(5) + &notice(5)), 0), (&notice(0), 0)]
        {
            assert!(matches!(page(children, after), Err(EngineError::Unusable(_))), "{children} after {after}");
        }
    }

    #[test]
    fn a_notice_without_a_number_an_event_or_a_time_makes_the_answer_unusable() {
        for bad in [
            "<notice/>",
            "<notice><event>reset</event><at>17</at></notice>",
            "<notice><number>-1</number><event>reset</event><at>17</at></notice>",
            "<notice><number>1</number><at>17</at></notice>",
            "<notice><number>1</number><event>?</event><at>17</at></notice>",
            "<notice><number>1</number><event>reset</event></notice>",
            "<notice><number>1</number><event>reset</event><at>today</at></notice>",
            "<notice><number>1</number><event>reset</event><at>17</at><device>a 8</device></notice>",
        ] {
            assert!(matches!(page(bad, 0), Err(EngineError::Unusable(_))), "{bad}");
        }
    }

    #[test]
    fn the_first_question_names_no_number() {
        let device = Device {
            id: "a8f3c1d0".into(),
            serial: crate::values::Serial::new([1; 8], [2; 16]),
            last_sync: "0".into(),
            service: "1".into(),
            factory: crate::values::Modulus::from_bytes(&[0xff; 128]).unwrap(),
            k0: crate::values::K0::new([3; 16]),
            hidden_k1: [4; 16],
            secval: None,
        };
        let client = Client::new("0", "test");
        let query = |after| Challenge("c".into()).finalize(&client, &device, after).query().to_owned();
        assert!(!query(0).contains("after=") && query(12).ends_with("&after=12"), "{}", query(12));
    }

    proptest! {
        #[test]
        fn any_soup_of_markup_is_a_page_or_an_error(parts in prop::collection::vec(prop::sample::select(vec![
            "<notice>", "</notice>", "<number>", "</number>", "7", "<event>", "</event>", "reset", "<at>", "</at>",
            "<name>", "</name>", "<device/>", "<more>1</more>", "&lt;", "<![CDATA[", "]]>", "é", " ",
        ]), 0..40), after in 0u64..9) {
            if let Ok(page) = page(&parts.concat(), after) {
                prop_assert!(page.notices.iter().all(|notice| notice.number > after && !notice.event.is_empty()));
            }
        }
    }
}
