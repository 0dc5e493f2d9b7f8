//! The table of figures.

use std::path::Path;

use serde_json::{Value, json};

use crate::Arguments;

/// One figure.
struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
}

/// All figures of a run.
pub struct Report {
    rows: Vec<Row>,
    sizes: Value,
}

impl Report {
    /// An empty one.
    pub fn new(arguments: &Arguments) -> Self {
        let sizes = json!({
            "recipients": arguments.recipients, "queued": arguments.queued, "large": arguments.large,
            "retained": arguments.retained, "seconds": arguments.seconds,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
        });

        println!("sizes: {sizes}");
        Self {
            rows: Vec::new(),
            sizes,
        }
    }

    /// Notes a figure, and says it at once.
    pub fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.push(Row {
            what: what.into(),
            value,
            unit,
            goal: None,
        });
    }

    /// Notes a figure that has a goal.
    pub fn goal(&mut self, what: impl Into<String>, value: f64, unit: &'static str, goal: Goal) {
        self.push(Row {
            what: what.into(),
            value,
            unit,
            goal: Some(goal),
        });
    }

    /// A figure of before, for a ratio.
    pub fn value(&self, what: &str) -> Option<f64> {
        self.rows
            .iter()
            .find(|row| row.what == what)
            .map(|row| row.value)
    }

    /// Notes `above ÷ below`, if both are known.
    pub fn ratio(&mut self, above: &str, below: &str, goal: Option<f64>) {
        let (Some(over), Some(under)) = (self.value(above), self.value(below)) else {
            return;
        };
        let goal = goal.map(Goal::AtLeast);
        self.push(Row {
            what: format!("{above} ÷ {below}"),
            value: over / under,
            unit: "×",
            goal,
        });
    }

    fn push(&mut self, row: Row) {
        println!("  {}", row.text());
        self.rows.push(row);
    }

    /// The whole table.
    pub fn print(&self) {
        println!("\n{:<72} {:>12}  {:<12} goal", "figure", "value", "unit");

        for row in &self.rows {
            println!("{}", row.text());
        }
    }

    /// The same in JSON.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| json!({"what": row.what, "value": row.value, "unit": row.unit}))
            .collect();

        Ok(std::fs::write(
            path,
            serde_json::to_string_pretty(&json!({"sizes": self.sizes, "rows": rows}))?,
        )?)
    }
}

impl Row {
    fn text(&self) -> String {
        let value = if self.value >= 100.0 {
            format!("{:.0}", self.value)
        } else {
            format!("{:.2}", self.value)
        };

        let goal = match self.goal {
            None => String::new(),
            Some(Goal::AtLeast(goal)) => format!("≥ {goal} {}", verdict(self.value >= goal)),
            Some(Goal::AtMost(goal)) => format!("≤ {goal} {}", verdict(self.value <= goal)),
        };

        format!("{:<72} {value:>12}  {:<12} {goal}", self.what, self.unit)
    }
}

fn verdict(reached: bool) -> &'static str {
    if reached { "reached" } else { "NOT REACHED" }
}

/// The value that `share` of the sorted `values` do not exceed.
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);

    let index = (values.len() as f64 * share).ceil() as usize;
    values
        .get(index.saturating_sub(1).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}
