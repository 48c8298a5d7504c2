//! The facades of a process: their life, their queues, their worker threads, their subscriptions.
//!
//! The functions of this module are the library's interface for Rust. The C functions
//! ([`crate::ffi`]) and other bindings are built on them. A call takes text and returns one
//! [`Message`] through a [`Callback`], which is called exactly once. The callback of a subscription
//! is called once for its acknowledgment, and then for each event.
//!
//! A process has its default facade, which [`init`] creates and [`free`] releases, and as many
//! other facades as it [opens](open), each with a [`Handle`]. Each facade has its own storage,
//! account, log, queue and thread. Two facades may share the embedded authority's database.
//!
//! ```no_run
//! pims::facade::init("{}", Box::new(|message| println!("{}", message.as_str())));
//! pims::facade::call(
//!     pims::facade::Method::Get,
//!     "pims.sdk.version",
//!     "",
//!     Box::new(|message| println!("{}", message.as_str())),
//! )
//! .ok();
//! pims::facade::free();
//! ```

mod panics;
mod queue;
mod reply;
mod state;
mod worker;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::thread::JoinHandle;
use std::time::Instant;

use zeroize::Zeroizing;

pub use self::panics::log_panics;
pub use self::reply::Callback;
pub use crate::api::Method;
pub use crate::message::Message;

use self::queue::{Job, Queue, Rejected};
use self::reply::Reply;
use self::state::Core;
use crate::api::{Answer, Ending, Question, Task, View, ask, ending, known_name, validate};
use crate::error::{Code, Error};
use crate::log::{self, Log};
use crate::message::{Outcome, Output, TransactionId};
use crate::process::{self, PerProcess};
use crate::transport::TransportError;
use crate::transport::http::Interrupt;

/// Largest number of calls that may wait. One more is rejected, unless it ends a subscription by
/// its transaction id: such a call has a reserved place.
pub const MAX_WAITING: usize = 1024;

/// State of this process. A forked child starts without a facade and does not touch its parent's,
/// because the queue, the thread and the locks of a facade are not intact in the child.
static PROCESS_STATE: PerProcess<ProcessState> = PerProcess::new();

/// Number of the next handle. A forked child continues the count, so that none of its handles is
/// one of its parent's.
static NEXT_HANDLE: AtomicU64 = AtomicU64::new(Handle::DEFAULT.0 + 1);

#[derive(Default)]
struct ProcessState {
    /// The facades that exist.
    facades: RwLock<BTreeMap<Handle, Arc<Facade>>>,
    /// The lock that is held while the default facade is created, so that only one is created.
    creating_default: Mutex<()>,
    /// If true, this process has opened the embedded authority.
    has_used_sqlite: AtomicBool,
}

thread_local! {
    /// The process and the facade whose worker this thread is. In a worker, one of its callbacks
    /// may be running.
    static WORKER_OF: Cell<Option<(u64, Handle)>> = const { Cell::new(None) };
    /// The subscription that this thread serves, if it is a facade's worker. A callback on this
    /// thread may end the subscription.
    static SUBSCRIPTION: Cell<Option<TransactionId>> = const { Cell::new(None) };
}

/// Rejection of a call, because [`MAX_WAITING`] calls wait already. The callback of the call is not
/// called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct QueueFull;

/// Reason why a call with a handle was not accepted. The callback of the call is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// [`MAX_WAITING`] calls wait already.
    #[error("the queue is full")]
    QueueFull,
    /// The handle has no facade.
    #[error("the handle has no facade: it was closed, or it is a handle of a process before a fork")]
    NoFacade,
}

/// Handle of a facade: a number, which is given once in a process. So the handle of a facade that
/// was closed is never that of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u64);

struct Facade {
    handle: Handle,
    log: Arc<Log>,
    queue: Queue,
    view: View,
    core: Mutex<Option<Core>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    released: Mutex<bool>,
    on_release: Condvar,
    interrupt: Interrupt,
    process: u64,
}

/// Creates the facade from a configuration. The facade's own thread reports a success. This thread
/// reports a failure, before the function returns.
pub fn init(config: &str, callback: Callback) {
    let reply = Reply::new(callback);
    match create_default(config) {
        Ok(facade) => facade.queue.begin(reply, Output::Null),
        Err(error) => reply.send(&Err(error)),
    }
}

/// Creates a facade beside the others, as [`init`] does, and returns its handle. A success has the
/// handle as its result, too: `{"facade": 2}`. Returns `None` after a failure, which this thread
/// has reported by then.
pub fn open(config: &str, callback: Callback) -> Option<Handle> {
    open_with(config, callback, |_| ())
}

