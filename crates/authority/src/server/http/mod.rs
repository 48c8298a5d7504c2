//! The service over HTTP: which path is whose, and what every request goes through.

mod admin;
mod cvs;
mod fs;
mod host;
mod listener;
mod mac;
mod operations;
mod places;
mod reply;
mod shell;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post};

use super::service::Service;
pub(crate) use listener::{Listener, Peer, Tls, certificates as read_certificates, read as read_tls};
pub(crate) use shell::Shell;

/// Where relying parties ask.
const FS: &str = "/FS";

/// What apps, devices and relying parties reach.
pub(crate) fn public(service: &Arc<Service>, shell: Shell) -> Router {
    const CVS: &str = "/applications/cvs/v4/mobile";
    let router = Router::new()
        .route("/iwws/MAC", get(mac::answer))
        .route(&format!("{CVS}/smsCode"), post(cvs::send_code))
        .route(
            &format!("{CVS}/trustedPhoneNumber"),
            get(cvs::phone_number).post(cvs::add_phone_number).put(cvs::modify_phone_number),
        )
        .route(&format!("{CVS}/enrollments"), delete(cvs::remove_enrollments))
        .route("/connectedcar/v4/virtualkey/remoteaccess/token", post(token::exchange))
        .route("/.well-known/jwks.json", get(token::key_set))
        .route(FS, get(fs::authenticate));
    whole(router, service, shell)
}

/// What operators reach.
pub(crate) fn admin(service: &Arc<Service>, shell: Shell, guard: admin::Guard) -> Router {
    let guarded = Router::new()
        .route("/admin/v1/accounts", get(admin::accounts).post(admin::add_account))
        .route("/admin/v1/accounts/{account}", get(admin::account).delete(admin::remove_account))
        .route("/admin/v1/accounts/{account}/unblock", post(admin::unblock))
        .route("/admin/v1/accounts/{account}/devices", get(admin::devices))
        .route("/admin/v1/accounts/{account}/devices/{device}", delete(admin::remove_device))
        .route("/admin/v1/audit", get(admin::audit))
        .route("/admin/v1/openapi.json", get(admin::openapi))
        .layer(from_fn_with_state(guard, admin::check));
    let router = Router::new().merge(guarded).route("/metrics", get(operations::metrics));
    whole(router, service, shell)
}

/// What both listeners have.
fn whole(router: Router<Arc<Service>>, service: &Arc<Service>, shell: Shell) -> Router {
    router
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .layer(from_fn_with_state(shell, shell::around))
        .with_state(service.clone())
}

pub(crate) use admin::Guard;
