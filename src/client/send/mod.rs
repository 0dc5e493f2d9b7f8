//! `bellwire send`: sends to any number of recipients. One request takes 10,000, so more are cut into
//! several Operations, each with an `Idempotency-Key` of its own.

use std::sync::Arc;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

mod chunks;
mod message;
mod recipients;

use crate::client::api::{Api, Ask, new_key};
use crate::client::api_error::ApiError;
use crate::client::exit::{Exit, Failure, Result};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::send::chunks::{Chunk, Chunks};
use crate::client::send::message::{MessageArguments, named};
use crate::client::send::recipients::{RecipientArguments, Targets};
use crate::client::text::{counted, printable};
use crate::client::watch::{Watching, watch};

/// Requests at a time.
const AT_ONCE: usize = 4;
/// Operations that wait to be watched.
const ACCEPTED: usize = 1024;
/// Most problems of a request that are printed.
const PROBLEMS: usize = 10;

/// Options of `bellwire send`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipients: RecipientArguments,
    #[command(flatten)]
    message: MessageArguments,
    /// Wait until all is sent, with a progress bar, and print a line for each Operation that has ended.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    watching: Watching,
    /// Check everything, send nothing, and exit with 1 if anything is wrong.
    #[arg(long, conflicts_with = "wait")]
    validate: bool,
    /// A name for this send, up to 200 characters. The same command with the same name sends nothing
    /// twice within 24 hours, so it can be repeated after a failure.
    #[arg(long, value_name = "NAME", value_parser = name_of_send)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

fn name_of_send(text: &str) -> std::result::Result<String, String> {
    let is_printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    // Bellwire takes 255 characters, and the number of the request follows.
    if (1..=200).contains(&text.len()) && is_printable && text.trim() == text {
        return Ok(text.to_owned());
    }

    Err("must be 1 to 200 printable ASCII characters, without a space at either end".to_owned())
}

pub(super) async fn run(arguments: Arguments, api: Arc<Api>, screen: &Screen) -> Result<Exit> {
    let Arguments {
        recipients,
        message,
        wait,
        watching,
        validate,
        idempotency_key,
        ..
    } = arguments;
    let mut body = message.body()?;
    if validate {
        body.insert("validateOnly".to_owned(), json!(true));
    }
    let targets = recipients.targets(&mut body)?;
    let is_json = watching.json;

    let (accepted, ids) = mpsc::channel(ACCEPTED);
    let sending = Sending {
        api: Arc::clone(&api),
        screen,
        body,
        options: message.given().into(),
        // Also without a name: a repeat after a lost answer must find the first one.
        key: idempotency_key.unwrap_or_else(new_key),
        // With --wait, `watch` prints the Operations when they have ended.
        prints_json: is_json && !wait,
        prints_ids: !is_json,
        accepted: wait.then_some(accepted),
        report: Report::default(),
    };
    if !wait {
        return sending.run(targets).await;
    }

    // What was accepted is watched while the rest is being sent, and to its end if the rest fails.
    let (sent, watched) = tokio::join!(sending.run(targets), watch(api, screen, ids, &watching));
    match sent? {
        Exit::Done => watched,
        exit => Ok(exit),
    }
}

/// The fields of the request that options gave, each with its option. Requests share it.
type Options = Arc<[(&'static str, &'static str)]>;

struct Sending<'a> {
    api: Arc<Api>,
    screen: &'a Screen,
    /// The request without its recipients.
    body: Map<String, Value>,
    options: Options,
    /// The beginning of each `Idempotency-Key`.
    key: String,
    prints_json: bool,
    prints_ids: bool,
    /// Where the ids go that are watched.
    accepted: Option<mpsc::Sender<Result<String>>>,
    report: Report,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Report {
    operations: u64,
    recipients: u64,
    /// A request may have been accepted, and its answer lost.
    is_ambiguous: bool,
    /// The output is closed, so the ids are not printed.
    is_unread: bool,
    is_invalid: bool,
}

/// The answer to a request.
struct Answer {
    chunk: Chunk,
    body: Value,
}

