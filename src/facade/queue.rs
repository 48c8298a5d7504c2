//! The calls that wait, in the order in which they were accepted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::reply::Reply;
use super::{MAX_WAITING, lock};
use crate::api::{Method, Question, Topics};
use crate::message::{Output, TransactionId};

/// Time for which the worker spins before it sleeps. A caller that has just received its answer
/// often calls again at once. Waking a thread costs more than this time, and several times as much
/// on another core that is idle.
const SPIN_DURATION: Duration = Duration::from_micros(15);

/// Longest delay of a question while calls wait. The calls come first, but a caller that always has
/// a call waiting must not keep news from a subscriber.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// Accepted call.
pub(super) struct Job {
    pub(super) method: Method,
    pub(super) api: Box<str>,
    pub(super) params: Zeroizing<String>,
    pub(super) reply: Reply,
}

/// Rejected call, with the reason: the queue is full, or closed.
pub(super) enum Rejected {
    Full(Job),
    Closed(Job),
}

/// Next action of the worker.
pub(super) enum Next {
    /// Report that the facade exists, if a caller waits for that.
    Begin(Option<(Reply, Output)>),
    /// Run a call.
    Run(Job),
    /// Report to subscribers the changes that another thread made.
    ReportChanges,
    /// Ask the service a question whose time has come, and for whose answer a subscriber waits.
    Ask(Question),
    /// Refuse a call that had not begun when the facade was closed.
    Refuse(Job),
    /// End, because nothing waits any more.
    End,
}

/// Bounded queue. A call that finds no place is returned and does not block.
pub(super) struct Queue {
    state: Mutex<State>,
    on_change: Condvar,
    /// If true, something has happened since the worker last looked. The worker reads this without
    /// the lock.
    changed: AtomicBool,
}

#[derive(Default)]
struct State {
    begin: Option<Option<(Reply, Output)>>,
    begun: bool,
    jobs: VecDeque<Job>,
    /// The subscription whose end is accepted even if the queue is full.
    reserved_for: Option<TransactionId>,
    /// If true, the account has changes that subscribers have not received.
    has_account_changes: bool,
    /// The topics of the subscription, if there is one. Only its questions are asked.
    topics: Option<Topics>,
    /// The time of each question, in the order of [`Question::ALL`].
    times: [Time; Question::ALL.len()],
    closed: bool,
}

