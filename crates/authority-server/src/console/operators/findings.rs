//! The findings of a diagnosis in words: each cause, and what may be done by whom.

use super::super::texts::{Sentence, Texts};
use super::Told;
use super::trail::event_in_words;
use authority::{Cause, DeviceInfo, Finding, Purpose, Weight};

/// A finding, as the page shows it.
pub(super) struct FindingView {
    /// The class of the style.
    pub(super) class: &'static str,
    pub(super) weight: Sentence,
    /// The name of the cause.
    pub(super) cause: &'static str,
    pub(super) words: Sentence,
    /// The remedy.
    pub(super) remedy: Sentence,
}

impl FindingView {
    pub(super) fn new(finding: &Finding, devices: &[DeviceInfo], now: i64, t: Texts) -> Self {
        let (class, weight) = match finding.weight {
            Weight::Obstacle => ("obstacle", Sentence::new("weight-obstacle")),
            Weight::Warning => ("warning", Sentence::new("weight-warning")),
            Weight::Note => ("note", Sentence::new("weight-note")),
        };
        let (cause, words, remedy) = Words { devices, now, t }.of(&finding.cause);
        Self { class, weight, cause, words, remedy }
    }
}

/// The values that sentences take from their page.
struct Words<'a> {
    devices: &'a [DeviceInfo],
    now: i64,
    t: Texts,
}