/// As [`open`]. Before the facade's thread reports the success, `publish` gets the handle.
pub fn open_with(config: &str, callback: Callback, publish: impl FnOnce(Handle)) -> Option<Handle> {
    let reply = Reply::new(callback);
    match create(next_handle(), config) {
        Ok(facade) => {
            publish(facade.handle);
            facade.queue.begin(reply, facade.handle.output());
            Some(facade.handle)
        }
        Err(error) => {
            reply.send(&Err(error));
            None
        }
    }
}

fn next_handle() -> Handle {
    Handle(NEXT_HANDLE.fetch_add(1, Ordering::Relaxed))
}

impl Handle {
    /// The handle of the facade that [`init`] creates.
    pub const DEFAULT: Self = Self(1);

    /// Returns the handle with this number. No facade may have it.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns its number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Submits a call, as [`call`] does to the default facade.
    pub fn call(self, method: Method, api: &str, params: &str, callback: Callback) -> Result<(), Rejection> {
        match self.facade() {
            None if self != Self::DEFAULT => Err(Rejection::NoFacade),
            facade => submit(facade, method, api, params, callback).map_err(|QueueFull| Rejection::QueueFull),
        }
    }

    /// Runs a call on this thread and returns its message. `method` is `get`, `set` or `close`.
    /// Inside a callback on the facade's thread, it may be `unsubscribe`. If the handle has no
    /// facade, the message is 2001.
    pub fn execute(self, method: &str, api: &str, params: &str) -> Message {
        answered(|| match method {
            "close" => match self.close() {
                true => Ok(Output::Null),
                false => Err(self.not_initialized()),
            },
            _ => self.execute_call(method, api, params).unwrap_or_else(|| {
                self.facade().ok_or_else(|| self.not_initialized())?;
                Err(Error::new(Code::NotSupported)
                    .with_detail("expected the method \"get\", \"set\", \"unsubscribe\" or \"close\""))
            }),
        })
    }

    /// Runs a get, a set or an unsubscribe. Another method is `None`.
    fn execute_call(self, method: &str, api: &str, params: &str) -> Option<Outcome> {
        let facade = || self.facade().filter(|facade| !facade.queue.is_closed()).ok_or_else(|| self.not_initialized());
        match method {
            "get" => Some(facade().and_then(|facade| facade.answer(Method::Get, api, params))),
            "set" => Some(facade().and_then(|facade| facade.answer(Method::Set, api, params))),
            "unsubscribe" => Some(facade().and_then(|facade| facade.end_subscription(api, params))),
            _ => None,
        }
    }

    /// Releases the facade, as [`free`] does with the default one. Returns false if the handle has
    /// no facade. Inside a callback of any facade the function returns at once, and this facade is
    /// released when its running call has its message.
    pub fn close(self) -> bool {
        let Some(facade) = self.facade() else { return false };
        facade.queue.close();
        // This ends a wait for a server.
        facade.interrupt.trigger();
        // If the callback waited here, two callbacks could wait for each other.
        if WORKER_OF.get().is_some_and(|(process, _)| process == process::number()) {
            return true;
        }
        facade.wait_for_release();
        let worker = lock(&facade.worker).take();
        if let Some(worker) = worker {
            // The worker has released the facade and is about to end. If it panicked, that was
            // reported already.
            let _ = worker.join();
        }
        true
    }

    fn facade(self) -> Option<Arc<Facade>> {
        PROCESS_STATE.get().facades.read().unwrap_or_else(PoisonError::into_inner).get(&self).cloned()
    }

    /// Returns the result of the call that opened the facade.
    fn output(self) -> Output {
        Output::Number("facade", self.0)
    }

    fn not_initialized(self) -> Error {
        if self == Self::DEFAULT {
            return Error::new(Code::NotInitialized).with_detail(
                "this process has no facade: call pims_init first; after pims_free or in a forked child, call it again",
            );
        }
        Error::new(Code::NotInitialized).with_detail(
            "this handle has no facade: it was closed, or it is a handle of the process from which this one was forked",
        )
    }
}

/// Submits a call, which waits for its turn. Before [`init`], and from the moment at which [`free`]
/// is called, the call fails with 2001. Then its callback runs on this thread, before the function
/// returns.
pub fn call(method: Method, api: &str, params: &str, callback: Callback) -> Result<(), QueueFull> {
    submit(Handle::DEFAULT.facade(), method, api, params, callback)
}

