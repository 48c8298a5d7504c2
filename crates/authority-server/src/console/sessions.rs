//! The sessions of a console, in memory: they end with the program. A cookie holds the secret of a
//! session, the memory its hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::texts::Sentence;
use authority::{Failure, random};

/// The maximum number of sessions of one owner. A further one ends the oldest.
const MAX_PER_OWNER: usize = 16;

/// The maximum number of sessions. A further one ends the oldest of all.
const MAX: usize = 1024;

/// The lifetimes of a session.
#[derive(Clone, Copy)]
pub(crate) struct Lifetime {
    /// Since its last request.
    pub(crate) idle: Duration,
    /// Since its beginning.
    pub(crate) whole: Duration,
}

/// The sessions. `Owner` is the user of a session, and what the session is bound to.
pub(crate) struct Sessions<Owner> {
    lifetime: Lifetime,
    open: Mutex<HashMap<[u8; 32], Session<Owner>>>,
}

struct Session<Owner> {
    owner: Owner,
    csrf: Zeroizing<String>,
    flash: Option<Sentence>,
    began: Instant,
    used: Instant,
    /// Its receivers learn when the session is removed.
    presence: watch::Sender<()>,
}

/// A session as a request sees it.
pub(crate) struct OpenSession<Owner> {
    key: [u8; 32],
    pub(crate) owner: Owner,
    /// The token that each form of the session carries.
    csrf: Zeroizing<String>,
}

impl<Owner> OpenSession<Owner> {
    /// Returns the token for the forms of a page.
    pub(crate) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Returns whether a form carries the token of the session.
    pub(crate) fn accepts(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| token.as_bytes().ct_eq(self.csrf.as_bytes()).into())
    }
}

impl<Owner: Clone + PartialEq> Sessions<Owner> {
    pub(crate) fn new(lifetime: Lifetime) -> Self {
        Self { lifetime, open: Mutex::default() }
    }

    /// Begins a session. Returns the secret for its cookie: 256 random bits in base64url.
    pub(crate) fn begin(&self, owner: Owner, now: Instant) -> Result<Zeroizing<String>, Failure> {
        let (secret, csrf) = (random::token()?, random::token()?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| !self.is_over(session, now));
        let of_owner = open.values().filter(|session| session.owner == owner).count();
        if of_owner >= MAX_PER_OWNER {
            remove_oldest(&mut open, |session| session.owner == owner);
        }
        if open.len() >= MAX {
            remove_oldest(&mut open, |_| true);
        }
        open.insert(
            key(&secret),
            Session { owner, csrf, flash: None, began: now, used: now, presence: watch::Sender::new(()) },
        );
        Ok(secret)
    }

    /// Returns the session of a cookie, and counts the request as its use. `None`: there is none,
    /// it is over, or `is_of` refuses its owner.
    pub(crate) fn find(
        &self,
        secret: &str,
        now: Instant,
        is_of: impl FnOnce(&Owner) -> bool,
    ) -> Option<OpenSession<Owner>> {
        let key = key(secret);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&key)?;
        if self.is_over(session, now) {
            open.remove(&key);
            return None;
        }
        if !is_of(&session.owner) {
            return None;
        }
        session.used = now;
        Some(OpenSession { key, owner: session.owner.clone(), csrf: session.csrf.clone() })
    }

    /// Keeps a sentence for the next page of a session.
    pub(crate) fn tell(&self, session: &OpenSession<Owner>, sentence: Sentence) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = open.get_mut(&session.key) {
            session.flash = Some(sentence);
        }
    }

    /// Takes the sentence that the last action left.
    pub(crate) fn take_flash(&self, session: &OpenSession<Owner>) -> Option<Sentence> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get_mut(&session.key)?.flash.take()
    }

    /// Ends a session.
    pub(crate) fn end(&self, session: &OpenSession<Owner>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&session.key);
    }

    /// Waits until a session has ended: it was removed, or its time is over. Waiting is no use of
    /// the session.
    pub(crate) async fn ended(&self, session: &OpenSession<Owner>) {
        while let Some((left, mut presence)) = self.presence(session, Instant::now()) {
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = presence.changed() => return,
            }
        }
    }

    /// Returns the time that a session has left, and a receiver that closes when it is removed.
    fn presence(&self, session: &OpenSession<Owner>, now: Instant) -> Option<(Duration, watch::Receiver<()>)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(&session.key)?;
        let left = self.left(session, now);
        (!left.is_zero()).then(|| (left, session.presence.subscribe()))
    }

    fn is_over(&self, session: &Session<Owner>, now: Instant) -> bool {
        self.left(session, now).is_zero()
    }

    /// Returns the time that a session has left if no request uses it.
    fn left(&self, session: &Session<Owner>, now: Instant) -> Duration {
        let of = |lifetime: Duration, then: Instant| lifetime.saturating_sub(now.saturating_duration_since(then));
        of(self.lifetime.idle, session.used).min(of(self.lifetime.whole, session.began))
    }
}

