//! Rows that compare two sides, with goals.

use crate::load::Measured;

/// The goal of a row.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// The ratio is at least this.
    AtLeast(f64),
    /// The ratio is at most this.
    AtMost(f64),
    /// The figure of the second side, not the ratio, is below this.
    Below(f64),
    /// A row that says more about the one before it.
    None,
}

impl Goal {
    fn is_met(self, this: f64, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(goal) => Some(ratio >= goal),
            Self::AtMost(goal) => Some(ratio <= goal),
            Self::Below(goal) => Some(this < goal),
            Self::None => None,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::AtLeast(goal) => format!(">= {goal}"),
            Self::AtMost(goal) => format!("<= {goal}"),
            Self::Below(goal) => format!("< {goal}"),
            Self::None => String::new(),
        };
        formatter.pad(&text)
    }
}

/// The figures of one row, of both sides, by rounds.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) rounds: Vec<[f64; 2]>,
    pub(crate) goal: Goal,
    pub(crate) decimals: usize,
}

impl Row {
    /// Prints the row and returns whether it meets its goal.
    fn print(&self) -> Option<bool> {
        let [base, this] = [0, 1].map(|side| median(self.rounds.iter().map(|round| round[side])));
        let ratios = self.rounds.iter().map(|[base, this]| this / base);
        let ratio = median(ratios.clone());
        let (low, high) = ratios.fold((f64::MAX, f64::MIN), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
        let ratios_count = self.rounds.len();
        let met = self.goal.is_met(this, ratio);
        let met_text = met.map_or("", |met| if met { "yes" } else { "NO" });
        let (name, goal, decimals) = (&self.name, self.goal, self.decimals);
        // Nothing can be said of a ratio to zero, nor of the range of one round.
        let range = if ratios_count > 1 { format!("{low:.2} to {high:.2}") } else { String::new() };
        let ratio = if ratio.is_finite() { format!("{ratio:.2}") } else { "-".to_owned() };
        println!(
            "{name:<46} {base:>10.decimals$} {this:>10.decimals$} {ratio:>8} {range:>16} {goal:>10} {met_text:>5}"
        );
        met
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(*value, values[middle - 1]),
        (None, _) => f64::NAN,
    }
}

/// The rows of a run.
pub(crate) struct Table {
    /// True if each goal was met.
    met: Vec<bool>,
}

impl Table {
    /// Prints the head.
    pub(crate) fn new(sides: [&str; 2]) -> Self {
        let [first, second] = sides;
        println!(
            "{:<46} {first:>10} {second:>10} {:>8} {:>16} {:>10} {:>5}",
            "", "ratio", "of the rounds", "goal", "met"
        );
        Self { met: Vec::new() }
    }

    pub(crate) fn print(&mut self, row: &Row) {
        self.met.extend(row.print());
    }

    /// Prints the rate of a measurement, and its p99 below it.
    pub(crate) fn measured(&mut self, name: String, rounds: &[[Measured; 2]], rate_goal: Goal, p99_goal: Goal) {
        let figures = |figure: fn(&Measured) -> f64| rounds.iter().map(|round| round.each_ref().map(figure)).collect();
        self.print(&Row { name, rounds: figures(Measured::rate), goal: rate_goal, decimals: 0 });
        let p99 = |measured: &Measured| measured.percentiles([0.99])[0];
        self.print(&Row { name: "    p99, ms".to_owned(), rounds: figures(p99), goal: p99_goal, decimals: 2 });
    }

    /// Prints how many goals were met.
    pub(crate) fn end(&self) {
        let met = self.met.iter().filter(|met| **met).count();
        println!("{met} of {} goals met", self.met.len());
    }
}

/// Measures both sides in each round, in alternating order.
pub(crate) fn in_turns<T>(rounds: u64, mut one: impl FnMut(usize) -> T) -> Vec<[T; 2]> {
    let round = |round: u64| {
        if round.is_multiple_of(2) {
            let first = one(0);
            [first, one(1)]
        } else {
            let second = one(1);
            [one(0), second]
        }
    };
    (0..rounds).map(round).collect()
}
