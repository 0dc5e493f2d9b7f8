//! Rules that values of the configuration must keep. All broken rules are reported at once.

use std::fmt::Debug;
use std::time::Duration;

use super::sections::is_https;
use super::values::variable;

/// Collects each broken rule as a sentence with its key, value and rule.
#[derive(Default)]
pub(super) struct Check {
    pub(super) broken: Vec<String>,
}

impl Check {
    /// `rule` completes "must be …".
    pub(super) fn holds(&mut self, holds: bool, key: &str, value: &dyn Debug, rule: &str) {
        if !holds {
            // Debug puts a string in quotes, so that spaces around it and an empty one can be seen.
            let value = match format!("{value:?}").as_str() {
                "None" => "not set".to_owned(),
                value => value.to_owned(),
            };
            self.broken.push(format!(
                "{key} is {value}, but must be {rule} ({})",
                variable(key)
            ));
        }
    }

    pub(super) fn at_least<T: Debug + PartialOrd + Copy>(&mut self, key: &str, value: T, least: T) {
        let rule = format!("at least {least:?}");
        self.holds(value >= least, key, &value, &rule);
    }

    pub(super) fn above_zero(&mut self, key: &str, value: Duration) {
        self.holds(!value.is_zero(), key, &value, "more than 0");
    }

    pub(super) fn https(&mut self, key: &str, address: &str) {
        self.holds(is_https(address), key, &address, "an https address");
    }
}
