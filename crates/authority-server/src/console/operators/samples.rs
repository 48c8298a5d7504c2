//! The numbers of the last hour: a ring of samples, which is in memory only.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::OperatorsConsole;
use crate::metrics::{FIRST_CLASS_MICROS, STEP_CLASSES, Sums};

/// Time between two samples.
pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

/// The number of samples: those of an hour.
pub(super) const COUNT: usize = 360;

/// The samples, the oldest first.
#[derive(Default)]
pub(crate) struct Samples(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    samples: VecDeque<Sample>,
    /// The sums at the last sample.
    last: Option<(Instant, Sums)>,
}

/// The numbers of the time since the sample before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// In a second.
    pub(super) requests: f64,
    pub(super) errors: f64,
    pub(super) accepted: f64,
    pub(super) refused: f64,
    /// Duration of steps in the database, in milliseconds: half of the steps, and 99 of 100, were
    /// not longer. `None`: there was no step.
    pub(super) median: Option<f64>,
    pub(super) slowest: Option<f64>,
}

/// Takes a sample.
pub(crate) fn take(console: &OperatorsConsole) {
    console.samples.add(console.guard.service.metrics.sums(), Instant::now());
}

impl Samples {
    fn add(&self, sums: Sums, now: Instant) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, before)) = ring.last.replace((now, sums)) {
            if ring.samples.len() >= COUNT {
                ring.samples.pop_front();
            }
            ring.samples.push_back(Sample::between(&before, &sums, now.saturating_duration_since(at)));
        }
    }

    /// Returns the samples, the oldest first.
    pub(super) fn all(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).samples.iter().copied().collect()
    }
}

impl Sample {
    fn between(before: &Sums, after: &Sums, time: Duration) -> Self {
        let seconds = time.as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |before: u64, after: u64| after.saturating_sub(before) as f64 / seconds;
        let mut steps = after.steps;
        for (count, earlier) in steps.iter_mut().zip(before.steps) {
            *count = count.saturating_sub(earlier);
        }
        Self {
            requests: rate(before.requests, after.requests),
            errors: rate(before.errors, after.errors),
            accepted: rate(before.accepted, after.accepted),
            refused: rate(before.refused, after.refused),
            median: quantile(&steps, 0.5),
            slowest: quantile(&steps, 0.99),
        }
    }
}

/// Returns the duration that this share of the steps did not exceed, in milliseconds. Inside a
/// class the durations count as evenly spread; the last class has no end, so it counts as its
/// beginning.
fn quantile(steps: &[u64; STEP_CLASSES], share: f64) -> Option<f64> {
    let total: u64 = steps.iter().sum();
    let wanted = total as f64 * share;
    let first_millis = FIRST_CLASS_MICROS as f64 / 1000.0;
    let (mut below, mut begin) = (0_u64, 0.0);
    for (class, count) in steps.iter().enumerate() {
        let end = if class + 1 == STEP_CLASSES { begin } else { first_millis * f64::from(1_u32 << class) };
        if *count > 0 && (below + count) as f64 >= wanted {
            return Some(begin + (end - begin) * (wanted - below as f64) / *count as f64);
        }
        (below, begin) = (below + count, end);
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn steps(of: &[(usize, u64)]) -> [u64; STEP_CLASSES] {
        let mut steps = [0; STEP_CLASSES];
        for (class, count) in of {
            steps[*class] = *count;
        }
        steps
    }

    #[test]
    fn a_sample_has_the_rates_and_durations_of_its_time() {
        let (samples, start) = (Samples::default(), Instant::now());
        samples.add(Sums { requests: 100, steps: steps(&[(0, 7)]), ..Sums::default() }, start);
        assert!(samples.all().is_empty(), "there is no time before the first one");
        let later = Sums { requests: 150, errors: 5, accepted: 10, refused: 20, steps: steps(&[(0, 7), (1, 10)]) };
        samples.add(later, start + Duration::from_secs(10));
        let [sample] = samples.all()[..] else { panic!() };
        assert_eq!((sample.requests, sample.errors, sample.accepted, sample.refused), (5.0, 0.5, 1.0, 2.0));
        // Ten steps between 0.5 and 1 ms.
        assert_eq!((sample.median, sample.slowest), (Some(0.75), Some(0.995)));
        samples.add(later, start + Duration::from_secs(20));
        let quiet = samples.all()[1];
        assert_eq!((quiet.requests, quiet.median, quiet.slowest), (0.0, None, None));
    }

    #[test]
    fn the_ring_keeps_an_hour() {
        let (samples, start) = (Samples::default(), Instant::now());
        for number in 0..=COUNT as u64 + 5 {
            let sums = Sums { requests: number * number, ..Sums::default() };
            samples.add(sums, start + Duration::from_secs(10 * number));
        }
        let all = samples.all();
        assert_eq!(all.len(), COUNT);
        assert!(all.windows(2).all(|pair| pair[0].requests < pair[1].requests), "the oldest first");
    }

    #[test]
    fn a_quantile_is_of_the_class_that_holds_it() {
        assert_eq!(quantile(&steps(&[]), 0.5), None);
        assert_eq!(quantile(&steps(&[(0, 1)]), 1.0), Some(0.5));
        assert_eq!(quantile(&steps(&[(0, 98), (3, 2)]), 0.99), Some(3.0));
        assert_eq!(quantile(&steps(&[(STEP_CLASSES - 1, 1)]), 0.5), Some(16_384.0));
    }
}
