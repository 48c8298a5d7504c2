//! The ages of certificates, tokens and keys.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::super::texts::{Sentence, Texts};
use super::{OperatorsConsole, Told, millis};
use authority::KeyAge;

const DAY: i64 = 24 * 3600 * 1000;

/// A certificate that ends in fewer days gets a warning.
const WARNING_DAYS: i64 = 30;

/// A listener's certificate.
pub(super) struct CertificateView {
    /// The section of the configuration.
    pub(super) listener: &'static str,
    pub(super) subject: String,
    pub(super) ends: Told,
    /// The number of days until its end.
    pub(super) left: Sentence,
    /// It ends soon, or has ended.
    pub(super) is_urgent: bool,
}

/// A token or a key.
pub(super) struct AgeView {
    pub(super) name: String,
    /// The time at which it was made, or its file was changed last. `None`: it is not known.
    pub(super) made: Option<Told>,
}

impl OperatorsConsole {
    /// Returns the certificates of the listeners, as they were loaded.
    pub(super) fn certificates(&self, now: i64, t: Texts) -> Vec<CertificateView> {
        let loaded = self.listeners.iter().filter_map(|(listener, tls)| Some((*listener, tls.certificate()?)));
        loaded.filter_map(|(listener, certificate)| CertificateView::new(listener, &certificate, now, t)).collect()
    }

    /// Returns the operators with the ages of their tokens' files.
    pub(super) fn token_ages(&self, now: i64, t: Texts) -> Vec<AgeView> {
        let with_token = self.guard.operators.iter().filter(|operator| operator.token.is_some());
        with_token
            .map(|operator| {
                let made = operator.token_changed.map(|at| Told::new(millis(at), now, t));
                AgeView { name: operator.name.clone(), made }
            })
            .collect()
    }
}

impl CertificateView {
    fn new(listener: &'static str, certificate: &CertificateDer<'_>, now: i64, t: Texts) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let end = certificate.validity().not_after.timestamp().saturating_mul(1000);
        let days_left = end.saturating_sub(now).div_euclid(DAY);
        let left = match days_left {
            ended if ended < 0 => Sentence::new("certificate-ended"),
            left => Sentence::new("certificate-left").with("count", left),
        };
        Some(Self {
            left,
            listener,
            subject: certificate.subject().to_string(),
            ends: Told::new(end, now, t),
            is_urgent: days_left < WARNING_DAYS,
        })
    }
}

impl AgeView {
    pub(super) fn of_key(key: KeyAge, now: i64, t: Texts) -> Self {
        Self { name: key.name, made: key.made_at.map(|at| Told::new(at, now, t)) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_that_ends_soon_is_urgent() {
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_after = date_time_ymd(2030, 1, 31);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "<admin>");
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let end = 1_896_048_000_000;
        let t = Texts::named("en").unwrap();
        let at = |now| CertificateView::new("admin", made.der(), now, t).unwrap();
        let view = at(end - 30 * DAY);
        let left = |view: &CertificateView| t.say(&view.left).replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!((view.subject.as_str(), left(&view).as_str(), view.is_urgent), ("CN=<admin>", "30 days", false));
        assert_eq!(view.ends.exact, "2030-01-31 00:00:00 UTC");
        let view = at(end - 30 * DAY + 1);
        assert_eq!((left(&view).as_str(), view.is_urgent), ("29 days", true));
        let view = at(end + 1);
        assert_eq!((left(&view).as_str(), view.is_urgent), ("ended", true));
        assert!(CertificateView::new("admin", &CertificateDer::from(vec![1, 2]), 0, t).is_none());
    }
}
