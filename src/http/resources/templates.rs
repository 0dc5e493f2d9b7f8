//! `/PushNotifications/Templates`, an extension: content that an account stores, so that sends name it
//! by its id. A change makes a new version; a send keeps the version that it was accepted with.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::accepted::{Accepted, AcceptedResource};
use crate::http::audit;
use crate::http::auth::Caller;
use crate::http::body::JsonBody;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::idempotency::{IdempotencyKeyParam, Once};
use crate::http::openapi::{
    ChangeErrors, CreateErrors, ReadErrors, TemplateChangeRequest, TemplateRequest,
};
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::http::resources::template_fields::{read_change, read_new};
use crate::model::id::TemplateId;
use crate::model::message::{Message, MissingVariables};
use crate::store::templates::{
    self as store, ChangeError, NewTemplate, TemplateChange, VersionFilter,
};

/// How often a change is attempted, if other changes come between.
const ATTEMPTS: usize = 5;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Template {
    id: TemplateId,
    name: String,
    /// From 1; each change of the content makes a new one.
    version: i32,
    #[serde(flatten)]
    parts: TemplateParts,
    created_at: Date,
    updated_at: Date,
}

/// A version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TemplateVersion {
    version: i32,
    #[serde(flatten)]
    parts: TemplateParts,
    created_at: Date,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TemplateParts {
    /// As in a send.
    content: Map<String, Value>,
    /// By language tag, as in a send.
    localizations: Map<String, Value>,
    /// What variables are that neither a recipient, nor a send, nor a User has.
    defaults: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
struct TemplateList {
    templates: Vec<Template>,
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
struct TemplateVersionList {
    versions: Vec<TemplateVersion>,
    pagination: Pagination,
}

impl From<Message> for TemplateParts {
    fn from(message: Message) -> Self {
        let mut content = Map::new();
        for (name, value) in [
            ("title", json!(message.title)),
            ("body", json!(message.body)),
            ("image", json!(message.image)),
            ("data", json!(message.data)),
        ] {
            if !value.is_null() {
                content.insert(name.to_owned(), value);
            }
        }
        if message.missing_variables != MissingVariables::default() {
            content.insert(
                "missingVariables".to_owned(),
                json!(message.missing_variables),
            );
        }

        Self {
            content,
            localizations: message
                .localizations
                .into_iter()
                .map(|(tag, localization)| (tag, json!(localization)))
                .collect(),
            defaults: message.defaults.unwrap_or_default(),
        }
    }
}

impl From<store::Template> for Template {
    fn from(template: store::Template) -> Self {
        Self {
            id: template.id,
            name: template.name,
            version: template.version,
            parts: template.message.into(),
            created_at: Date(template.created_at),
            updated_at: Date(template.updated_at),
        }
    }
}

impl From<store::TemplateVersion> for TemplateVersion {
    fn from(version: store::TemplateVersion) -> Self {
        Self {
            version: version.version,
            parts: version.message.into(),
            created_at: Date(version.created_at),
        }
    }
}

fn change_error(error: ChangeError) -> ApiError {
    match error {
        ChangeError::TooMany => ApiError::invalid_field("", error.to_string()),
        ChangeError::NameTaken => ApiError::invalid_field("name", error.to_string()),
        ChangeError::Database(error) => error.into(),
    }
}

/// Stores a template (extension).
#[utoipa::path(
    post,
    path = "/v1/PushNotifications/Templates",
    operation_id = "createTemplate",
    tag = "Templates",
    params(IdempotencyKeyParam),
    request_body = TemplateRequest,
    responses((status = 201, description = "Stored", body = Template), CreateErrors),
)]
pub(crate) async fn create(
    request: HttpRequest,
    state: web::Data<State>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let account_id = body.caller.account_id;
    let bytes = body.bytes.clone();
    // On the pool, because the templates in it are parsed, which may take long.
    let (name, message) = state
        .work
        .run(account_id, move || read_new(&bytes))
        .await??;
    let id = TemplateId::generate();

    let mut answer = Once::new(&request, &state, body.caller, &body.bytes)
        .run(async |connection| {
            let new = NewTemplate {
                id,
                account_id,
                name: &name,
                message: &message,
            };
            let template = store::insert(connection, &new)
                .await
                .map_err(change_error)?;

            Ok(Accepted {
                body: json!(Template::from(template)),
                ..Accepted::resource(&request, &state, "Templates", id)
            })
        })
        .await?;

    // Here and not where it is stored: a repeat under the same Idempotency-Key is answered with a
    // 202 otherwise.
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

/// Templates in their newest versions, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Templates",
    operation_id = "listTemplates",
    tag = "Templates",
    params(PageParams),
    responses((status = 200, description = "A page of templates", body = TemplateList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let page = Page::of(caller, "templates", &mut query, &state.master_keys);
    query.check()?;

    let after = page.after().and_then(|id| id.parse().ok());
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut templates = store::list(turn.pool, caller.account_id, after, page.limit()).await?;
    drop(turn);

    let pagination = page.cut(&mut templates, &state.master_keys, |template| {
        template.id.to_string()
    });

    Ok(HttpResponse::Ok().json(TemplateList {
        templates: templates.into_iter().map(Template::from).collect(),
        pagination,
    }))
}

/// One template in its newest version (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Templates/{id}",
    operation_id = "fetchTemplate",
    tag = "Templates",
    params(("id" = TemplateId, Path)),
    responses((status = 200, description = "The template", body = Template), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let template = store::fetch(&state.pool, caller.account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(Template::from(template)))
}

/// The versions of a template that are kept, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/Templates/{id}/Versions",
    operation_id = "listTemplateVersions",
    tag = "Templates",
    params(("id" = TemplateId, Path), PageParams),
    responses((status = 200, description = "A page of versions", body = TemplateVersionList), ReadErrors),
)]
pub(crate) async fn versions(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<TemplateId>(&id)?;
    let mut query = Query::of(&request)?;
    let list = format!("versions of {id}");
    let page = Page::of(caller, &list, &mut query, &state.master_keys);
    query.check()?;

    let filter = VersionFilter {
        template_id: id,
        before: page.after().and_then(|version| version.parse().ok()),
        limit: page.limit(),
    };
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut versions = store::versions(turn.pool, caller.account_id, &filter).await?;
    drop(turn);

    // A template has at least one version.
    if versions.is_empty() && filter.before.is_none() {
        return Err(ApiError::not_found());
    }

    let pagination = page.cut(&mut versions, &state.master_keys, |version| {
        version.version.to_string()
    });

    Ok(HttpResponse::Ok().json(TemplateVersionList {
        versions: versions.into_iter().map(TemplateVersion::from).collect(),
        pagination,
    }))
}

