//! A user's enrolments for multi-factor authentication, recovery code and remembered browsers.

use serde_json::{Value, json};

use super::{BY_USER, find};
use crate::pipeline::{Answer, ApiError, Context, Request, Table};
use crate::store::{Key, Kind, Span, Transaction};

/// A device that a person enrolled at login.
pub(super) const ENROLLMENT: Kind = Kind("enrollment");
/// The one code with which a person gets in without a device.
pub(super) const RECOVERY_CODE: Kind = Kind("recovery_code");
/// A browser that is not asked for a second factor.
pub(super) const REMEMBERED_BROWSER: Kind = Kind("remembered_browser");

const MOST: u64 = 100;

pub(super) fn behaviours(table: &mut Table) {
    table.read("get_enrollments", enrollments);
    table.write("delete_authenticators", "Delete All Authenticators", delete_authenticators);
    table.write(
        "post_recovery-code-regeneration",
        "Generate New Multi-Factor Authentication Recovery Code",
        new_recovery_code,
    );
    table.write(
        "post_invalidate-remember-browser",
        "Invalidate All Remembered Browsers for Multi-factor Authentication",
        forget_browsers,
    );
}

async fn enrollments(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let found =
        context.store().matching(ENROLLMENT, BY_USER, &user.id, Span::page(0, MOST)).await?;
    Ok(Answer::ok(found.into_iter().map(|enrollment| enrollment.body).collect::<Vec<Value>>()))
}

async fn delete_authenticators(context: Context, request: Request) -> Result<Answer, ApiError> {
    let change = Transaction::new().delete_matching(ENROLLMENT, BY_USER, request.id());
    Ok(context.commit(change, Answer::no_content()).await?)
}

/// The old code, if there was one, stops working.
async fn new_recovery_code(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let code = context.tenant.random().alphanumeric(24).to_uppercase();
    let body = json!({"recovery_code": code});
    let keys = vec![Key::shared(BY_USER, user.id.as_str())];
    let change = Transaction::new().put(RECOVERY_CODE, user.id, body.clone(), keys);
    Ok(context.commit(change, Answer::ok(body)).await?)
}

async fn forget_browsers(context: Context, request: Request) -> Result<Answer, ApiError> {
    let user = find(&context, request.id()).await?;
    let change = Transaction::new().delete_matching(REMEMBERED_BROWSER, BY_USER, user.id);
    Ok(context.commit(change, Answer::no_content()).await?)
}
