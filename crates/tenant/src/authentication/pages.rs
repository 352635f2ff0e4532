//! The pages that a person sees. They work without JavaScript, load nothing and leave no trace in caches or referrers.

mod email_verification;
mod page;
mod reset_password;
mod visit;

use axum::Router;
use axum::routing::get;

use self::page::Page;
use self::visit::Visit;
use crate::tenants::Tenants;

pub(super) fn router() -> Router<Tenants> {
    Router::new()
        .route("/u/reset-password", get(reset_password::show).post(reset_password::accept))
        .route(
            "/u/email-verification",
            get(email_verification::show).post(email_verification::accept),
        )
}
