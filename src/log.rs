//! The log: files under `<storage.path>/logs`.
//!
//! Each facade has a [`Log`]. A thread that works for a facade [enters](enter) its log, and the
//! macros of this module write to the log that the thread has entered. The log is for developers
//! who integrate the library. No PIN, code, key, token or one-time password is ever passed to it.

use std::cell::RefCell;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use private_files::{Access, Folder};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::process;

/// Amount of logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    None,
    /// Errors.
    Low,
    /// Errors, warnings, and the life of the facade.
    Medium,
    /// All of these, and each request without its secrets.
    High,
}

/// Rule for the start of a new log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewLogFile {
    /// A file for each `pims_init`.
    AppLaunch,
    /// A file for each day (UTC).
    Day,
    /// A file for each period of this many minutes.
    Duration(u32),
}

/// Log of one facade.
pub(crate) struct Log {
    /// The process that created the log. A forked child does not write into its parent's log.
    process: u64,
    /// The active level, as a number. It is read without a lock before anything is formatted.
    level: AtomicU8,
    logger: Mutex<Option<Logger>>,
}

impl Log {
    /// Creates a log that writes nothing until it [begins](begin).
    pub(crate) fn new() -> Self {
        Self { process: process::number(), level: AtomicU8::new(LogLevel::None as u8), logger: Mutex::new(None) }
    }