/// Submits a call to a facade. Without one, the call fails with 2001.
fn submit(
    facade: Option<Arc<Facade>>,
    method: Method,
    api: &str,
    params: &str,
    callback: Callback,
) -> Result<(), QueueFull> {
    let Some(facade) = facade else {
        Reply::new(callback).send(&Err(Handle::DEFAULT.not_initialized()));
        return Ok(());
    };
    let job = Job { method, api: api.into(), params: Zeroizing::new(params.into()), reply: Reply::new(callback) };
    let pushed = match facade.queue.push(job) {
        Err(Rejected::Full(job)) => push_to_full(&facade.queue, job),
        pushed => pushed,
    };
    match pushed {
        Ok(()) => Ok(()),
        Err(Rejected::Closed(job)) => {
            job.reply.send(&Err(facade.handle.not_initialized()));
            Ok(())
        }
        Err(Rejected::Full(job)) => {
            job.reply.forget();
            Err(QueueFull)
        }
    }
}

/// Submits a call that found the queue full. The end of a subscription has a reserved place.
fn push_to_full(queue: &Queue, job: Job) -> Result<(), Rejected> {
    if job.method == Method::Unsubscribe
        && let Ok(Ending::One(id)) = ending(&job.api, &job.params)
    {
        return queue.push_end_of(id, job);
    }
    Err(Rejected::Full(job))
}

/// Runs a call on this thread and returns its message. `method` is `init`, `get`, `set`, `free` or
/// `open`. For `init` and `open`, `params` is the configuration. The result of `open` is that of
/// [`open`]. Inside a callback on the facade's thread, `method` may be `unsubscribe`.
pub fn execute(method: &str, api: &str, params: &str) -> Message {
    answered(|| match method {
        "init" => create_default(params).map(|facade| {
            facade.queue.begin_silently();
            Output::Null
        }),
        "open" => create(next_handle(), params).map(|facade| {
            facade.queue.begin_silently();
            facade.handle.output()
        }),
        "free" => {
            free();
            Ok(Output::Null)
        }
        _ => Handle::DEFAULT.execute_call(method, api, params).unwrap_or_else(|| {
            Err(Error::new(Code::NotSupported)
                .with_detail("expected the method \"init\", \"get\", \"set\", \"unsubscribe\", \"free\" or \"open\""))
        }),
    })
}

/// Runs a call and returns its message, even if it panics.
fn answered(run: impl FnOnce() -> Outcome) -> Message {
    let id = TransactionId::new();
    let outcome = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(panicked()));
    Message::of_outcome(id, &outcome)
}

/// Asks the service for its time on this thread, and changes nothing there. Returns the header
/// `Date` of its answer: `None` if the service is embedded, or if its answer has no date. It is for
/// a program that checks a configuration. Without a facade or a configured service, the error is
/// [`TransportError::NotServed`].
pub fn service_date() -> Result<Option<String>, TransportError> {
    let not_there =
        || TransportError::NotServed(Box::new(TransportError::Unreachable("no service is configured".into())));
    let facade = Handle::DEFAULT.facade().ok_or_else(not_there)?;
    let _stay = log::enter(&facade.log);
    let guard = lock(&facade.core);
    let strong = guard.as_ref().and_then(|core| core.component().strong.as_ref()).ok_or_else(not_there)?;
    // TLS does not work with a clock before 1970.
    catch_unwind(AssertUnwindSafe(|| strong.service_date()))
        .unwrap_or_else(|_| Err(TransportError::Unusable("internal error".into())))
}

/// Releases the facade. When the function returns, every accepted call has its message, and the
/// storage is free again. Inside a callback the function returns at once, and the facade is
/// released when that callback returns. Without a facade it does nothing. A forked child has no
/// facade until it creates one, and its copy of the parent's facade stays as it is.
pub fn free() {
    Handle::DEFAULT.close();
}

fn create_default(config: &str) -> Result<Arc<Facade>, Error> {
    let _creating = PROCESS_STATE.get().creating_default.lock().unwrap_or_else(PoisonError::into_inner);
    if Handle::DEFAULT.facade().is_some() {
        return Err(Error::new(Code::AlreadyInitialized).with_detail(
            "this process has its default facade, for all its threads: use it, call pims_free before pims_init, or call pims_open for another one",
        ));
    }
    create(Handle::DEFAULT, config)
}

