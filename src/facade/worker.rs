//! The library's thread: it runs the calls and calls the callbacks, one after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use inwebo::client::checkpush::ApprovalState;

use super::queue::{Job, Next};
use super::reply::{Reply, Subscriber};
use super::{Facade, SUBSCRIPTION, WORKER_OF, log_outcome, try_lock};
use crate::api::{Answer, Method, Question, Topics, approval_event, ending, event, topics};
use crate::error::{Code, Error};
use crate::log;
use crate::message::Output;
use crate::strongauth::{AccountView, ApprovalStatus, NewNotices};

pub(super) fn spawn(facade: Arc<Facade>) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("pims".into()).spawn(move || {
        WORKER_OF.set(Some((facade.process, facade.handle)));
        let _stay = log::enter(&facade.log);
        Worker { facade: &facade, subscription: None }.work();
    })
}

struct Worker<'a> {
    facade: &'a Facade,
    subscription: Option<Subscription>,
}

struct Subscription {
    topics: Topics,
    subscriber: Subscriber,
    /// The state of the approvals that the subscriber knows.
    approval: KnownApproval,
}

/// State of the approvals that a subscriber knows: without lifetimes, which change all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum KnownApproval {
    #[default]
    None,
    /// The device with this id waits.
    Asked(String),
    /// This device waits, and shows this number. If it is enrolled again, the number is another
    /// one.
    Waiting(Option<String>),
}

impl From<&ApprovalStatus> for KnownApproval {
    fn from(status: &ApprovalStatus) -> Self {
        match &status.state {
            ApprovalState::None => Self::None,
            ApprovalState::Asked { device, .. } => Self::Asked(device.clone()),
            ApprovalState::Waiting { .. } => Self::Waiting(status.own.as_ref().map(|own| own.as_str().to_owned())),
        }
    }
}

impl Worker<'_> {
    fn work(mut self) {
        loop {
            let next = self.facade.queue.next();
            if let Next::End = next {
                drop(self.subscription);
                self.facade.release();
                return;
            }
            // The caller learned of a panic when its reply was dropped. The thread continues.
            if catch_unwind(AssertUnwindSafe(|| self.step(next))).is_err() {
                log::error!("an internal error was caught on the library's thread");
            }
            if self.facade.is_forked_copy() {
                // This is the copy of the thread in a child that a callback forked. The child must
                // end nothing here.
                return std::mem::forget(self);
            }
        }
    }

    fn step(&mut self, next: Next) {
        match next {
            Next::Begin(Some((reply, output))) => {
                reply.send(&Ok(output));
                self.end_if_requested();
            }
            Next::Run(job) => self.run(job),
            Next::Refuse(job) => return job.reply.send(&Err(self.facade.handle.not_initialized())),
            Next::Ask(question) => self.ask(question),
            Next::Begin(None) | Next::ReportChanges | Next::End => {}
        }
        self.deliver_changes();
    }

    fn run(&mut self, job: Job) {
        let Job { method, api, params, reply } = job;
        match method {
            Method::Get | Method::Set => {
                let outcome = self.facade.answer(method, &api, &params);
                reply.send(&outcome);
            }
            Method::Subscribe => self.subscribe(&api, &params, reply),
            Method::Unsubscribe => {
                let outcome = ending(&api, &params).map(|ending| {
                    if SUBSCRIPTION.get().is_some_and(|id| ending.includes(id)) {
                        self.end();
                    }
                    Output::Null
                });
                log_outcome(method, &api, &outcome);
                reply.send(&outcome);
            }
        }
        self.end_if_requested();
    }

    /// Asks the service a question, and sends the answer to the subscriber if it is news.
    fn ask(&mut self, question: Question) {
        match self.facade.ask(question) {
            Some(Answer::Notices(new)) => self.deliver_notices(new),
            Some(Answer::Approval(status)) => self.deliver_approval(&status),
            // A change of the account is reported as every other one.
            Some(Answer::Block | Answer::NotEnrolled | Answer::NotOffered | Answer::Missing(_)) | None => {}
        }
    }

    /// Sends new notices to the subscriber, and then stores that it got them. So each notice is
    /// told at least once.
    fn deliver_notices(&mut self, NewNotices { device, notices }: NewNotices) {
        let (Some(subscription), Some(last)) = (&mut self.subscription, notices.last()) else { return };
        let number = last.number;
        subscription.subscriber.deliver(&Output::Notices(notices));
        // The record of a child that the callback forked is its parent's.
        if !self.facade.is_forked_copy() {
            self.facade.store_last_notice(&device, number);
            self.end_if_requested();
        }
    }

    /// Sends the state of the approvals to the subscriber if it is another one than before.
    fn deliver_approval(&mut self, status: &ApprovalStatus) {
        let Some(subscription) = &mut self.subscription else { return };
        let known = KnownApproval::from(status);
        if subscription.approval != known {
            subscription.approval = known;
            subscription.subscriber.deliver(&approval_event(status));
            self.end_if_requested();
        }
    }

    /// Ends the subscription if a callback that just ran requested its end.
    fn end_if_requested(&mut self) {
        // In a child that a callback forked, another thread may have held the queue's lock.
        if self.facade.is_forked_copy() {
            return;
        }
        if self.subscription.is_some() && SUBSCRIPTION.get().is_none() {
            self.end();
        }
    }

    fn end(&mut self) {
        self.subscription = None;
        SUBSCRIPTION.set(None);
        self.facade.queue.end_subscription();
    }

    fn subscribe(&mut self, api: &str, params: &str, reply: Reply) {
        let configured = |topics| self.facade.view.configured().map(|()| topics);
        let validated = topics(api, params).and_then(configured).and_then(|topics| match self.subscription {
            Some(_) => {
                Err(Error::new(Code::Duplicate).with_detail("there is a subscription to this api: unsubscribe first"))
            }
            None => Ok(topics),
        });
        let outcome = validated.as_ref().map(|_| Output::Null).map_err(Clone::clone);
        log_outcome(Method::Subscribe, api, &outcome);
        if let Ok(topics) = &validated {
            // This comes before the acknowledgment, because its callback may end the subscription.
            SUBSCRIPTION.set(Some(reply.id()));
            self.facade.queue.begin_subscription(reply.id(), *topics);
        }
        let subscriber = reply.acknowledge(&outcome);
        if let (Ok(topics), Some(subscriber)) = (validated, subscriber) {
            self.subscription = Some(Subscription { topics, subscriber, approval: KnownApproval::default() });
        }
    }

    /// Sends the changes to the subscriber. No lock is held while a callback runs.
    fn deliver_changes(&mut self) {
        if self.facade.is_forked_copy() {
            return;
        }
        let changes: Vec<(AccountView, AccountView)> = match try_lock(&self.facade.core).as_deref_mut() {
            Some(Some(core)) => core.take_changes(),
            // Another thread works on the component. It wakes this thread if there are changes.
            Some(None) | None => return,
        };
        for (before, after) in changes {
            let Some(subscription) = &mut self.subscription else { return };
            if after.activated && !before.activated {
                self.facade.queue.ask_when_enrolled();
            }
            if let Some(output) = event(subscription.topics, before, after) {
                subscription.subscriber.deliver(&output);
            }
            self.end_if_requested();
            if self.facade.is_forked_copy() {
                return;
            }
        }
    }
}