fn key(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn remove_oldest<Owner>(open: &mut HashMap<[u8; 32], Session<Owner>>, is: impl Fn(&Session<Owner>) -> bool) {
    let oldest = open.iter().filter(|(_, session)| is(session)).min_by_key(|(_, session)| session.used);
    if let Some(key) = oldest.map(|(key, _)| *key) {
        open.remove(&key);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIFETIME: Lifetime = Lifetime { idle: Duration::from_secs(600), whole: Duration::from_secs(3600) };

    fn has(sessions: &Sessions<u32>, secret: &str, now: Instant) -> bool {
        sessions.find(secret, now, |_| true).is_some()
    }

    #[test]
    fn a_session_ends_by_its_lifetimes_and_by_itself() {
        let (sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let secret = sessions.begin(1_u32, now).unwrap();
        assert!(!has(&sessions, "another", now));
        assert!(sessions.find(&secret, now, |owner| *owner == 2).is_none(), "another owner");
        // Each use begins the idle time anew, but not the whole time.
        let mut at = now;
        for _ in 0..6 {
            at += Duration::from_secs(599);
            assert!(has(&sessions, &secret, at));
        }
        assert!(!has(&sessions, &secret, now + LIFETIME.whole));

        let secret = sessions.begin(1, now).unwrap();
        assert!(!has(&sessions, &secret, now + LIFETIME.idle));
        let secret = sessions.begin(1, now).unwrap();
        let session = sessions.find(&secret, now, |_| true).unwrap();
        sessions.end(&session);
        assert!(!has(&sessions, &secret, now));
    }

    #[test]
    fn a_form_carries_the_token_of_its_session() {
        let (sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let [first, second] = [1_u32, 1].map(|owner| sessions.begin(owner, now).unwrap());
        let [first, second] = [first, second].map(|secret| sessions.find(&secret, now, |_| true).unwrap());
        assert!(first.accepts(Some(first.csrf())));
        assert!(!first.accepts(Some(second.csrf())) && !first.accepts(Some("")) && !first.accepts(None));
    }

    #[test]
    fn a_sentence_is_shown_once_and_in_its_session() {
        let (sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let [first, second] = [1_u32, 1].map(|owner| sessions.begin(owner, now).unwrap());
        let [first, second] = [first, second].map(|secret| sessions.find(&secret, now, |_| true).unwrap());
        sessions.tell(&first, Sentence::new("error-title"));
        assert_eq!(sessions.take_flash(&second), None);
        assert_eq!(sessions.take_flash(&first), Some(Sentence::new("error-title")));
        assert_eq!(sessions.take_flash(&first), None);
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let (sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let of_one: Vec<_> = (0..=MAX_PER_OWNER)
            .map(|number| sessions.begin(1_u32, now + Duration::from_millis(number as u64)).unwrap())
            .collect();
        let at = now + Duration::from_secs(1);
        assert!(!has(&sessions, &of_one[0], at), "the oldest of its owner ended");
        assert!(of_one[1..].iter().all(|secret| has(&sessions, secret, at)));
        for owner in 2..3000 {
            sessions.begin(owner, at + Duration::from_secs(1)).unwrap();
        }
        assert_eq!(sessions.open.lock().unwrap().len(), MAX);
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_heard() {
        let (sessions, now) = (Sessions::new(LIFETIME), Instant::now());
        let find = |secret: &str| sessions.find(secret, now, |_| true).unwrap();
        let session = find(&sessions.begin(1_u32, now).unwrap());
        let another = find(&sessions.begin(2, now).unwrap());
        let (ended, _) = tokio::join!(sessions.ended(&session), async { sessions.end(&session) });
        assert_eq!(ended, ());
        // A session that is over by its time has ended, too.
        let brief = Sessions::new(Lifetime { idle: Duration::from_millis(1), whole: Duration::from_secs(1) });
        let secret = brief.begin(1_u32, now).unwrap();
        let session = brief.find(&secret, now, |_| true).unwrap();
        brief.ended(&session).await;
        assert!(
            sessions.presence(&another, now).is_some() && sessions.presence(&another, now + LIFETIME.idle).is_none()
        );
    }
}