/// Creates a facade and its thread, which waits for [`Queue::begin`].
fn create(handle: Handle, config: &str) -> Result<Arc<Facade>, Error> {
    let log = Arc::new(Log::new());
    let _stay = log::enter(&log);
    let interrupt = Interrupt::default();
    let core = Core::open(config, interrupt.clone())?;
    let view = View::default();
    view.update(core.component(), core.config());
    let facade = Arc::new(Facade {
        handle,
        log,
        queue: Queue::new(),
        view,
        core: Mutex::new(Some(core)),
        worker: Mutex::new(None),
        released: Mutex::new(false),
        on_release: Condvar::new(),
        interrupt,
        process: process::number(),
    });
    let worker = worker::spawn(facade.clone()).map_err(|_| {
        Error::new(Code::CoreNotConfigured).with_detail(
            "the library's thread cannot be started: this process may have no more threads or no more memory",
        )
    })?;
    *lock(&facade.worker) = Some(worker);
    let state = PROCESS_STATE.get();
    state.facades.write().unwrap_or_else(PoisonError::into_inner).insert(handle, facade.clone());
    Ok(facade)
}

/// Records that this process uses SQLite from now on. Returns an error in a process that was forked
/// from a process that used SQLite: its locks, in memory and on files, are as they were at the
/// fork.
#[cfg_attr(not(feature = "embedded"), allow(dead_code))]
fn record_sqlite_use() -> Result<(), Error> {
    if PROCESS_STATE.of_ancestors().any(|ancestor| ancestor.has_used_sqlite.load(Ordering::Acquire)) {
        return Err(Error::new(Code::CoreNotConfigured).with_detail(
            "the embedded authority was used before this process was forked, which its database does not survive: fork first, or call exec",
        ));
    }
    PROCESS_STATE.get().has_used_sqlite.store(true, Ordering::Release);
    Ok(())
}

impl Facade {
    /// Returns whether this process is a forked child of the process that created the facade. That
    /// happens if a callback forks, and the child's copy of it returns to the library.
    fn is_forked_copy(&self) -> bool {
        self.process != process::number()
    }

