//! What `bellwire dev` prints once it is ready: where everything is, and what to try.

use std::fmt;

use crate::dev::demo;

/// Where everything is. Its text begins with `ready: ` and the URL of the API.
pub(super) struct Welcome<'a> {
    /// The URL of the HTTP API.
    pub api: String,
    /// `/docs/` is served.
    pub has_docs: bool,
    /// `/console` is served.
    pub has_console: bool,
    pub metrics: Option<String>,
    /// The control endpoint of the simulator.
    pub simulator: &'a str,
    /// The simulated FCM and APNs.
    pub fcm: &'a str,
    pub apns: &'a str,
    /// Where their keys and certificates for other programs are.
    pub files: String,
    /// For psql.
    pub database: String,
    pub log: String,
    pub data_directory: String,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = &self.api;
        writeln!(formatter, "ready: {api} (key dev, secret dev)")?;

        let docs = self.has_docs.then(|| format!("{api}/docs/"));
        let console = self
            .has_console
            .then(|| format!("{api}/console (key dev, secret dev)"));
        let metrics = self.metrics.as_ref().map(|url| format!("{url}/metrics"));
        let lines = [
            ("console", console),
            ("documentation", docs),
            ("metrics", metrics),
            (
                "arrived messages",
                Some(format!("{}/messages", self.simulator)),
            ),
            (
                "simulator",
                Some(format!(
                    "FCM {}, APNs {}, keys for other programs in {}",
                    self.fcm, self.apns, self.files
                )),
            ),
            ("database", Some(format!("psql '{}'", self.database))),
            ("log", Some(self.log.clone())),
        ];
        for (name, place) in lines {
            if let Some(place) = place {
                writeln!(formatter, "  {name:<16}  {place}")?;
            }
        }

        writeln!(
            formatter,
            "Ctrl-C stops everything; the data stays in {}.",
            self.data_directory
        )?;
        write!(
            formatter,
            "Try: curl -u dev:dev -H 'Content-Type: application/json' {api}/v1/PushNotifications -d '{}'",
            demo::EXAMPLE
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_everything_is_in_a_few_lines() {
        let text = Welcome {
            api: "http://127.0.0.1:8080".to_owned(),
            has_docs: true,
            has_console: true,
            metrics: Some("http://127.0.0.1:9464".to_owned()),
            simulator: "http://127.0.0.1:4000",
            fcm: "https://localhost:4001",
            apns: "https://localhost:4002",
            files: ".bellwire/simulator".to_owned(),
            database: "postgres://bellwire@%2Frun/bellwire".to_owned(),
            log: ".bellwire/bellwire.log".to_owned(),
            data_directory: ".bellwire".to_owned(),
        }
        .to_string();

        for place in [
            "ready: http://127.0.0.1:8080 ",
            "http://127.0.0.1:8080/docs/\n",
            "http://127.0.0.1:8080/console (key dev, secret dev)\n",
            "http://127.0.0.1:9464/metrics\n",
            "http://127.0.0.1:4000/messages\n",
            "FCM https://localhost:4001, APNs https://localhost:4002, keys for other programs in .bellwire/simulator\n",
            "psql 'postgres://bellwire@%2Frun/bellwire'\n",
            ".bellwire/bellwire.log\n",
            "Ctrl-C",
            "Try: curl ",
        ] {
            assert!(text.contains(place), "{place} is not in {text}");
        }
        assert!(text.lines().count() <= 10, "{text}");
    }
}