impl Words<'_> {
    /// Returns the name of a cause, its sentence, and its remedy.
    fn of(&self, cause: &Cause) -> (&'static str, Sentence, Sentence) {
        let say = Sentence::new;
        match cause {
            Cause::NoPhoneNumber => ("NoPhoneNumber", say("cause-no-number"), say("remedy-no-number")),
            Cause::NumberNotPermitted => {
                ("NumberNotPermitted", say("cause-number-not-permitted"), say("remedy-number-not-permitted"))
            }
            Cause::NumberCooling { until } => {
                ("NumberCooling", self.until("cause-number-cooling", *until), say("remedy-wait-protection"))
            }
            Cause::NewAccount { until } => {
                ("NewAccount", self.until("cause-new-account", *until), say("remedy-wait-protection"))
            }
            Cause::NoDevice => ("NoDevice", say("cause-no-device"), say("remedy-enroll")),
            Cause::NoPin => ("NoPin", say("cause-no-pin"), say("remedy-enroll")),
            Cause::Blocked { until: None } => ("Blocked", say("cause-blocked"), say("remedy-blocked")),
            Cause::Blocked { until: Some(until) } => {
                ("Blocked", self.until("cause-blocked-until", *until), say("remedy-blocked-until"))
            }
            Cause::PinBudgetSpent => ("PinBudgetSpent", say("cause-budget-spent"), say("remedy-budget-spent")),
            Cause::PasswordsForbidden => {
                ("PasswordsForbidden", say("cause-passwords-forbidden"), say("remedy-passwords-forbidden"))
            }
            Cause::TooManyDevices { max } => {
                ("TooManyDevices", say("cause-too-many-devices").with("max", *max), say("remedy-too-many-devices"))
            }
            Cause::PinTries { tries, left } => {
                ("PinTries", say("cause-pin-tries").with("tries", *tries).with("left", *left), say("remedy-pin-tries"))
            }
            Cause::UnprovedTries { tries } => {
                ("UnprovedTries", say("cause-unproved-tries").with("tries", *tries), say("remedy-unproved-tries"))
            }
            Cause::DevicePending { device, needs_approval, until } => {
                let (id, remedy) = match needs_approval {
                    true => ("cause-waits-approval", say("remedy-waits-approval")),
                    false => ("cause-waits-confirmation", say("remedy-waits-confirmation")),
                };
                ("DevicePending", self.until(id, *until).with("device", self.device(device)), remedy)
            }
            Cause::DeviceSuspended { device } => {
                ("DeviceSuspended", say("cause-suspended").with("device", self.device(device)), say("remedy-suspended"))
            }
            Cause::SecondCopySuspected { device, at } => {
                let words = say("cause-second-copy").with("device", self.device(device)).with("at", self.moment(*at));
                ("SecondCopySuspected", words, say("remedy-second-copy"))
            }
            Cause::PasswordsOfDaySpent { device, until } => {
                let words = self.until("cause-day-spent", *until).with("device", self.device(device));
                ("PasswordsOfDaySpent", words, say("remedy-day-spent"))
            }
            Cause::CodesSpent { until } => {
                ("CodesSpent", self.until("cause-codes-spent", *until), say("remedy-codes-spent"))
            }
            Cause::CodeSent { purpose, at, until, tries_left } => {
                let words = self.until("cause-code-sent", *until).with("at", self.moment(*at));
                let words = words.with("purpose", self.purpose(*purpose)).with("left", *tries_left);
                ("CodeSent", words, say("remedy-code-sent"))
            }
            Cause::SmsWaiting { since, tries } => {
                let words = say("cause-sms-waiting").with("since", self.moment(*since)).with("tries", *tries);
                ("SmsWaiting", words, say("remedy-sms-waiting"))
            }
            Cause::Refusals { event, device, count, last } => {
                let words = match device {
                    Some(device) => say("cause-refusals-device").with("device", self.device(device)),
                    None => say("cause-refusals"),
                };
                let words = words.with("event", event_in_words(event, self.t)).with("count", *count);
                ("Refusals", words.with("last", self.moment(*last)), say("remedy-refusals"))
            }
        }
    }

    fn until(&self, id: &'static str, until: i64) -> Sentence {
        Sentence::new(id).with("until", self.moment(until))
    }

    fn moment(&self, at: i64) -> String {
        Told::in_words(at, self.now, self.t)
    }

    fn purpose(&self, purpose: Purpose) -> String {
        self.t.say(&match purpose {
            Purpose::Enrollment => Sentence::new("code-for-enrollment"),
            Purpose::PhoneNumberCertification => Sentence::new("code-for-number"),
            Purpose::ResetPin => Sentence::new("code-for-reset"),
        })
    }

    /// Returns the name and the short id of a device. A removed one has its id alone.
    fn device(&self, id: &str) -> String {
        match self.devices.iter().find(|device| device.id == id) {
            Some(device) => format!("{} ({})", device.name, device.short_id),
            None => id.to_owned(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_sentence_and_a_remedy_in_each_language() {
        let device = || "a8f3c1d000000000".to_owned();
        let causes = [
            Cause::NoPhoneNumber,
            Cause::NumberNotPermitted,
            Cause::NumberCooling { until: 1 },
            Cause::NewAccount { until: 1 },
            Cause::NoDevice,
            Cause::NoPin,
            Cause::Blocked { until: None },
            Cause::Blocked { until: Some(1) },
            Cause::PinBudgetSpent,
            Cause::DevicePending { device: device(), needs_approval: true, until: 1 },
            Cause::DevicePending { device: device(), needs_approval: false, until: 1 },
            Cause::DeviceSuspended { device: device() },
            Cause::SecondCopySuspected { device: device(), at: 1 },
            Cause::PasswordsOfDaySpent { device: device(), until: 1 },
            Cause::TooManyDevices { max: 5 },
            Cause::CodesSpent { until: 1 },
            Cause::CodeSent { purpose: Purpose::Enrollment, at: 1, until: 2, tries_left: 3 },
            Cause::CodeSent { purpose: Purpose::PhoneNumberCertification, at: 1, until: 2, tries_left: 3 },
            Cause::CodeSent { purpose: Purpose::ResetPin, at: 1, until: 2, tries_left: 1 },
            Cause::SmsWaiting { since: 1, tries: 2 },
            Cause::PinTries { tries: 2, left: 3 },
            Cause::UnprovedTries { tries: 2 },
            Cause::Refusals { event: "pin.refused".into(), device: None, count: 2, last: 1 },
            Cause::Refusals { event: "pin.refused".into(), device: Some(device()), count: 1, last: 1 },
            Cause::PasswordsForbidden,
        ];
        for (code, _) in Texts::languages() {
            let t = Texts::named(code).unwrap();
            for cause in &causes {
                let finding = Finding { cause: cause.clone(), weight: Weight::Note };
                let view = FindingView::new(&finding, &[], 0, t);
                assert!(format!("{cause:?}").starts_with(view.cause), "{cause:?}");
                for sentence in [&view.words, &view.remedy, &view.weight] {
                    let said = t.say(sentence);
                    // A missing message is its own name, and a missing argument stays in braces.
                    assert!(t.has(sentence.id()) && said.contains(' ') | (said.len() > 3), "{code}: {said}");
                    assert!(!said.contains('{') && !said.contains("Unknown"), "{code}: {said}");
                }
            }
        }
    }
}
