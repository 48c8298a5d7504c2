//! The service over HTTP: the routes, and the layers around them.

mod admin;
mod cars;
mod connection_limiter;
mod cvs;
mod forwarded;
mod fs;
mod host;
mod listener;
mod mac;
pub(crate) mod operations;
mod operators;
mod pipeline;
mod reply;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post};

use super::config::{Role, Stage};
use super::service::Service;
pub(crate) use cvs::response as cvs_response;
pub(crate) use forwarded::TrustedProxies;
pub(crate) use listener::{Listener, Peer, PeerCertificate, Tls, certificates as read_certificates, read as read_tls};
pub(crate) use mac::respond as mac_response;
use operators::Needs;
pub(crate) use operators::{Guard, KnownOperator, is_same_site};
pub(crate) use pipeline::{Pipeline, handle};
pub(crate) use reply::ApiError;

/// The path of relying parties.
const FS: &str = "/FS";

/// The routes of a listener.
pub(crate) type Routes = Router<Arc<Service>>;

/// Additions of a console to a listener: routes or layers.
pub(crate) trait Additions {
    /// Adds below the layers that every request passes.
    fn add_inside(&self, routes: Routes) -> Routes;

    /// Adds around these layers.
    fn add_outside(&self, routes: Routes) -> Routes;
}

/// Returns the routes for apps, devices and relying parties.
pub(crate) fn public(
    service: &Arc<Service>,
    pipeline: Pipeline,
    stage: Stage,
    console: Option<&dyn Additions>,
) -> Router {
    const CVS: &str = "/applications/cvs/v4/mobile";
    let mut router = Router::new()
        .route("/iwws/MAC", get(mac::answer))
        .route(&format!("{CVS}/smsCode"), post(cvs::send_code))
        .route(
            &format!("{CVS}/trustedPhoneNumber"),
            get(cvs::phone_number).post(cvs::add_phone_number).put(cvs::modify_phone_number),
        )
        .route(&format!("{CVS}/enrollments"), delete(cvs::remove_enrollments))
        .route(&format!("{CVS}/devices"), get(cvs::devices))
        .route(&format!("{CVS}/devices/{{device}}"), patch(cvs::rename_device).delete(cvs::remove_device))
        .route("/connectedcar/v4/virtualkey/remoteaccess/token", post(token::exchange))
        .route("/.well-known/jwks.json", get(token::key_set))
        .route(FS, get(fs::authenticate));
    if stage == Stage::Development {
        router = router.route("/applications/cvs/v4/mauv/car-associations", get(cars::associations));
    }
    let mut router = with_common_routes(router);
    if let Some(console) = console {
        router = console.add_inside(router);
    }
    router = router.layer(from_fn_with_state(pipeline, pipeline::handle));
    if let Some(console) = console {
        router = console.add_outside(router);
    }
    router.with_state(service.clone())
}

/// Returns the routes for operators, each with the role that it needs; with a console, its pages,
/// too.
pub(crate) fn admin(
    service: &Arc<Service>,
    pipeline: Pipeline,
    guard: Guard,
    console: Option<&dyn Additions>,
) -> Router {
    use Needs::SecondOperator;
    let role = Needs::Role;
    let routes = [
        ("/admin/v1/accounts", role(Role::Read), get(admin::accounts)),
        ("/admin/v1/accounts", role(Role::Add), post(admin::add_account)),
        ("/admin/v1/accounts/{account}", role(Role::Read), get(admin::account)),
        ("/admin/v1/accounts/{account}", SecondOperator(Role::Remove), delete(admin::remove_account)),
        ("/admin/v1/accounts/{account}/unblock", SecondOperator(Role::Unblock), post(admin::unblock)),
        ("/admin/v1/accounts/{account}/devices", role(Role::Read), get(admin::devices)),
        ("/admin/v1/accounts/{account}/devices/{device}", role(Role::Remove), patch(admin::rename_device)),
        ("/admin/v1/accounts/{account}/devices/{device}", SecondOperator(Role::Remove), delete(admin::remove_device)),
        ("/admin/v1/audit", role(Role::Read), get(admin::audit)),
        ("/admin/v1/openapi.json", role(Role::Read), get(admin::openapi)),
    ];
    let mut guarded = Router::new();
    for (path, needs, route) in routes {
        guarded = guarded.route(path, operators::require(&guard, needs, route));
    }
    let guarded = guarded.layer(from_fn_with_state(guard.clone(), operators::authenticate));
    let mut router = Router::new().merge(guarded).route("/metrics", get(operations::metrics));
    if let Some(console) = console {
        router = console.add_inside(router);
    }
    // The site of a request is checked before any route of this listener.
    router = with_common_routes(router)
        .layer(from_fn_with_state(guard, operators::same_site))
        .layer(from_fn_with_state(pipeline, pipeline::handle));
    if let Some(console) = console {
        router = console.add_outside(router);
    }
    router.with_state(service.clone())
}

/// Adds the routes and fallbacks of both listeners.
fn with_common_routes(router: Router<Arc<Service>>) -> Router<Arc<Service>> {
    router
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .fallback(reply::not_found)
        .method_not_allowed_fallback(reply::method_not_allowed)
}