/// Why a request has no answer.
struct Refused {
    failure: Failure,
    is_ambiguous: bool,
}

impl Sending<'_> {
    async fn run(mut self, targets: Targets) -> Result<Exit> {
        let sent = self.send_all(targets).await;

        match sent {
            Ok(()) if self.report.is_invalid => Ok(Exit::Failed),
            Ok(()) => Ok(Exit::Done),
            Err(failure) => Err(self.report.explained(failure, &self.key, &self.body)),
        }
    }

    async fn send_all(&mut self, targets: Targets) -> Result<()> {
        let mut chunks = Chunks::new(targets);
        // Ordered: the ids are printed in the order of the file, whichever answer comes first.
        let mut asking = FuturesOrdered::new();
        let mut failure = None;
        let mut number = 0;
        let mut has_more = true;

        loop {
            // After a failure, the rest of the file is left for a repeat of the command.
            let is_wanted = has_more && failure.is_none() && asking.len() < AT_ONCE;
            tokio::select! {
                chunk = chunks.next(), if is_wanted => match chunk {
                    Ok(Some(chunk)) => {
                        number += 1;
                        asking.push_back(self.ask(chunk, number));
                    }
                    Ok(None) => has_more = false,
                    Err(wrong) => failure = Some(wrong),
                },
                // The answers to requests under way are reported, even if an earlier one failed.
                Some(answer) = asking.next() => match answer {
                    Ok(answer) => self.take(answer).await?,
                    Err(refused) => {
                        self.report.is_ambiguous |= refused.is_ambiguous;
                        failure = failure.or(Some(refused.failure));
                    }
                },
                else => break,
            }
        }

        match failure {
            Some(failure) => Err(failure),
            None if number == 0 => Err(Failure::failed(format!(
                "nothing was sent: {} has no recipient",
                chunks.source()
            ))),
            None => Ok(()),
        }
    }

    /// The request for one chunk of recipients.
    fn ask(
        &self,
        chunk: Chunk,
        number: u64,
    ) -> impl Future<Output = std::result::Result<Answer, Refused>> + use<> {
        let mut body = self.body.clone();
        body.insert("to".to_owned(), Value::Array(chunk.to.clone()));
        let body = Value::Object(body).to_string();
        // The same file gives each request the same number again. Bellwire refuses a key that comes
        // with another body (409).
        let ask = Ask::post("", body, format!("{}-{number}", self.key));
        let api = Arc::clone(&self.api);
        let options = Arc::clone(&self.options);

        async move {
            let answer = api.try_json(&ask).await;
            let body = answer.map_err(|error| Refused {
                is_ambiguous: error.is_ambiguous(),
                failure: failure_of(error, &chunk, &options),
            })?;
            Ok(Answer { chunk, body })
        }
    }

    async fn take(&mut self, answer: Answer) -> Result<()> {
        let Answer { chunk, mut body } = answer;
        let recipients = chunk.to.len();
        if let Some(is_valid) = body["valid"].as_bool() {
            self.report.is_invalid |= !is_valid;
            chunk.count_from_the_first(&mut body);
            return self.print_checked(&chunk, &body, is_valid);
        }

        let Some(id) = body["operationId"].as_str() else {
            return Err(Failure::failed(
                "the answer has no operationId: check the address, and the proxies in between",
            ));
        };
        self.report.operations += 1;
        self.report.recipients += recipients as u64;
        if let Some(accepted) = &self.accepted {
            // The channel is closed if `--timeout` has ended `watch`. Sending goes on.
            let _ = accepted.send(Ok(id.to_owned())).await;
        }

        if self.prints_json {
            let mut line = body.clone();
            line["recipients"] = json!(recipients);
            self.print(&line.to_string())
        } else if self.prints_ids {
            self.print(&printable(id))
        } else {
            Ok(())
        }
    }

    /// Prints a line, if the output is open. Sending goes on if it is closed.
    fn print(&mut self, line: &str) -> Result<()> {
        if self.report.is_unread {
            return Ok(());
        }

        match self.screen.print(line) {
            Err(failure) if failure.exit == Exit::Done => {
                self.report.is_unread = true;
                Ok(())
            }
            printed => printed,
        }
    }

    fn print_checked(&mut self, chunk: &Chunk, body: &Value, is_valid: bool) -> Result<()> {
        if self.prints_json {
            return self.print(&body.to_string());
        }
        if is_valid {
            return self.print("valid");
        }

        let errors = body["errors"].as_array().into_iter().flatten();
        for error in errors {
            let of = |name: &str| printable(error[name].as_str().unwrap_or_default());
            let place = match error["position"].as_u64() {
                Some(position) => chunk.place_of(position),
                None => named(&of("field"), &self.options),
            };
            self.print(&format!("{place}: {} {}", of("code"), of("message")))?;
        }
        Ok(())
    }
}

