//! The SMS gateway for production: sends a POST with JSON for each message.

use serde_json::Value;
use tls_faults::Peer;
use ureq::Agent;

use super::config::{Secret, Webhook};
use super::outgoing;
use authority::{Sms, SmsError, SmsGateway};

const GATEWAY: Peer<'static> =
    Peer { name: "the SMS gateway", roots: "sms.webhook_ca_file", address: "sms.webhook_url" };

/// A client of the gateway's URL.
pub(crate) struct Gateway {
    agent: Agent,
    url: String,
    template: Value,
    headers: Vec<(String, Secret)>,
}

impl Gateway {
    pub(crate) fn new(webhook: &Webhook) -> Result<Self, String> {
        let agent = outgoing::agent(webhook.ca_file.as_deref(), webhook.timeout)?;
        let (url, template, headers) = (webhook.url.clone(), webhook.template.clone(), webhook.headers.clone());
        Ok(Self { agent, url, template, headers })
    }
}

impl SmsGateway for Gateway {
    /// Sends a message. The gateway accepts it with a 2xx status. It may get a message twice:
    /// `{id}` shows that both are the same.
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        let mut body = self.template.clone();
        fill(&mut body, sms);
        let mut request = self.agent.post(&self.url).header("idempotency-key", &sms.id);
        for (name, value) in &self.headers {
            request = request.header(name, value.reveal());
        }
        let sent = request.send_json(&body);
        wipe(&mut body);
        match sent {
            // A redirect does not mean that the gateway accepted the message.
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(refused(sms, &answer.status())),
            Err(error) => Err(refused(sms, &outgoing::describe(&error, GATEWAY))),
        }
    }
}

fn refused(sms: &Sms, why: &dyn std::fmt::Display) -> SmsError {
    tracing::warn!(%why, sms = %sms.id, "the SMS gateway did not accept a message");
    SmsError::new("the gateway did not accept the message")
}

/// Fills the texts of the template with the message.
fn fill(value: &mut Value, sms: &Sms) {
    match value {
        Value::String(text) => *text = filled(text, sms),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, sms)),
        Value::Object(entries) => entries.values_mut().for_each(|value| fill(value, sms)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces the placeholders of a template by the parts of the message.
fn filled(template: &str, sms: &Sms) -> String {
    let words: [(&str, &str); 5] = [
        ("{to}", &sms.to),
        ("{text}", &sms.text),
        ("{code}", &sms.code),
        ("{purpose}", sms.message.as_str()),
        ("{id}", &sms.id),
    ];
    // With this capacity the text is not moved, so no copy of it stays in memory.
    let mut out = String::with_capacity(template.len() + 4 * (sms.text.len() + sms.to.len() + sms.id.len()));
    authority::template::fill(template, &words, &mut out);
    out
}

fn wipe(value: &mut Value) {
    use zeroize::Zeroize;
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use authority::{Message, Purpose};

    #[test]
    fn the_words_of_a_template_are_replaced_once_and_the_form_is_kept() {
        let sms = Sms {
            id: "7".into(),
            to: "+33612345678".into(),
            message: Message::Code(Purpose::Enrollment),
            code: Zeroizing::new("123456".into()),
            text: Zeroizing::new("{code} \"quoted\"".into()),
            at: 0,
        };
        let mut body = serde_json::json!({"to": "{to}", "n": 1, "parts": ["{text}{id}", "{other} {"]});
        fill(&mut body, &sms);
        let expected = serde_json::json!({"to": "+33612345678", "n": 1, "parts": ["{code} \"quoted\"7", "{other} {"]});
        assert_eq!(body, expected);
    }
}