/// Time of the next question of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Time {
    /// There is none.
    #[default]
    Never,
    /// The moment at which the device is enrolled.
    OnceEnrolled,
    /// This moment.
    At(Instant),
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), on_change: Condvar::new(), changed: AtomicBool::new(false) }
    }

    /// Lets the worker begin. Its first action is to answer `reply` with `output`.
    pub(super) fn begin(&self, reply: Reply, output: Output) {
        self.change(|state| state.begin = Some(Some((reply, output))));
    }

    /// Lets the worker begin without a message.
    pub(super) fn begin_silently(&self) {
        self.change(|state| state.begin = Some(None));
    }

    /// Accepts a call, or returns it.
    pub(super) fn push(&self, job: Job) -> Result<(), Rejected> {
        self.accept(job, |state| state.jobs.len() < MAX_WAITING)
    }

    /// Accepts the end of a subscription, or returns it. The first one can use the reserved place.
    pub(super) fn push_end_of(&self, id: TransactionId, job: Job) -> Result<(), Rejected> {
        self.accept(job, |state| {
            state.jobs.len() < MAX_WAITING || state.reserved_for.take_if(|reserved| *reserved == id).is_some()
        })
    }

    fn accept(&self, job: Job, has_place: impl FnOnce(&mut State) -> bool) -> Result<(), Rejected> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Rejected::Closed(job));
        }
        if !has_place(&mut state) {
            return Err(Rejected::Full(job));
        }
        state.jobs.push_back(job);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Begins a subscription: reserves one place beyond the limit, for its end. Lets the worker ask
    /// the questions of its topics.
    pub(super) fn begin_subscription(&self, id: TransactionId, topics: Topics) {
        let mut state = lock(&self.state);
        (state.reserved_for, state.topics) = (Some(id), Some(topics));
        state.ask_at_once(|_| true, Instant::now());
    }

    /// Gives up the reserved place and the questions, because the subscription has ended.
    pub(super) fn end_subscription(&self) {
        let mut state = lock(&self.state);
        (state.reserved_for, state.topics) = (None, None);
    }

    /// Sets the time at which the account's block ends by itself.
    pub(super) fn set_block_end(&self, end: Option<Instant>) {
        self.change(|state| state.set_time(Question::Block, end.map_or(Time::Never, Time::At)));
    }

    /// Sets the time of the next question of a kind.
    pub(super) fn ask_at(&self, question: Question, time: Instant) {
        self.change(|state| state.set_time(question, Time::At(time)));
    }

    /// Ends the questions of a kind, until [`Self::ask_now`] or the next subscription.
    pub(super) fn ask_never(&self, question: Question) {
        self.change(|state| state.set_time(question, Time::Never));
    }

    /// Lets the questions of a kind wait for [`Self::ask_when_enrolled`].
    pub(super) fn ask_once_enrolled(&self, question: Question) {
        self.change(|state| state.set_time(question, Time::OnceEnrolled));
    }

    /// Asks at once the questions that are asked again and again.
    pub(super) fn ask_now(&self) {
        self.change(|state| state.ask_at_once(|_| true, Instant::now()));
    }

    /// Asks at once, because the device is enrolled: what waits for that, and what the device that
    /// was enrolled before would ask later.
    pub(super) fn ask_when_enrolled(&self) {
        self.change(|state| state.ask_after_enrollment(Instant::now()));
    }

    /// Wakes the worker, because subscribers have events.
    pub(super) fn wake(&self) {
        self.change(|state| state.has_account_changes = true);
    }

    /// Closes the queue. It accepts no more calls, and none of the waiting calls begins: each is
    /// refused in its turn.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Returns whether the queue is closed.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.notify();
    }

    fn notify(&self) {
        self.changed.store(true, Ordering::Release);
        self.on_change.notify_one();
    }

    /// Returns the next action of the worker. Waits until there is one.
    pub(super) fn next(&self) -> Next {
        self.spin();
        let mut state = lock(&self.state);
        loop {
            self.changed.store(false, Ordering::Release);
            if let Some(next) = state.next(Instant::now) {
                return next;
            }
            state = match state.next_question() {
                None => self.on_change.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some((_, time)) => {
                    let wait = time.saturating_duration_since(Instant::now());
                    self.on_change.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Spins for a moment, without the lock.
    fn spin(&self) {
        let begin = Instant::now();
        while !self.changed.load(Ordering::Acquire) && begin.elapsed() < SPIN_DURATION {
            std::hint::spin_loop();
        }
    }
}

impl State {
    /// Returns the next question and its time. A subscriber waits for its answer.
    fn next_question(&self) -> Option<(Question, Instant)> {
        let topics = self.topics.filter(|_| self.begun && !self.closed)?;
        let asked = Question::ALL.into_iter().zip(self.times).filter(|(question, _)| topics.include(*question));
        let timed = asked.filter_map(|(question, time)| match time {
            Time::At(time) => Some((question, time)),
            Time::Never | Time::OnceEnrolled => None,
        });
        timed.min_by_key(|(_, time)| *time)
    }

    fn set_time(&mut self, question: Question, time: Time) {
        self.times[question as usize] = time;
    }

    /// Sets the time of the questions that are asked again and again, and whose time is such a one.
    fn ask_at_once(&mut self, is_changed: impl Fn(Time) -> bool, now: Instant) {
        for question in Question::ALL.into_iter().filter(|question| question.is_repeated()) {
            if is_changed(self.times[question as usize]) {
                self.set_time(question, Time::At(now));
            }
        }
    }

    /// Sets the time of these questions, except of those that the service does not offer.
    fn ask_after_enrollment(&mut self, now: Instant) {
        self.ask_at_once(|time| time != Time::Never, now);
    }

    /// Takes the question whose time has come. While calls wait, it is late before it is asked.
    fn take_question(&mut self, now: impl FnOnce() -> Instant) -> Option<Question> {
        let (question, time) = self.next_question()?;
        let late = now().checked_duration_since(time)?;
        if !self.jobs.is_empty() && late < MAX_DELAY {
            return None;
        }
        self.set_time(question, Time::Never);
        Some(question)
    }

    /// Returns the next action of the worker. `now` is called only if a question has a time.
    fn next(&mut self, now: impl FnOnce() -> Instant) -> Option<Next> {
        if let Some(begin) = self.begin.take() {
            self.begun = true;
            return Some(Next::Begin(begin));
        }
        // The message of `init` comes before all others, even if another thread has called already.
        if !self.begun {
            return None;
        }
        if std::mem::take(&mut self.has_account_changes) {
            return Some(Next::ReportChanges);
        }
        if let Some(question) = self.take_question(now) {
            return Some(Next::Ask(question));
        }
        match (self.jobs.pop_front(), self.closed) {
            (Some(job), false) => Some(Next::Run(job)),
            (Some(job), true) => Some(Next::Refuse(job)),
            (None, false) => None,
            (None, true) => Some(Next::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::topics;

    const ACCOUNT: &str = "pims.authentication.account";
    const SECOND: Duration = Duration::from_secs(1);

    fn state(words: &str) -> State {
        let params = format!(r#"{{"actionType":"strong","type":[{words}]}}"#);
        let topics = topics(ACCOUNT, &params).unwrap_or_else(|error| panic!("{}", error.detail()));
        State { begun: true, topics: Some(topics), ..State::default() }
    }

    fn job() -> Job {
        let reply = Reply::new(Box::new(|_| {}));
        Job { method: Method::Get, api: "pims.sdk.version".into(), params: Zeroizing::default(), reply }
    }

    /// Returns the question that the worker asks next at this time, if it asks one.
    fn asked(state: &mut State, now: Instant) -> Option<Question> {
        match state.next(|| now) {
            Some(Next::Ask(question)) => Some(question),
            _ => None,
        }
    }

    #[test]
    fn only_the_questions_of_the_topics_are_asked_and_no_clock_is_read_without_one() {
        let now = Instant::now();
        for (words, questions) in [
            (r#""isDeviceActivated""#, &[][..]),
            (r#""isAccountBlocked""#, &[Question::Block]),
            (r#""notices""#, &[Question::Notices]),
            (r#""approval","notices""#, &[Question::Notices, Question::Approval]),
        ] {
            let mut state = state(words);
            for question in Question::ALL {
                state.set_time(question, Time::At(now));
            }
            for question in questions {
                assert_eq!(asked(&mut state, now), Some(*question), "{words}");
            }
            // Each was asked once, and none has a time.
            assert!(state.next_question().is_none() && state.next(|| panic!("the clock was read")).is_none());
            state.ask_at_once(|_| true, now);
            state.topics = None;
            assert!(state.next(|| panic!("the clock was read")).is_none(), "the subscription ended");
        }
    }

    #[test]
    fn a_question_is_asked_at_its_time_and_not_before() {
        let begin = Instant::now();
        let mut state = state(r#""notices","approval""#);
        state.set_time(Question::Notices, Time::At(begin + 60 * SECOND));
        state.set_time(Question::Approval, Time::At(begin + 5 * SECOND));
        assert_eq!(state.next_question(), Some((Question::Approval, begin + 5 * SECOND)));
        assert_eq!(asked(&mut state, begin + 4 * SECOND), None);
        assert_eq!(asked(&mut state, begin + 5 * SECOND), Some(Question::Approval));
        assert_eq!(asked(&mut state, begin + 59 * SECOND), None);
        assert_eq!(asked(&mut state, begin + 60 * SECOND), Some(Question::Notices));
    }

    #[test]
    fn calls_come_before_a_question_unless_it_is_late() {
        let begin = Instant::now();
        let mut state = state(r#""notices""#);
        state.set_time(Question::Notices, Time::At(begin));
        state.jobs.extend([job(), job(), job()]);
        assert!(matches!(state.next(|| begin), Some(Next::Run(_))));
        assert!(matches!(state.next(|| begin + MAX_DELAY - SECOND), Some(Next::Run(_))));
        assert_eq!(asked(&mut state, begin + MAX_DELAY), Some(Question::Notices));
        assert!(matches!(state.next(|| begin + MAX_DELAY), Some(Next::Run(_))));
        assert!(state.next(|| begin + MAX_DELAY).is_none());
    }

    #[test]
    fn a_question_that_is_not_offered_or_waits_for_an_enrollment_has_no_time() {
        let now = Instant::now();
        let mut state = state(r#""notices","approval""#);
        state.set_time(Question::Notices, Time::OnceEnrolled);
        state.set_time(Question::Approval, Time::Never);
        assert_eq!(asked(&mut state, now), None);
        // An enrollment brings back the one that waits for it, and none that is not offered.
        state.ask_after_enrollment(now);
        assert_eq!(asked(&mut state, now), Some(Question::Notices));
        assert_eq!(asked(&mut state, now), None);
        // The device was enrolled before: the next question comes at once, too.
        state.set_time(Question::Notices, Time::At(now + 60 * SECOND));
        state.ask_after_enrollment(now);
        assert_eq!(asked(&mut state, now), Some(Question::Notices));
        // A configuration or a subscription brings back both, and never a question about a block.
        state.ask_at_once(|_| true, now);
        assert_eq!(state.times, [Time::Never, Time::At(now), Time::At(now)]);
    }

    #[test]
    fn nothing_is_asked_before_the_begin_or_after_the_end() {
        let now = Instant::now();
        let mut state = state(r#""notices""#);
        state.set_time(Question::Notices, Time::At(now));
        state.begun = false;
        assert!(state.next(|| now).is_none());
        (state.begun, state.closed) = (true, true);
        assert!(matches!(state.next(|| now), Some(Next::End)));
    }
}
