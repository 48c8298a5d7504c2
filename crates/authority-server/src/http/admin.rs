//! The operators' routes. The guard before them ([`operators`](super::operators)) identifies the
//! operator and checks its roles.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;

use super::Peer;
use super::operators::KnownOperator;
use super::reply::{ApiError, device_name, object};
use crate::names;
use crate::service::Service;
use crate::views::{AccountView, AuditView, DeviceView};
use authority::{AccountName, Authority, Unblock};

/// Rows of a list, if the request gives no limit.
const PAGE: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountPage {
    after: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPage {
    account: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
}

/// The operator of a request, and the request's address.
type ByOperator = (Extension<KnownOperator>, Extension<Peer>);

trait ActAs {
    fn acting(&self, authority: &Authority) -> Authority;
}

impl ActAs for ByOperator {
    /// Returns the service, acting as this operator.
    fn acting(&self, authority: &Authority) -> Authority {
        let (Extension(known), Extension(Peer(address))) = self;
        authority.acting_as(&known.actor(), Some(*address))
    }
}

type QueryResult<T> = Result<Query<T>, axum::extract::rejection::QueryRejection>;

const BAD_QUERY: ApiError =
    ApiError::Malformed("the query has parameters that this path does not take, or in another form");

pub(crate) async fn accounts(
    State(service): State<Arc<Service>>,
    page: QueryResult<AccountPage>,
) -> Result<Response, ApiError> {
    let Query(AccountPage { after, limit }) = page.map_err(|_| BAD_QUERY)?;
    let after = after.as_deref().map(account_name).transpose()?;
    let found = service.step(move |authority| authority.accounts(after.as_ref(), limit.unwrap_or(PAGE))).await?;
    let views: Vec<AccountView> = found.into_iter().map(AccountView::from).collect();
    Ok(Json(json!({"accounts": views})).into_response())
}

pub(crate) async fn add_account(
    State(service): State<Arc<Service>>,
    by: ByOperator,
    body: Bytes,
) -> Result<Response, ApiError> {
    let body: NewAccount = object(&body).ok_or(ApiError::Malformed("the body must be {\"name\":\"…\"}"))?;
    let account = names::normal(&body.name).ok_or(ApiError::Malformed(names::RULE))?;
    let added = service.step(move |authority| by.acting(authority).add_account(&account)).await?;
    let (status, word) = if added { (StatusCode::CREATED, "OK") } else { (StatusCode::CONFLICT, "NOK:EXISTS") };
    Ok((status, Json(json!({"err": word}))).into_response())
}

pub(crate) async fn account(
    State(service): State<Arc<Service>>,
    Path(account): Path<String>,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    let found = service.step(move |authority| authority.account(&account)).await?;
    Ok(Json(AccountView::from(found.ok_or(ApiError::NotFound)?)).into_response())
}

pub(crate) async fn remove_account(
    State(service): State<Arc<Service>>,
    by: ByOperator,
    Path(account): Path<String>,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    changed(service.step(move |authority| by.acting(authority).remove_account(&account)).await?)
}

pub(crate) async fn unblock(
    State(service): State<Arc<Service>>,
    by: ByOperator,
    Path(account): Path<String>,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    let unblocked = service
        .step(move |authority| {
            let exists = authority.account(&account)?.is_some();
            Ok(if exists { Some(by.acting(authority).unblock(&account)?) } else { None })
        })
        .await?;
    let answer = match unblocked.ok_or(ApiError::NotFound)? {
        Unblock::Lifted => json!({"unblocked": true}),
        Unblock::NotBlocked => json!({"unblocked": false}),
        Unblock::TriesForgiven => json!({"unblocked": false, "unprovedTriesForgiven": true}),
        Unblock::PinBudgetSpent => json!({"unblocked": false, "reason": "pinBudgetSpent"}),
    };
    Ok(Json(answer).into_response())
}

pub(crate) async fn devices(
    State(service): State<Arc<Service>>,
    Path(account): Path<String>,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    let found = service
        .step(move |authority| {
            let exists = authority.account(&account)?.is_some();
            Ok(if exists { Some(authority.devices(&account)?) } else { None })
        })
        .await?;
    let views: Vec<DeviceView> = found.ok_or(ApiError::NotFound)?.into_iter().map(DeviceView::from).collect();
    Ok(Json(json!({"devices": views})).into_response())
}

pub(crate) async fn remove_device(
    State(service): State<Arc<Service>>,
    by: ByOperator,
    Path((account, device)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    changed(service.step(move |authority| by.acting(authority).remove_device(&account, &device)).await?)
}

pub(crate) async fn rename_device(
    State(service): State<Arc<Service>>,
    by: ByOperator,
    Path((account, device)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let account = account_name(&account)?;
    let name = device_name(&body)?;
    changed(service.step(move |authority| by.acting(authority).rename_device(&account, &device, &name)).await?)
}

pub(crate) async fn audit(
    State(service): State<Arc<Service>>,
    page: QueryResult<AuditPage>,
) -> Result<Response, ApiError> {
    let Query(AuditPage { account, before, limit }) = page.map_err(|_| BAD_QUERY)?;
    let account = account.as_deref().map(account_name).transpose()?;
    let before = before.map(|id| id.parse::<i64>()).transpose().map_err(|_| BAD_QUERY)?;
    let found =
        service.step(move |authority| authority.audit_log(account.as_ref(), before, limit.unwrap_or(PAGE))).await?;
    let views: Vec<AuditView> = found.into_iter().map(AuditView::from).collect();
    Ok(Json(json!({"audit": views})).into_response())
}

/// Returns the description of these paths (OpenAPI 3.1).
pub(crate) async fn openapi() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], include_str!("openapi.json")).into_response()
}

fn account_name(name: &str) -> Result<AccountName, ApiError> {
    AccountName::new(name)
        .ok_or(ApiError::Malformed("an account's name has 1 to 128 characters, none of them a control character"))
}

/// Returns the response to a change of something that may not exist.
fn changed(found: bool) -> Result<Response, ApiError> {
    if found { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(ApiError::NotFound) }
}
