//! The fields of a webhook, as a request gives them.

use serde_json::{Value, json};
use url::Url;

use crate::http::State;
use crate::http::error::ApiError;
use crate::http::validation::{Object, Path, Problems, either, must_be, parse_body, quoted_string};
use crate::http::{app_name, tags, webhook_url};
use crate::model::field_change::FieldChange;
use crate::model::id::AccountId;
use crate::model::webhook::{Envelope, EventType};
use crate::store::apps::{self, AppFilter};

/// Longest description, in characters.
pub(in crate::http) const MAX_DESCRIPTION: usize = 256;

const STATUSES: [(&str, bool); 2] = [("ENABLED", true), ("DISABLED", false)];

/// The fields of a webhook that is created.
pub(super) struct NewFields {
    pub(super) url: Url,
    pub(super) events: Vec<EventType>,
    pub(super) app_name: Option<String>,
    pub(super) tags: Option<Value>,
    pub(super) description: Option<String>,
    pub(super) envelope: Envelope,
}

impl NewFields {
    pub(super) async fn read(
        body: &[u8],
        state: &State,
        account_id: AccountId,
    ) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut fields = parse_body(body)?;

        let url = if fields.require("url", "an https URL", &mut problems) {
            webhook_url::read(&mut fields, "url", state.address_guard, &mut problems).await
        } else {
            None
        };
        let events = if fields.require("events", events_rule(), &mut problems) {
            events(&mut fields, &mut problems)
        } else {
            None
        };
        let app_name = app_name::read(&mut fields, &mut problems);
        let tags = some_tags(&mut fields, &mut problems);
        let description = description(&mut fields, &mut problems);
        let envelope = envelope(&mut fields, &mut problems).unwrap_or_default();
        fields.refuse_unknown(&mut problems);

        check_app(state, account_id, app_name.as_deref(), &mut problems).await?;

        let (url, events) = problems.check_some(url.zip(events))?;
        Ok(Self {
            url,
            events,
            app_name,
            tags,
            description,
            envelope,
        })
    }
}

/// The fields of a change. `null` clears a field that may be absent, and gives `envelope` its default.
pub(super) struct ChangedFields {
    pub(super) url: Option<Url>,
    pub(super) events: Option<Vec<EventType>>,
    pub(super) app_name: FieldChange<String>,
    pub(super) tags: FieldChange<Value>,
    pub(super) description: FieldChange<String>,
    pub(super) envelope: Option<Envelope>,
    pub(super) is_enabled: Option<bool>,
}

impl ChangedFields {
    pub(super) async fn read(
        body: &[u8],
        state: &State,
        account_id: AccountId,
    ) -> Result<Self, ApiError> {
        let mut problems = Problems::default();
        let mut fields = parse_body(body)?;

        // Asked before the fields are read, because reading takes a null out too.
        let clears_app_name = fields.is_null("appName");
        let clears_tags = fields.is_null("tags");
        let clears_description = fields.is_null("description");
        let resets_envelope = fields.is_null("envelope");

        let app_name = app_name::read(&mut fields, &mut problems);
        check_app(state, account_id, app_name.as_deref(), &mut problems).await?;

        let read = Self {
            url: webhook_url::read(&mut fields, "url", state.address_guard, &mut problems).await,
            events: events(&mut fields, &mut problems),
            app_name: FieldChange::of(app_name, clears_app_name),
            // An empty object narrows nothing.
            tags: match tags::read(&mut fields, &mut problems) {
                Some(tags) if tags == json!({}) => FieldChange::Clear,
                tags => FieldChange::of(tags, clears_tags),
            },
            description: FieldChange::of(
                description(&mut fields, &mut problems),
                clears_description,
            ),
            envelope: envelope(&mut fields, &mut problems)
                .or_else(|| resets_envelope.then(Envelope::default)),
            is_enabled: fields.one_of("status", &STATUSES, &mut problems),
        };
        fields.refuse_unknown(&mut problems);
        problems.check()?;

        Ok(read)
    }
}

fn events_rule() -> String {
    let names = EventType::ALL.map(EventType::as_str);

    format!("an array of at least one of {}", either(&names))
}

/// Reads `events`, each once.
fn events(fields: &mut Object<'_>, problems: &mut Problems) -> Option<Vec<EventType>> {
    let value = fields.take("events")?;
    let path = fields.at("events");

    let Value::Array(values) = value else {
        problems.push(&path, must_be(&events_rule(), &value));
        return None;
    };
    if values.is_empty() {
        problems.push(&path, format!("must be {}; got none", events_rule()));
        return None;
    }

    let mut events = Vec::new();
    let mut is_complete = true;
    for (index, value) in values.iter().enumerate() {
        let path = Path::Index(&path, index);

        match value.as_str().map(str::parse::<EventType>) {
            Some(Ok(event)) if events.contains(&event) => {}
            Some(Ok(event)) => events.push(event),
            Some(Err(unknown)) => {
                is_complete = false;
                let names = EventType::ALL.map(EventType::as_str);
                problems.push(
                    &path,
                    format!(
                        "must be {}; got {}",
                        either(&names),
                        quoted_string(&unknown.0)
                    ),
                );
            }
            None => {
                is_complete = false;
                problems.push(&path, must_be("the name of an event", value));
            }
        }
    }

    is_complete.then_some(events)
}

/// Reads `tags`. An empty object narrows nothing.
fn some_tags(fields: &mut Object<'_>, problems: &mut Problems) -> Option<Value> {
    tags::read(fields, problems).filter(|tags| tags != &json!({}))
}

fn description(fields: &mut Object<'_>, problems: &mut Problems) -> Option<String> {
    let description = fields.string("description", problems)?;

    let length = description.chars().count();
    if length > MAX_DESCRIPTION {
        problems.push(
            &fields.at("description"),
            format!("must be at most {MAX_DESCRIPTION} characters; got {length}"),
        );
    }

    Some(description)
}

fn envelope(fields: &mut Object<'_>, problems: &mut Problems) -> Option<Envelope> {
    let name = fields.string("envelope", problems)?;
    let names = Envelope::ALL.map(Envelope::as_str);

    let envelope = Envelope::ALL
        .into_iter()
        .find(|envelope| envelope.as_str().eq_ignore_ascii_case(&name));
    if envelope.is_none() {
        problems.push(
            &fields.at("envelope"),
            format!("must be {}; got {}", either(&names), quoted_string(&name)),
        );
    }

    envelope
}

/// The App must exist: a webhook for a misspelled name would never get a message.
async fn check_app(
    state: &State,
    account_id: AccountId,
    name: Option<&str>,
    problems: &mut Problems,
) -> Result<(), ApiError> {
    let Some(name) = name else {
        return Ok(());
    };

    let filter = AppFilter {
        name: Some(name),
        limit: 1,
        ..AppFilter::default()
    };
    if apps::list(&state.pool, account_id, &filter)
        .await?
        .is_empty()
    {
        problems.push_at(
            "appName",
            format!("no App is named '{name}'; an App is created with its first Credential"),
        );
    }

    Ok(())
}
