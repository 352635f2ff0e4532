//! The page of an approval: server-rendered, complete without scripts. Reading it answers nothing; the form does, with an
//! API key as the identity of whoever answers.

mod html;
mod render;

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use callboard_engine::{ApprovalError, ApprovalReply, Engine};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::decode::Segments;
use render::{Draft, Said};

const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Filled {
    key: SecretString,
    answer: Choice,
    #[serde(default)]
    reason: String,
    round: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Approve,
    Reject,
}

/// `GET /approvals/{id}`: shows, and answers nothing.
#[tracing::instrument(name = "http.approval_page.show", skip_all)]
pub(crate) async fn show(
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
) -> Response {
    page(&engine, &id, StatusCode::OK, None, &Draft::default()).await
}

/// `POST /approvals/{id}`: the form. A taken answer leads back to the page, so that reloading it sends nothing again.
#[tracing::instrument(name = "http.approval_page.answer", skip_all)]
pub(crate) async fn answer(
    State(engine): State<Arc<Engine>>,
    Segments(id): Segments<String>,
    filled: Result<Form<Filled>, FormRejection>,
) -> Response {
    let Ok(Form(Filled { key, answer, reason, round })) = filled else {
        let said = Said::problem("Choose Approve or Reject, and give your key.");
        return page(&engine, &id, StatusCode::BAD_REQUEST, Some(said), &Draft::default()).await;
    };
    let draft = Draft { reason: reason.clone() };
    let person = match engine.api_keys().check(key.expose_secret().trim()).await {
        Ok(Some(person)) => person,
        Ok(None) => {
            let said = Said::problem("This key is not valid. Your answer was not taken.");
            return page(&engine, &id, StatusCode::UNAUTHORIZED, Some(said), &draft).await;
        }
        Err(error) => return failed(&ApprovalError::Store(error)),
    };
    let reply = ApprovalReply {
        approve: answer == Choice::Approve,
        reason: Some(reason),
        round: Some(round),
    };
    match engine.answer_approval(&id, &person, reply).await {
        Ok(_) => guarded(Redirect::to(&format!("/approvals/{id}")).into_response()),
        Err(error @ ApprovalError::Store(_)) => failed(&error),
        Err(error) => {
            let status = crate::problem::status_of(&error);
            page(&engine, &id, status, Some(Said::refusal(&error)), &draft).await
        }
    }
}

/// `GET /assets/approval.css`
pub(crate) async fn style() -> Response {
    let mut response = include_str!("page/approval.css").into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}

async fn page(
    engine: &Engine,
    id: &str,
    status: StatusCode,
    said: Option<Said>,
    draft: &Draft,
) -> Response {
    match engine.approval(id).await {
        Ok(approval) => html(status, render::approval(&approval, said.as_ref(), draft)),
        Err(ApprovalError::Unknown { .. }) => html(StatusCode::NOT_FOUND, render::unknown()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &ApprovalError) -> Response {
    tracing::error!("the page of an approval cannot be shown: {error}");
    html(StatusCode::INTERNAL_SERVER_ERROR, render::broken())
}

fn html(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, html);
    guarded(response)
}

/// Nobody keeps a copy, nothing foreign is loaded, no other page frames it, and its address travels nowhere.
fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
