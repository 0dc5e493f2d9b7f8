//! Stored templates: content that an account keeps under a name, with its versions.

use sqlx::types::Json;
use sqlx::{Connection, PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::model::id::{AccountId, TemplateId};
use crate::model::message::Message;

pub(crate) const MAX_TEMPLATES: i64 = 100;
/// Most versions of a template that are kept: the newest.
pub(crate) const MAX_VERSIONS: i32 = 50;

/// A template in its newest version.
#[derive(Debug)]
pub(crate) struct Template {
    pub id: TemplateId,
    pub name: String,
    pub version: i32,
    /// Only its content is set.
    pub message: Message,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[derive(Debug)]
pub(crate) struct TemplateVersion {
    pub version: i32,
    pub message: Message,
    pub created_at: OffsetDateTime,
}

pub(crate) struct NewTemplate<'a> {
    pub id: TemplateId,
    pub account_id: AccountId,
    pub name: &'a str,
    pub message: &'a Message,
}

/// Which versions of a template are listed.
pub(crate) struct VersionFilter {
    pub template_id: TemplateId,
    /// Lower than this one.
    pub before: Option<i32>,
    pub limit: i64,
}

/// What is changed of a template; `None`: that stays as it is.
#[derive(Clone, Copy)]
pub(crate) struct TemplateChange<'a> {
    /// The newest version that the change is made of.
    pub version: i32,
    pub name: Option<&'a str>,
    /// It makes a new version.
    pub message: Option<&'a Message>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("an account has at most {MAX_TEMPLATES} templates; delete one first")]
    TooMany,
    #[error("another template of the account has this name; choose another name")]
    NameTaken,
    #[error(transparent)]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for ChangeError {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error
            .as_database_error()
            .and_then(|error| error.constraint());

        match constraint {
            Some("templates_name") => Self::NameTaken,
            _ => Self::Database(error),
        }
    }
}

/// Stores a template in its first version, in a transaction within that of `connection`, if it has one.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    new: &NewTemplate<'_>,
) -> Result<Template, ChangeError> {
    let mut transaction = connection.begin().await?;

    // Changes of one account follow each other, or two requests could exceed the limit together.
    sqlx::query!(
        "select id from accounts where id = $1 for update",
        new.account_id.as_uuid(),
    )
    .fetch_one(&mut *transaction)
    .await?;

    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from templates where account_id = $1"#,
        new.account_id.as_uuid(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if count >= MAX_TEMPLATES {
        return Err(ChangeError::TooMany);
    }

    let row = sqlx::query!(
        "insert into templates (id, account_id, name) values ($1, $2, $3) returning version, created_at, updated_at",
        new.id.as_uuid(),
        new.account_id.as_uuid(),
        new.name,
    )
    .fetch_one(&mut *transaction)
    .await?;
    insert_version(&mut *transaction, new.id, row.version, new.message).await?;

    transaction.commit().await?;
    Ok(Template {
        id: new.id,
        name: new.name.to_owned(),
        version: row.version,
        message: new.message.clone(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

async fn insert_version(
    executor: impl PgExecutor<'_>,
    id: TemplateId,
    version: i32,
    message: &Message,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into template_versions (template_id, version, message) values ($1, $2, $3)",
        id.as_uuid(),
        version,
        Json(message) as Json<&Message>,
    )
    .execute(executor)
    .await?;

    Ok(())
}

/// Templates of an account in their newest versions, newest first: at most `limit`, older than `after`.
pub(crate) async fn list(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    after: Option<TemplateId>,
    limit: i64,
) -> sqlx::Result<Vec<Template>> {
    let rows = sqlx::query!(
        r#"
        select
            templates.id,
            templates.name,
            templates.version,
            template_versions.message as "message: Json<Message>",
            templates.created_at,
            templates.updated_at
        from templates
        join template_versions
            on template_versions.template_id = templates.id
            and template_versions.version = templates.version
        where templates.account_id = $1 and ($2::uuid is null or templates.id < $2)
        order by templates.id desc
        limit $3
        "#,
        account_id.as_uuid(),
        after.map(TemplateId::as_uuid),
        limit,
    )
    .fetch_all(executor)
    .await?;

    let templates = rows.into_iter().map(|row| Template {
        id: row.id.into(),
        name: row.name,
        version: row.version,
        message: row.message.0,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(templates.collect())
}

/// A template in its newest version.
pub(crate) async fn fetch(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: TemplateId,
) -> sqlx::Result<Option<Template>> {
    let row = sqlx::query!(
        r#"
        select
            templates.name,
            templates.version,
            template_versions.message as "message: Json<Message>",
            templates.created_at,
            templates.updated_at
        from templates
        join template_versions
            on template_versions.template_id = templates.id
            and template_versions.version = templates.version
        where templates.account_id = $1 and templates.id = $2
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(executor)
    .await?;

    Ok(row.map(|row| Template {
        id,
        name: row.name,
        version: row.version,
        message: row.message.0,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }))
}

/// The versions of a template of the account, newest first.
pub(crate) async fn versions(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    filter: &VersionFilter,
) -> sqlx::Result<Vec<TemplateVersion>> {
    let rows = sqlx::query!(
        r#"
        select
            template_versions.version,
            template_versions.message as "message: Json<Message>",
            template_versions.created_at
        from templates
        join template_versions on template_versions.template_id = templates.id
        where templates.account_id = $1
            and templates.id = $2
            and ($3::integer is null or template_versions.version < $3)
        order by template_versions.version desc
        limit $4
        "#,
        account_id.as_uuid(),
        filter.template_id.as_uuid(),
        filter.before,
        filter.limit,
    )
    .fetch_all(executor)
    .await?;

    let versions = rows.into_iter().map(|row| TemplateVersion {
        version: row.version,
        message: row.message.0,
        created_at: row.created_at,
    });
    Ok(versions.collect())
}

/// Changes a template. Returns `false` if it is gone or has another version by now.
pub(crate) async fn update(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: TemplateId,
    change: TemplateChange<'_>,
) -> Result<bool, ChangeError> {
    let mut transaction = connection.begin().await?;

    // The version is compared in the statement that changes it: of two changes of the same version,
    // the second finds another one and changes nothing.
    let changed = sqlx::query_scalar!(
        r#"
        update templates
        set name = coalesce($4, name), version = version + $5, updated_at = now()
        where account_id = $1 and id = $2 and version = $3
        returning version
        "#,
        account_id.as_uuid(),
        id.as_uuid(),
        change.version,
        change.name,
        i32::from(change.message.is_some()),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(new_version) = changed else {
        return Ok(false);
    };

    if let Some(message) = change.message {
        // Versions beyond the newest 50 are deleted with each insert, so no other task has to do
        // it.
        insert_version(&mut *transaction, id, new_version, message).await?;
        sqlx::query!(
            "delete from template_versions where template_id = $1 and version <= $2",
            id.as_uuid(),
            new_version - MAX_VERSIONS,
        )
        .execute(&mut *transaction)
        .await?;
    }

    transaction.commit().await?;
    Ok(true)
}

/// Deletes a template with its versions. Returns `false` if the account has no such template.
pub(crate) async fn delete(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    id: TemplateId,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from templates where account_id = $1 and id = $2",
        account_id.as_uuid(),
        id.as_uuid(),
    )
    .execute(executor)
    .await?;

    Ok(deleted.rows_affected() == 1)
}
