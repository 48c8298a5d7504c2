//! Small charts: a line of values over time, as SVG without styles.

use askama::Template;

/// Width and height of the area of a chart, in units of its picture.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 48.0;

/// A chart of one series. A missing value is a gap in the line.
#[derive(Template)]
#[template(path = "chart.html")]
pub(crate) struct Chart {
    /// The name of the chart with its present value, for a screen reader.
    pub(crate) label: String,
    /// The values in the order of time.
    pub(crate) values: Vec<Option<f64>>,
}

/// A page contains a chart as it is: its own template escapes its values.
impl askama::filters::HtmlSafe for Chart {}

impl Chart {
    /// Returns the lines: one for each run of values, as points of a polyline.
    fn lines(&self) -> Vec<String> {
        let top = self.values.iter().flatten().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let last = self.values.len().saturating_sub(1).max(1) as f64;
        let point = |(index, value): (usize, f64)| {
            let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
            format!("{:.1},{:.1}", index as f64 / last * WIDTH, HEIGHT - share * HEIGHT)
        };
        let numbered: Vec<(usize, Option<f64>)> =
            self.values.iter().map(|value| value.filter(|value| value.is_finite())).enumerate().collect();
        let runs = numbered.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty());
        runs.map(|run| {
            let mut points: Vec<String> =
                run.iter().filter_map(|(index, value)| value.map(|value| point((*index, value)))).collect();
            // A line of one point is drawn if it goes back to its beginning: as a dot.
            if let [only] = points.as_slice() {
                points.push(only.clone());
            }
            points.join(" ")
        })
        .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn chart(values: &[Option<f64>]) -> Chart {
        Chart { label: "<x>".into(), values: values.to_vec() }
    }

    #[test]
    fn a_line_has_its_values_and_gaps() {
        let lines = chart(&[Some(0.0), Some(2.0), None, Some(1.0), Some(f64::NAN)]).lines();
        assert_eq!(lines, ["0.0,48.0 60.0,0.0", "180.0,24.0 180.0,24.0"]);
        assert_eq!(chart(&[Some(0.0), Some(0.0)]).lines(), ["0.0,48.0 240.0,48.0"]);
        assert!(chart(&[]).lines().is_empty() && chart(&[None]).lines().is_empty());
    }

    #[test]
    fn a_label_is_text() {
        let picture = chart(&[Some(1.0)]).render().unwrap();
        assert!(picture.contains("&#60;x&#62;") && !picture.contains("<x>"), "{picture}");
    }
}