/// Changes a template (extension). An absent field stays as it is; `null` removes `localizations`
/// or `defaults`. A change of anything but the name makes a new version.
#[utoipa::path(
    patch,
    path = "/v1/PushNotifications/Templates/{id}",
    operation_id = "updateTemplate",
    tag = "Templates",
    params(("id" = TemplateId, Path)),
    request_body = TemplateChangeRequest,
    responses((status = 202, description = "Changed", body = AcceptedResource), CreateErrors),
)]
pub(crate) async fn update(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    body: JsonBody,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<TemplateId>(&id)?;
    let account_id = body.caller.account_id;

    // A change applies to the version that was read. If another change was stored meanwhile, it is applied again.
    for _ in 0..ATTEMPTS {
        let current = store::fetch(&state.pool, account_id, id)
            .await?
            .ok_or_else(ApiError::not_found)?;
        let version = current.version;

        // Templates are parsed, which may take long.
        let bytes = body.bytes.clone();
        let read = move || read_change(&bytes, current.message);
        let change = state.work.run(account_id, read).await??;

        let change = TemplateChange {
            version,
            name: change.name.as_deref(),
            message: change.message.as_ref(),
        };
        let is_changed = state
            .pool
            .transaction(async |connection: &mut PgConnection| {
                let is_changed = store::update(&mut *connection, account_id, id, change)
                    .await
                    .map_err(change_error)?;
                if is_changed {
                    audit::record(connection, &request, body.caller, None).await?;
                }
                Ok::<_, ApiError>(is_changed)
            })
            .await?;
        if is_changed {
            return Ok(Accepted::resource(&request, &state, "Templates", id).respond());
        }
    }

    Err(ApiError::conflict(
        "The template is being changed by other requests; try again",
    ))
}

/// Deletes a template with its versions (extension). Sends that were accepted with it keep their
/// content.
#[utoipa::path(
    delete,
    path = "/v1/PushNotifications/Templates/{id}",
    operation_id = "deleteTemplate",
    tag = "Templates",
    params(("id" = TemplateId, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
)]
pub(crate) async fn delete(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id(&id)?;

    audit::recorded(&request, &state, caller, async |connection| {
        if !store::delete(connection, caller.account_id, id).await? {
            return Err(ApiError::not_found());
        }
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}
