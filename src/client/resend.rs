//! `bellwire resend`: sends what failed of an Operation again.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::client::api::Api;
use crate::client::exit::{Exit, Failure, Result};
use crate::client::ids::{OPERATION, check};
use crate::client::profile::ConnectionArguments;
use crate::client::screen::Screen;
use crate::client::text::printable;

/// Options of `bellwire resend`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The id of an Operation that has ended.
    operation: String,
    /// Only failures with this code, such as EXPIRED; may be repeated. Without it, permanent failures,
    /// such as dead tokens, are left out.
    #[arg(long)]
    code: Vec<String>,
    /// Only the recipient at this position of the first request, from 0; may be repeated.
    #[arg(long, value_name = "NUMBER", conflicts_with = "code")]
    position: Vec<u32>,
    /// Print JSON: the answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// Prints the id of the new Operation, for `bellwire watch`.
pub(super) async fn run(arguments: Arguments, api: &Api, screen: &Screen) -> Result<Exit> {
    let Arguments {
        operation,
        code,
        position,
        json,
        ..
    } = arguments;
    let id = check(&operation, &[OPERATION])?;

    let mut body = Map::new();
    if !code.is_empty() {
        body.insert("codes".to_owned(), json!(code));
    }
    if !position.is_empty() {
        body.insert("recipients".to_owned(), json!(position));
    }
    let body = Value::Object(body).to_string();
    let answer = api.post(format!("/Operations/{id}/Resend"), body).await?;

    if json {
        screen.print_json(&answer)?;
    } else {
        let Some(new) = answer["operationId"].as_str() else {
            return Err(Failure::failed("the answer has no operationId"));
        };
        screen.print(&printable(new))?;
    }
    Ok(Exit::Done)
}