    /// Answers a get or a set, even if it panics. The worker reports the changes to subscribers.
    fn answer(&self, method: Method, api: &str, params: &str) -> Outcome {
        let _stay = log::enter(&self.log);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run(method, api, params)));
        let outcome = outcome.unwrap_or_else(|_| Err(panicked()));
        log_outcome(method, api, &outcome);
        outcome
    }

    fn run(&self, method: Method, api: &str, params: &str) -> Outcome {
        let task = match validate(method, api, params)? {
            Task::View(task) => return task(&self.view),
            task => task,
        };
        let mut guard = lock(&self.core);
        let core = guard.as_mut().ok_or_else(|| self.handle.not_initialized())?;
        let block_end = core.block_end();
        let outcome = match task {
            Task::Component(task) => core.run(task).unwrap_or_else(|_| Err(panicked())),
            Task::Configure(text) => {
                let outcome = core.configure(&text);
                if outcome.is_ok() {
                    // The service, its settings or the interval may be others now.
                    self.queue.ask_now();
                }
                outcome
            }
            Task::View(task) => task(&self.view),
        };
        self.settle(guard, block_end);
        outcome
    }

    /// Asks the service a question of the library's thread, and sets the time of its repetition.
    /// Returns the answer, which may be an event. The worker reports a change of the account.
    fn ask(&self, question: Question) -> Option<Answer> {
        let mut guard = lock(&self.core);
        let core = guard.as_mut()?;
        let block_end = core.block_end();
        let answer = core.run_silently(|component| ask(component, question)).ok();
        if question.is_repeated() {
            // The core is still locked: a new configuration comes before this or after it.
            match &answer {
                Some(Answer::NotOffered) => self.queue.ask_never(question),
                Some(Answer::NotEnrolled) => self.queue.ask_once_enrolled(question),
                _ => self.queue.ask_at(question, Instant::now() + core.config().ask_interval),
            }
        }
        self.settle(guard, block_end);
        log_answer(question, answer.as_ref());
        answer
    }

    /// Stores the number of the last notice that the subscriber of the device with this id got.
    fn store_last_notice(&self, device: &str, number: u64) {
        let mut guard = lock(&self.core);
        let Some(core) = guard.as_mut() else { return };
        let block_end = core.block_end();
        let stored = core.run_silently(|component| {
            if let Some(strong) = &mut component.strong {
                strong.store_last_notice(device, number);
            }
        });
        if stored.is_err() {
            log::error!("an internal error was caught while the number of the last notice was stored");
        }
        self.settle(guard, block_end);
    }

    /// Publishes the state after a task, before which the end of the account's block was
    /// `block_end`.
    fn settle(&self, guard: MutexGuard<'_, Option<Core>>, block_end: Option<Instant>) {
        let Some(core) = guard.as_ref() else { return };
        self.view.update(core.component(), core.config());
        let (has_changes, next_block_end) = (core.has_changes(), core.block_end());
        drop(guard);
        if next_block_end != block_end {
            self.queue.set_block_end(next_block_end);
        }
        if has_changes {
            self.queue.wake();
        }
    }

    /// Ends the subscription at once, before the calls that wait. The worker owns the subscription,
    /// so only a callback that runs on the worker's thread can do this. The callback of the
    /// acknowledgment is one, too.
    fn end_subscription(&self, api: &str, params: &str) -> Outcome {
        let _stay = log::enter(&self.log);
        let outcome = ending(api, params).and_then(|ending| {
            if WORKER_OF.get() == Some((self.process, self.handle)) {
                if SUBSCRIPTION.get().is_some_and(|id| ending.includes(id)) {
                    SUBSCRIPTION.set(None);
                }
                Ok(Output::Null)
            } else {
                Err(Error::new(Code::NotSupported)
                    .with_detail("a subscription ends at once only inside a callback: call pims_unsubscribe or pims_facade_unsubscribe"))
            }
        });
        log_outcome(Method::Unsubscribe, api, &outcome);
        outcome
    }

    /// Releases the storage, then the facade. This is the last action of the worker.
    fn release(&self) {
        // The component may panic when it is dropped. The threads that wait for the release must
        // still be notified.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            *lock(&self.core) = None;
            log::lifecycle!("the facade was released");
        }));
        if dropped.is_err() {
            log::error!("an internal error was caught while the facade was released");
        }
        log::end();
        PROCESS_STATE.get().facades.write().unwrap_or_else(PoisonError::into_inner).remove(&self.handle);
        *lock(&self.released) = true;
        self.on_release.notify_all();
    }

    fn wait_for_release(&self) {
        let mut released = lock(&self.released);
        while !*released {
            released = self.on_release.wait(released).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Logs a call in one line: its outcome, with the code and the detail of an error. The line
/// contains neither parameters nor results.
fn log_outcome(method: Method, api: &str, outcome: &Outcome) {
    // Most facades do not log requests, and need no search for the name.
    if !log::is_enabled(log::LogLevel::High) {
        return;
    }
    // The name of an api is the caller's text. If arguments were mixed up, it may be anything, so
    // only known names enter the log.
    let name = known_name(api).unwrap_or("an unknown api");
    match outcome {
        Ok(_) => log::request!("{} {name}: succeeded", method.name()),
        Err(error) if error.detail().is_empty() => log::request!("{} {name}: {}", method.name(), error.code() as u16),
        Err(error) => {
            // A detail contains no secret. Text of a service or of a caller must not begin another
            // line.
            let detail = error.detail().replace(char::is_control, " ");
            log::request!("{} {name}: {} ({detail})", method.name(), error.code() as u16);
        }
    }
}

/// Logs the outcome of a question of the library's thread.
fn log_answer(question: Question, answer: Option<&Answer>) {
    let name = question.name();
    match answer {
        Some(Answer::Block) => {
            log::request!("the time of the account's block is over: the service was asked about it");
        }
        Some(Answer::Notices(new)) => log::request!("the service was asked for {name}: {} are new", new.notices.len()),
        Some(Answer::Approval(_)) => log::request!("the service was asked for {name}"),
        Some(Answer::NotEnrolled) => log::request!("the service is not asked for {name}: the device is not enrolled"),
        Some(Answer::NotOffered) => log::request!("the service was asked for {name}, and does not offer that"),
        Some(Answer::Missing(failure)) => {
            // Text of a service must not begin another line.
            let reason = failure.to_string().replace(char::is_control, " ");
            log::request!("the service was asked for {name}, without an answer ({reason})");
        }
        None => log::error!("an internal error was caught while the service was asked for {name}"),
    }
}

/// Locks a mutex, also after a panic that happened under the lock. Such a panic is caught and
/// reported, and [`Core::run`] repairs the data behind the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn panicked() -> Error {
    Error::new(Code::Unknown).with_detail("an internal error of the library was caught; please report it")
}
