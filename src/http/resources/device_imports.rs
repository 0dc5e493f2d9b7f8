//! `/PushNotifications/DeviceRegistrations/Imports`, an extension: the progress of imports, and what was
//! wrong with their lines.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::State;
use crate::http::auth::Caller;
use crate::http::date::Date;
use crate::http::error::ApiError;
use crate::http::openapi::ReadErrors;
use crate::http::pagination::{Page, PageParams, Pagination};
use crate::http::path;
use crate::http::query::Query;
use crate::model::device_import::{ImportStatus, RowError};
use crate::model::id::DeviceImportId;
use crate::store::device_imports as store;

/// An import of a file of devices.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceImport {
    id: DeviceImportId,
    status: ImportStatus,
    /// `NDJSON` or `CSV`.
    format: String,
    /// Rows that were read so far: the sum of the four counts below.
    rows: i32,
    /// Devices that are new.
    created: i32,
    /// Rows that changed a device or its User.
    updated: i32,
    /// Rows that said nothing new.
    unchanged: i32,
    /// Rows with an error.
    failed: i32,
    /// The line up to which everything is stored or has failed, from 1; 0: nothing was read.
    last_line: i32,
    /// Why it ended before the end of the file; `null`: it did not.
    error: Option<String>,
    created_at: Date,
    updated_at: Date,
}

/// The import that was made, whole.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportAnswer {
    resource_id: DeviceImportId,
    /// The address of the import.
    resource_location: String,
    #[serde(flatten)]
    import: DeviceImport,
}

impl ImportAnswer {
    pub(crate) fn new(id: DeviceImportId, location: String, import: DeviceImport) -> Self {
        Self {
            resource_id: id,
            resource_location: location,
            import,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct DeviceImportList {
    imports: Vec<DeviceImport>,
    pagination: Pagination,
}

/// A problem with a row.
#[derive(Serialize, ToSchema)]
struct ImportError {
    /// The line on which the row ends, from 1.
    line: i32,
    /// Empty for the row as a whole.
    field: String,
    message: String,
}

#[derive(Serialize, ToSchema)]
struct ImportErrorList {
    errors: Vec<ImportError>,
    pagination: Pagination,
}

impl From<store::DeviceImport> for DeviceImport {
    fn from(import: store::DeviceImport) -> Self {
        Self {
            id: import.id,
            status: import.status,
            format: import.format,
            rows: import.counts.rows(),
            created: import.counts.created,
            updated: import.counts.updated,
            unchanged: import.counts.unchanged,
            failed: import.counts.failed,
            last_line: import.last_line,
            error: import.error,
            created_at: Date(import.created_at),
            updated_at: Date(import.updated_at),
        }
    }
}

impl From<RowError> for ImportError {
    fn from(error: RowError) -> Self {
        Self {
            line: error.line,
            field: error.field,
            message: error.message,
        }
    }
}

/// Imports of devices, newest first (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations/Imports",
    operation_id = "listDeviceImports",
    tag = "DeviceRegistrations",
    params(PageParams),
    responses((status = 200, description = "A page of imports", body = DeviceImportList), ReadErrors),
)]
pub(crate) async fn list(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let page = Page::of(caller, "imports", &mut query, &state.master_keys);
    query.check()?;

    let after = page.after().and_then(|id| id.parse().ok());
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut imports = store::list(turn.pool, caller.account_id, after, page.limit()).await?;
    drop(turn);
    let pagination = page.cut(&mut imports, &state.master_keys, |import| {
        import.id.to_string()
    });

    Ok(HttpResponse::Ok().json(DeviceImportList {
        imports: imports.into_iter().map(DeviceImport::from).collect(),
        pagination,
    }))
}

/// One import of devices, with its progress (extension).
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations/Imports/{id}",
    operation_id = "fetchDeviceImport",
    tag = "DeviceRegistrations",
    params(("id" = DeviceImportId, Path)),
    responses((status = 200, description = "The import", body = DeviceImport), ReadErrors),
)]
pub(crate) async fn fetch(
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let import = store::fetch(&state.pool, caller.account_id, path::id(&id)?)
        .await?
        .ok_or_else(ApiError::not_found)?;

    Ok(HttpResponse::Ok().json(DeviceImport::from(import)))
}

/// The problems with the rows of an import, by line (extension). At most 10,000 errors are kept.
#[utoipa::path(
    get,
    path = "/v1/PushNotifications/DeviceRegistrations/Imports/{id}/Errors",
    operation_id = "listDeviceImportErrors",
    tag = "DeviceRegistrations",
    params(("id" = DeviceImportId, Path), PageParams),
    responses((status = 200, description = "A page of errors", body = ImportErrorList), ReadErrors),
)]
pub(crate) async fn errors(
    request: HttpRequest,
    state: web::Data<State>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = path::id::<DeviceImportId>(&id)?;
    let mut query = Query::of(&request)?;
    let list = format!("importErrors {id}");
    let page = Page::of(caller, &list, &mut query, &state.master_keys);
    query.check()?;

    // The import must be the caller's: its errors are found by its id alone.
    let import = store::fetch(&state.pool, caller.account_id, id).await?;
    if import.is_none() {
        return Err(ApiError::not_found());
    }

    let after = page.after().and_then(|line| line.parse().ok());
    let turn = state.list_turns.next(caller.account_id).await?;
    let mut errors = store::errors(turn.pool, id, after.unwrap_or(0), page.limit()).await?;
    drop(turn);
    let pagination = page.cut(&mut errors, &state.master_keys, |error| {
        error.line.to_string()
    });

    Ok(HttpResponse::Ok().json(ImportErrorList {
        errors: errors.into_iter().map(ImportError::from).collect(),
        pagination,
    }))
}
