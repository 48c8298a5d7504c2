//! The cars of an account, for development: some public clients read the name of the customer from
//! this list before they request an SMS code. A service for production does not know cars.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::cvs;
use super::reply::ApiError;
use crate::service::Service;

/// Returns a list with one element: the account of the token as the customer, and no car.
pub(crate) async fn associations(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let account = cvs::account(&service, &headers)?;
    Ok(Json(json!([{"customer": account.as_str()}])))
}
