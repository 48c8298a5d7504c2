//! The library, opened with a configuration, and its calls.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pims::facade;
use serde::Serialize;

use crate::answer::Answer;
use crate::failure::Failure;

/// The library while it is open. It is released when dropped.
pub(crate) struct Library {
    shows_progress: bool,
}

impl Library {
    /// Opens the library.
    pub(crate) fn open(configuration: &str, shows_progress: bool) -> Result<Self, Failure> {
        let answer = Answer::new(facade::execute("init", "", configuration));
        if !answer.succeeded() {
            return Err(Failure::Refused(answer));
        }
        Ok(Self { shows_progress: shows_progress && std::io::stderr().is_terminal() })
    }

    /// Reads a value. Returns the message of a failure as a [`Failure`].
    pub(crate) fn get(&self, api: &str, parameters: &impl Serialize) -> Result<Answer, Failure> {
        self.call("get", api, &wiped_json::to_string(parameters))
    }

    /// Changes something. Returns the message of a failure as a [`Failure`].
    pub(crate) fn set(&self, api: &str, parameters: &impl Serialize) -> Result<Answer, Failure> {
        self.call("set", api, &wiped_json::to_string(parameters))
    }

    fn call(&self, method: &str, api: &str, parameters: &str) -> Result<Answer, Failure> {
        let answer = self.ask(method, api, parameters);
        if answer.succeeded() { Ok(answer) } else { Err(Failure::Refused(answer)) }
    }

    /// Makes a call, and returns its message.
    pub(crate) fn ask(&self, method: &str, api: &str, parameters: &str) -> Answer {
        let _progress = self.shows_progress.then(Progress::begin);
        Answer::new(facade::execute(method, api, parameters))
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        facade::free();
    }
}

/// Line on the terminal while a call waits for the service. It disappears when dropped.
struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Time after which the line appears: a quick call shows none.
    const DELAY: Duration = Duration::from_millis(400);

    fn begin() -> Self {
        let (end, ended) = channel::<()>();
        let show = move || {
            let mut dots = 0;
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Self::DELAY) {
                dots = dots % 3 + 1;
                let _ = write!(std::io::stderr(), "\r\x1b[Kasking the service{}", &"..."[..dots]);
            }
            if dots > 0 {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        };
        // Without a thread there is no line, and the call goes on.
        Self { end: Some(end), thread: std::thread::Builder::new().spawn(show).ok() }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
