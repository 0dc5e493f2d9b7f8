//! The metric of the oldest snapshot in the database.

use std::collections::BTreeSet;
use std::time::Duration;

use super::OLDEST_SNAPSHOT;

/// Most names that the label takes in the life of a process. Further ones are `other`.
const MAX_NAMES: usize = 50;
const OTHER: &str = "other";

/// Sets the gauge of the holder that is the oldest now, and returns that of the one before to 0.
#[derive(Default)]
pub(crate) struct SnapshotMetric {
    names: BTreeSet<String>,
    /// Kind and name.
    shown: Option<(String, String)>,
}

impl SnapshotMetric {
    pub(crate) fn set(&mut self, kind: &str, name: &str, age: Duration) {
        let labels = (kind.to_owned(), self.label(name));
        if self.shown.as_ref() != Some(&labels) {
            self.clear();
        }

        gauge(&labels).set(age.as_secs_f64());
        self.shown = Some(labels);
    }

    /// No snapshot is held.
    pub(crate) fn clear(&mut self) {
        if let Some(labels) = self.shown.take() {
            // A gauge can't be taken out of the registry, and its last value would be shown for
            // ever.
            gauge(&labels).set(0.0);
        }
    }

    fn label(&mut self, name: &str) -> String {
        if !self.names.contains(name) {
            if self.names.len() >= MAX_NAMES {
                return OTHER.to_owned();
            }
            self.names.insert(name.to_owned());
        }

        name.to_owned()
    }
}

fn gauge((kind, name): &(String, String)) -> metrics::Gauge {
    metrics::gauge!(OLDEST_SNAPSHOT, "kind" => kind.clone(), "name" => name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let mut metric = SnapshotMetric::default();
        for number in 0..MAX_NAMES {
            let name = number.to_string();
            assert_eq!(metric.label(&name), name);
        }

        assert_eq!(metric.label("one more"), OTHER);
        assert_eq!(metric.label("0"), "0");
    }
}