impl Report {
    /// A failure with what to do about the recipients that are left. `key` begins each
    /// `Idempotency-Key`, and `body` is that of the requests.
    fn explained(&self, failure: Failure, key: &str, body: &Map<String, Value>) -> Failure {
        let is_check = body.get("validateOnly") == Some(&Value::Bool(true));
        let accepted = match self.operations {
            0 if self.is_ambiguous && !is_check => {
                "A request may have been accepted, and its answer lost".to_owned()
            }
            // Nothing was accepted, so a plain repeat sends nothing twice.
            0 => return failure,
            operations => format!(
                "{} with {} were accepted before",
                counted(operations, "Operation"),
                counted(self.recipients, "recipient")
            ),
        };
        // A duration from now would be another time in the repeat, which Bellwire refuses under
        // this key.
        let schedule = body.get("schedule").unwrap_or(&Value::Null);
        let at = match schedule["sendAt"][0].as_str() {
            Some(at) => format!(", --at {}", printable(at)),
            None => String::new(),
        };

        Failure {
            message: format!(
                "{}. {accepted}. Repeat the command with --idempotency-key '{key}'{at} and the same \
                 recipients: recipients that were accepted get nothing twice",
                failure.message.trim_end_matches('.'),
            ),
            ..failure
        }
    }
}

/// The failure of a request, with the lines of the recipients that are wrong.
fn failure_of(error: ApiError, chunk: &Chunk, options: &Options) -> Failure {
    let problems = match &error {
        ApiError::Permanent { problems, .. } => problems.clone(),
        ApiError::Temporary { .. } => Vec::new(),
    };
    let failure = error.into_failure();
    if problems.is_empty() {
        return failure;
    }

    let mut messages: Vec<String> = problems
        .iter()
        .take(PROBLEMS)
        .map(|problem| {
            let place = named(&chunk.place(&problem.field), options);
            format!("{place}: {}", problem.message)
        })
        .collect();
    if problems.len() > PROBLEMS {
        messages.push(format!("and {} more", problems.len() - PROBLEMS));
    }
    Failure {
        message: messages.join("; "),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(report: &Report, body: &Value) -> String {
        let body = body.as_object().cloned().unwrap_or_default();
        let failure = Failure::unavailable("it is away.");
        report.explained(failure, "k", &body).message
    }

    #[test]
    fn a_failure_names_the_key_if_anything_may_have_been_accepted() {
        let mut report = Report::default();
        assert_eq!(said(&report, &json!({})), "it is away.");

        report.is_ambiguous = true;
        assert!(
            said(&report, &json!({})).starts_with(
                "it is away. A request may have been accepted, and its answer lost. Repeat the \
                 command with --idempotency-key 'k' and the same recipients"
            ),
            "{}",
            said(&report, &json!({}))
        );

        let check = said(&report, &json!({"validateOnly": true}));
        assert_eq!(check, "it is away.", "a check sends nothing");

        report.operations = 1;
        report.recipients = 2;
        let body = json!({"schedule": {"sendAt": ["2026-11-30T09:00:00Z"]}});
        let text = said(&report, &body);
        assert!(
            text.contains("1 Operation with 2 recipients were accepted before")
                && text.contains("--idempotency-key 'k', --at 2026-11-30T09:00:00Z and the same"),
            "{text}"
        );
    }
}
