//! The consoles: pages in the browser for the operator on call ([`operators`]) and for a developer
//! ([`development`]). The service renders every page. A page works without its script, which only
//! makes it more convenient.
//!
//! - No page has an inline script or style: the content security policy forbids them.
//! - A page changes something only by a form with the token of its session.
//! - The texts are in `texts/`, the templates in `templates/`, the files for the browser in
//!   `assets/`.

mod assets;
mod chart;
pub(crate) mod development;
mod form;
mod moment;
pub(crate) mod operators;
mod page;
mod sessions;
mod texts;