    fn is_enabled(&self, level: LogLevel) -> bool {
        self.level.load(Ordering::Acquire) >= level as u8 && self.process == process::number()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Logger>> {
        self.logger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The log that this thread has entered.
    static ENTERED: RefCell<Option<Arc<Log>>> = const { RefCell::new(None) };
}

/// Stay of this thread in a log. When it ends, the thread is in the log again in which it was
/// before.
pub(crate) struct Stay(Option<Arc<Log>>);

/// Enters a log: from now on, this thread works for the log's facade.
pub(crate) fn enter(log: &Arc<Log>) -> Stay {
    let log = Some(log.clone());
    // A thread that is ending has no such value any more, and does not log.
    Stay(ENTERED.try_with(|entered| entered.replace(log)).unwrap_or_default())
}

impl Drop for Stay {
    fn drop(&mut self) {
        let before = self.0.take();
        let _ = ENTERED.try_with(|entered| entered.replace(before));
    }
}

/// Calls a function with the log that this thread has entered. Without one, returns `None`. The
/// function enters no log.
fn with_entered<R>(function: impl FnOnce(&Log) -> R) -> Option<R> {
    ENTERED.try_with(|entered| entered.borrow().as_deref().map(function)).ok().flatten()
}

struct Logger {
    /// The folder of the storage, which contains the folder of the logs.
    storage: Arc<Folder>,
    rotation: NewLogFile,
    /// The greatest size of a file in bytes. A longer line has a file of its own.
    max_bytes: u64,
    started: SystemTime,
    /// The name of the file for [`NewLogFile::AppLaunch`]. It does not change.
    launched: String,
    open: Option<OpenFile>,
}

/// The file that the last line went to.
struct OpenFile {
    /// The name by the rule for new files. The file has another name if that one is full.
    rule_name: String,
    name: String,
    file: File,
}

/// Folder of the logs, in the folder of the storage.
const FOLDER: &str = "logs";

/// Number of files that are kept. With each new file, the oldest files beyond this number are
/// deleted.
const MAX_FILES: usize = 30;

/// Starts the log in `logs` in the folder of the storage. The first line, or [`path`], creates the
/// file.
pub(crate) fn begin(storage: Arc<Folder>, level: LogLevel, rotation: NewLogFile, max_bytes: u64) {
    with_entered(|log| {
        *log.lock() = Some(Logger::new(storage, rotation, max_bytes, SystemTime::now()));
        log.level.store(level as u8, Ordering::Release);
    });
}

/// Changes the level, the rule for new files, and their greatest size.
pub(crate) fn change(level: LogLevel, rotation: NewLogFile, max_bytes: u64) {
    with_entered(|log| {
        if let Some(logger) = &mut *log.lock() {
            if logger.rotation != rotation {
                *logger = Logger::new(logger.storage.clone(), rotation, max_bytes, SystemTime::now());
            }
            logger.max_bytes = max_bytes;
        }
        log.level.store(level as u8, Ordering::Release);
    });
}

/// Returns the file for a line that is written now, or `None` if nothing is logged.
pub(crate) fn path() -> Option<PathBuf> {
    with_entered(|log| {
        if !log.is_enabled(LogLevel::Low) {
            return None;
        }
        let mut logger = log.lock();
        let logger = logger.as_mut()?;
        let name = logger.file(SystemTime::now(), 0).ok()?.name.clone();
        Some(logger.folder().join(name))
    })
    .flatten()
}

/// Returns every log file, the oldest first.
pub(crate) fn paths() -> Vec<PathBuf> {
    // This creates the present file, if there must be one.
    let _ = path();
    with_entered(|log| log.lock().as_ref().map(|logger| logger.files())).flatten().unwrap_or_default()
}

/// Ends the log.
pub(crate) fn end() {
    with_entered(|log| {
        log.level.store(LogLevel::None as u8, Ordering::Release);
        *log.lock() = None;
    });
}

/// Returns whether a level is active.
pub(crate) fn is_enabled(level: LogLevel) -> bool {
    with_entered(|log| log.is_enabled(level)).unwrap_or_default()
}

/// Writes a line. Use the macros instead: they format only lines of an active level.
pub(crate) fn write(severity: &str, text: fmt::Arguments<'_>) {
    with_entered(|log| {
        if let Some(logger) = &mut *log.lock() {
            // A log that cannot be written stops no operation.
            let _ = logger.write(severity, text, SystemTime::now());
        }
    });
}

/// Writes a line about an error, unless a line is being written at this moment. It is for a panic,
/// which may come from the log itself.
pub(crate) fn try_error(text: fmt::Arguments<'_>) {
    with_entered(|log| {
        if log.is_enabled(LogLevel::Low)
            && let Ok(mut logger) = log.logger.try_lock()
            && let Some(logger) = &mut *logger
        {
            let _ = logger.write("ERROR", text, SystemTime::now());
        }
    });
}

#[cfg(unix)]
fn is_deleted(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.nlink() == 0
}

#[cfg(not(unix))]
fn is_deleted(_: &Metadata) -> bool {
    // On these systems an open file cannot be deleted.
    false
}

impl Logger {
    fn new(storage: Arc<Folder>, rotation: NewLogFile, max_bytes: u64, started: SystemTime) -> Self {
        let launched = format!("pims-{}.log", moment(started));
        Self { storage, rotation, max_bytes, started, launched, open: None }
    }

    fn folder(&self) -> PathBuf {
        self.storage.file(FOLDER)
    }

    fn write(&mut self, severity: &str, text: fmt::Arguments<'_>, now: SystemTime) -> std::io::Result<()> {
        let at = OffsetDateTime::from(now).format(&Rfc3339).unwrap_or_default();
        let line = format!("{at} {severity} {text}\n");
        // Each line is one write, so that lines of two processes do not mix.
        self.file(now, line.len() as u64)?.file.write_all(line.as_bytes())
    }

    /// Returns the name of the file for a line of this moment, by the rule for new files.
    fn name(&mut self, now: SystemTime) -> String {
        // If the clock was ahead at the start, the period counts from now.
        self.started = self.started.min(now);
        match self.rotation {
            NewLogFile::AppLaunch => self.launched.clone(),
            NewLogFile::Day => {
                let day = moment(now);
                format!("pims-{}.log", day.split_once('T').map_or(day.as_str(), |(day, _)| day))
            }
            NewLogFile::Duration(minutes) => {
                let period = Duration::from_secs(60 * u64::from(minutes));
                let passed = now.duration_since(self.started).unwrap_or_default().as_secs() / period.as_secs();
                format!("pims-{}.log", moment(self.started + period * passed as u32))
            }
        }
    }

    /// Returns the file for a line of this moment and length. Opens it if the line before went to
    /// another file. A file that is full is continued in one that is named after this moment.
    fn file(&mut self, now: SystemTime, length: u64) -> std::io::Result<&mut OpenFile> {
        let rule_name = self.name(now);
        // The host may have sent the file somewhere and then deleted it. Another process deletes
        // the oldest ones.
        let current = self.open.as_ref().filter(|open| open.rule_name == rule_name);
        let mut size = match current.map(|open| open.file.metadata()) {
            Some(Ok(metadata)) if !is_deleted(&metadata) => metadata.len(),
            Some(Err(_)) => 0,
            Some(Ok(_)) | None => self.open(rule_name.clone(), rule_name.clone())?,
        };
        let max_bytes = self.max_bytes;
        let is_full = |size: u64| size > 0 && size.saturating_add(length) > max_bytes;
        if is_full(size)
            && let Some(name) = self.newest_of_day(&rule_name)
        {
            // If it cannot be opened, the log goes on in a new file.
            size = self.open(rule_name.clone(), name).unwrap_or(size);
        }
        if is_full(size) {
            self.open(rule_name, format!("pims-{}.log", moment(now)))?;
        }
        // The lines above have opened it.
        self.open.as_mut().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    /// Opens or creates a file, and returns its size.
    fn open(&mut self, rule_name: String, name: String) -> std::io::Result<u64> {
        let folder = self.storage.subfolder(FOLDER)?;
        let file = folder.open_or_create(&name, Access::Append)?;
        delete_oldest(&folder, &name);
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        self.open = Some(OpenFile { rule_name, name, file });
        Ok(size)
    }

    /// Returns the name of the newest file that continues the file of a day, if there is one.
    /// Another process may have begun it, and it may have room.
    fn newest_of_day(&self, rule_name: &str) -> Option<String> {
        let day = rule_name.strip_suffix(".log").filter(|_| self.rotation == NewLogFile::Day)?;
        let continues = |name: &String| name.strip_prefix(day).is_some_and(|rest| rest.starts_with('T'));
        names_in(&self.folder()).into_iter().rev().find(continues)
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder();
        names_in(&folder).into_iter().map(|name| folder.join(name)).collect()
    }
}

/// Returns the names of a folder's log files, the oldest first. The names sort by time.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_log(name)).collect();
    names.sort_unstable();
    names
}

/// Returns whether this is the name of a log file: `pims-20261123.log` or
/// `pims-20261123T031200123456Z.log`. No other file of the folder is ever touched.
fn is_log(name: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let moment = name.strip_prefix("pims-").and_then(|rest| rest.strip_suffix(".log"));
    moment.is_some_and(|moment| match moment.split_once('T') {
        Some((day, clock)) => digits(day, 8) && clock.strip_suffix('Z').is_some_and(|clock| digits(clock, 12)),
        None => digits(moment, 8),
    })
}

/// Deletes the oldest files beyond [`MAX_FILES`]. `current` stays, however old its name looks,
/// because the clock may have been ahead once.
fn delete_oldest(folder: &Folder, current: &str) {
    let names = names_in(folder.path());
    let surplus = names.len().saturating_sub(MAX_FILES);
    for name in names.iter().filter(|name| *name != current).take(surplus) {
        let _ = folder.remove(name);
    }
}

/// Returns a moment in the form of a file name, in UTC: `20261123T031200123456Z`. It has
/// microseconds, so that no two launches share a name.
fn moment(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let (date, clock) = (time.date(), time.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}{:06}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        clock.hour(),
        clock.minute(),
        clock.second(),
        clock.microsecond()
    )
}

/// Logs an error: a function of the library does not work.
macro_rules! error {
    ($($text:tt)*) => {
        if $crate::log::is_enabled($crate::log::LogLevel::Low) {
            $crate::log::write("ERROR", format_args!($($text)*));
        }
    };
}

/// Logs a warning: the integrator should look at something.
macro_rules! warning {
    ($($text:tt)*) => {
        if $crate::log::is_enabled($crate::log::LogLevel::Medium) {
            $crate::log::write("WARN", format_args!($($text)*));
        }
    };
}

/// Logs a step in the life of the facade.
macro_rules! lifecycle {
    ($($text:tt)*) => {
        if $crate::log::is_enabled($crate::log::LogLevel::Medium) {
            $crate::log::write("INFO", format_args!($($text)*));
        }
    };
}

/// Logs a request and its outcome.
macro_rules! request {
    ($($text:tt)*) => {
        if $crate::log::is_enabled($crate::log::LogLevel::High) {
            $crate::log::write("CALL", format_args!($($text)*));
        }
    };
}

pub(crate) use {error, lifecycle, request, warning};

#[cfg(test)]
mod tests {
    use private_files::Sharing;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn logger(folder: &Path, rotation: NewLogFile, started: u64) -> Logger {
        Logger::new(Arc::new(Folder::open(folder, Sharing::Refused).unwrap()), rotation, 1000, at(started))
    }

