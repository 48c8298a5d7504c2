//! The system's metrics of this process, under the names that Prometheus's own clients use. Without
//! `/proc`, only the start time is known.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Clock ticks in a second in `/proc`. Linux shows this number to programs, whatever its own clock
/// does.
const TICKS_PER_SECOND: f64 = 100.0;

/// The metrics of this process.
pub(crate) struct Process {
    registry: Registry,
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge,
    open_files: Gauge,
    limit: Gauge,
}

impl Default for Process {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("process");
        let cpu = Counter::default();
        registry.register_with_unit("cpu", "Processor time, user and system", Unit::Seconds, cpu.clone());
        let (memory, open_files, limit, start): (Gauge, Gauge, Gauge, Gauge) =
            (Gauge::default(), Gauge::default(), Gauge::default(), Gauge::default());
        registry.register_with_unit("resident_memory", "Resident memory", Unit::Bytes, memory.clone());
        registry.register("open_fds", "Open file descriptors", open_files.clone());
        registry.register("max_fds", "Maximum number of open file descriptors", limit.clone());
        registry.register_with_unit("start_time", "Start time of the process since 1970", Unit::Seconds, start.clone());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        start.set(i64::try_from(since.as_secs()).unwrap_or_default());
        Self { registry, cpu, memory, open_files, limit }
    }
}

impl Process {
    pub(crate) fn write(&self, text: &mut String) {
        self.update();
        // Writing to a string does not fail.
        let _ = encode_registry(text, &self.registry);
    }

    /// Reads the values. A value that cannot be read stays as it was.
    fn update(&self) {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        if let Some(ticks) = ticks(&read("stat")) {
            let seconds = ticks as f64 / TICKS_PER_SECOND;
            let cpu: &AtomicU64 = self.cpu.inner();
            cpu.store(seconds.to_bits(), Ordering::Relaxed);
        }
        if let Some(kibibytes) = number_after(&read("status"), "VmRSS:") {
            self.memory.set(kibibytes.saturating_mul(1024));
        }
        if let Ok(open_files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(i64::try_from(open_files.count()).unwrap_or(i64::MAX));
        }
        if let Some(limit) = number_after(&read("limits"), "Max open files") {
            self.limit.set(limit);
        }
    }
}

/// Returns the sum of user and system time, in ticks. The program's name precedes them in
/// parentheses and may hold any character.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user.saturating_add(system))
}

fn number_after(text: &str, label: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_for_any_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 900 0 0 0 41 2 0 0 20 0 4 0 100 1 2 3";
        assert_eq!(ticks(stat), Some(43));
        assert_eq!(ticks("7 (a"), None);
        assert_eq!(number_after("VmPeak:\t 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1234));
        assert_eq!(number_after("Max open files   unlimited  files", "Max open files"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_files() {
        let process = Process::default();
        let mut text = String::new();
        process.write(&mut text);
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse::<f64>().unwrap()
        };
        assert!(value("process_resident_memory_bytes ") > 0.0, "{text}");
        assert!(value("process_open_fds ") > 2.0, "{text}");
        assert!(value("process_cpu_seconds_total ") >= 0.0, "{text}");
    }
}
