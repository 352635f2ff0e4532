//! The endpoints by which applications and people get tokens, and by which others verify them.

mod change_password;
mod client_authentication;
mod client_credentials;
mod discovery;
mod error;
mod form;
mod id_token;
mod login;
mod pages;
mod password;
mod refresh;
mod token;
mod userinfo;

use axum::Router;
use axum::routing::{get, post};

use crate::tenants::Tenants;

pub(crate) use error::OAuthError;

pub(crate) fn router() -> Router<Tenants> {
    Router::new()
        .route("/oauth/token", post(token::token))
        .route("/dbconnections/change_password", post(change_password::change_password))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::configuration))
        .merge(pages::router())
}