    #[test]
    fn a_new_file_begins_as_the_configuration_says() {
        let folder = tempfile::tempdir().unwrap();
        let name = |rotation, seconds| logger(folder.path(), rotation, 86_400).name(at(seconds));
        assert_eq!(name(NewLogFile::AppLaunch, 999_999), "pims-19700102T000000000000Z.log");
        assert_eq!(name(NewLogFile::Day, 86_400 + 86_399), "pims-19700102.log");
        assert_eq!(name(NewLogFile::Day, 2 * 86_400), "pims-19700103.log");
        assert_eq!(name(NewLogFile::Duration(5), 86_400 + 299), "pims-19700102T000000000000Z.log");
        assert_eq!(name(NewLogFile::Duration(5), 86_400 + 300), "pims-19700102T000500000000Z.log");
        // The clock was ahead when the log began.
        let mut ahead = logger(folder.path(), NewLogFile::Duration(5), 999_999);
        assert_eq!(ahead.name(at(86_400)), "pims-19700102T000000000000Z.log");
        assert_eq!(ahead.name(at(86_400 + 300)), "pims-19700102T000500000000Z.log");
    }

    #[test]
    fn only_the_newest_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut logger = logger(folder.path(), NewLogFile::Day, 0);
        let folder = logger.storage.subfolder(FOLDER).unwrap();
        let others = ["notes.txt", "pims-app.log", "pims-20261123T12.log"];
        for name in others {
            std::fs::write(folder.file(name), "of the host").unwrap();
        }
        for day in 0..40 {
            logger.write("WARN", format_args!("a day"), at(86_400 * day)).unwrap();
        }
        let files = logger.files();
        assert_eq!(files.len(), MAX_FILES);
        assert!(files[0].ends_with("pims-19700111.log") && files[29].ends_with("pims-19700209.log"));
        assert!(others.iter().all(|name| folder.file(name).exists()));
        // Now the clock is set back.
        logger.write("WARN", format_args!("before them all"), at(0)).unwrap();
        assert!(folder.file("pims-19700101.log").exists());
        assert_eq!(logger.files().len(), MAX_FILES);
    }

