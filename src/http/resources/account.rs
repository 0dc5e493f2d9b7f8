//! `/PushNotifications/Account` (extension): what a client sets for its account.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::openapi::{AccountRequest, CreateErrors, ReadErrors};
use crate::http::validation::{Object, Problems, parse_body};
use crate::model::id::AccountId;
use crate::model::push_cap::{MAX_PUSHES, PER_RULE, PushCap, period};
use crate::model::quoted::quoted;
use crate::store::user_pushes as store;

/// The settings of an account.
#[derive(Serialize, ToSchema)]
struct Account {
    id: AccountId,
    /// How many pushes each User gets; `null`: as many as are sent.
    cap: Option<Cap>,
}

/// At most `max` pushes to each User within any time of the length `per`.
#[derive(Serialize, ToSchema)]
struct Cap {
    max: u32,
    /// As it was given: such as `24h`, or a number of seconds.
    per: Value,
}

impl Account {
    fn new(id: AccountId, cap: Option<PushCap>) -> Self {
        Self {
            id,
            cap: cap.map(|cap| Cap {
                max: cap.max,
                per: cap.per,
            }),
        }
    }
}

/// The settings of the account (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Account",
    operation_id = "fetchAccount",
    tag = "Account",
    responses((status = 200, description = "The account", body = Account), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let cap = store::cap(&state.pool, caller.account_id).await?;

    Ok(HttpResponse::Ok().json(Account::new(caller.account_id, cap)))
}

/// Sets or removes the cap of pushes for each User of the account (extension).
///
/// It applies to notifications that are sent from then on.
#[utoipa::path(
    put,
    path = "/v1/PushNotifications/Account",
    operation_id = "updateAccount",
    tag = "Account",
    request_body = AccountRequest,
    responses((status = 200, description = "The account as it is now", body = Account), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let account_id = body.caller.account_id;
    let cap = read(&body.bytes)?;
    audit::recorded(&request, &state, body.caller, async |connection| {
        store::set_cap(connection, account_id, cap.as_ref()).await?;
        Ok(())
    })
    .await?;

    Ok(HttpResponse::Ok().json(Account::new(account_id, cap)))
}

/// The cap that a body sets. `null` takes it away, and has to be said.
fn read(bytes: &[u8]) -> Result<Option<PushCap>, ApiError> {
    let mut problems = Problems::default();
    let mut body = parse_body(bytes)?;

    // Asked of the field itself, because to the readers a null is the same as no field.
    let is_taken_away = body.is_null("cap");
    // A null is read here as well: what is not read is refused as an unknown field below.
    let value = if is_taken_away {
        body.take("cap")
    } else {
        body.require("cap", "an object, or null for no cap", &mut problems)
            .then(|| body.take("cap"))
            .flatten()
    };

    let cap = value.and_then(|value| {
        let mut cap = Object::of(value, body.at("cap"), &mut problems)?;
        let max_rule = format!("an integer from 1 to {MAX_PUSHES}");
        let max = cap
            .require("max", max_rule, &mut problems)
            .then(|| cap.integer_in("max", 1..=MAX_PUSHES, &mut problems))
            .flatten();

        let per = cap
            .require("per", PER_RULE, &mut problems)
            .then(|| cap.take("per"))
            .flatten();

        // Kept as the client wrote it, because `fetchAccount` shows it again: `24h` stays `24h`.
        if let Some(per) = &per
            && period(per).is_none()
        {
            problems.push(
                &cap.at("per"),
                format!("must be {PER_RULE}; got {}", quoted(per)),
            );
        }

        cap.refuse_unknown(&mut problems);

        Some(PushCap {
            max: max?,
            per: per?,
        })
    });
    body.refuse_unknown(&mut problems);

    problems.check()?;
    Ok(cap)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cap(body: &Value) -> Result<Option<PushCap>, String> {
        read(body.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_cap_is_set_or_taken_away() {
        let expected = PushCap {
            max: 3,
            per: json!("24h"),
        };
        assert_eq!(
            cap(&json!({"cap": {"max": 3, "per": "24h"}})),
            Ok(Some(expected))
        );
        assert_eq!(cap(&json!({"cap": null})), Ok(None));
    }

    #[test]
    fn anything_else_names_its_field() {
        for (body, field) in [
            (json!({}), "cap"),
            (json!({"cap": 3}), "cap"),
            (json!({"cap": {}}), "cap.max"),
            (json!({"cap": {"max": 0, "per": "24h"}}), "cap.max"),
            (json!({"cap": {"max": 1001, "per": "24h"}}), "cap.max"),
            (json!({"cap": {"max": "3", "per": "24h"}}), "cap.max"),
            (json!({"cap": {"max": 3}}), "cap.per"),
            (json!({"cap": {"max": 3, "per": "day"}}), "cap.per"),
            (json!({"cap": {"max": 3, "per": 0}}), "cap.per"),
            (json!({"cap": {"max": 3, "per": "31d"}}), "cap.per"),
            (
                json!({"cap": {"max": 3, "per": "24h", "burst": 1}}),
                "cap.burst",
            ),
            (json!({"cap": null, "name": "x"}), "name"),
        ] {
            let error = cap(&body).unwrap_err();
            assert!(error.contains(&format!(" {field}: ")), "{body}: {error}");
        }
    }
}