    #[test]
    fn a_file_ends_at_its_size_and_the_next_is_named_after_the_moment() {
        for rotation in [NewLogFile::AppLaunch, NewLogFile::Day, NewLogFile::Duration(5)] {
            let folder = tempfile::tempdir().unwrap();
            let mut log = logger(folder.path(), rotation, 0);
            for second in 0..100 {
                log.write("WARN", format_args!("{:0100}", second), at(second)).unwrap();
            }
            let files = log.files();
            let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
            assert!(texts.iter().all(|text| text.len() <= 1000), "{rotation:?}");
            assert!(texts.iter().rev().skip(1).all(|text| text.len() > 500), "{rotation:?}");
            assert!(files.len() > 10 && files[1].ends_with("pims-19700101T000007000000Z.log"), "{files:?}");
            // No line is lost, and the files stand in the order of their lines.
            let lines: Vec<String> = texts.concat().lines().map(|line| line[line.len() - 3..].to_owned()).collect();
            assert_eq!(lines, (0..100).map(|second| format!("{second:03}")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_file_of_a_day_goes_on_where_the_process_before_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let line = "x".repeat(600);
        for (process, count) in [(0, 1), (10, 2), (20, 3)] {
            let mut log = logger(folder.path(), NewLogFile::Day, process);
            log.write("WARN", format_args!("{line}"), at(process)).unwrap();
            log.write("WARN", format_args!("short"), at(process + 1)).unwrap();
            assert_eq!(log.files().len(), count);
        }
        let newest = folder.path().join("logs/pims-19700101T000020000000Z.log");
        assert!(std::fs::read_to_string(newest).unwrap().ends_with("WARN short\n"));
    }

    #[test]
    fn a_line_that_is_longer_than_a_file_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = logger(folder.path(), NewLogFile::AppLaunch, 0);
        for second in 0..3 {
            log.write("WARN", format_args!("{}", "x".repeat(2000)), at(second)).unwrap();
        }
        let sizes: Vec<u64> = log.files().iter().map(|file| file.metadata().unwrap().len()).collect();
        assert!(sizes.len() == 3 && sizes.iter().all(|size| *size > 2000), "{sizes:?}");
    }

    #[test]
    fn lines_are_appended_with_their_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut logger = logger(folder.path(), NewLogFile::AppLaunch, 0);
        logger.write("WARN", format_args!("one"), at(1)).unwrap();
        logger.write("ERROR", format_args!("two"), at(2)).unwrap();
        let text = std::fs::read_to_string(logger.folder().join("pims-19700101T000000000000Z.log")).unwrap();
        assert_eq!(text, "1970-01-01T00:00:01Z WARN one\n1970-01-01T00:00:02Z ERROR two\n");
    }
}
