//! `/u/reset-password`: the holder of a ticket chooses a new password.

use axum::body::Body;
use axum::extract::State;
use http::Request;

use super::page::escaped;
use super::{Page, Visit};
use crate::management::tickets::destination;
use crate::management::tickets::redemption::{self, Refusal, Usable};
use crate::management::tickets::ticket::Purpose;
use crate::passwords::MAX_BYTES;
use crate::tenants::Tenants;

pub(super) async fn show(State(tenants): State<Tenants>, request: Request<Body>) -> Page {
    match Visit::read(&tenants, request).await {
        Ok(visit) => form(&visit, None).await.unwrap_or_else(|error| refused(&error)),
        Err(page) => page,
    }
}

pub(super) async fn accept(State(tenants): State<Tenants>, request: Request<Body>) -> Page {
    match Visit::read(&tenants, request).await {
        Ok(visit) => change(&visit).await.unwrap_or_else(|error| refused(&error)),
        Err(page) => page,
    }
}

async fn change(visit: &Visit) -> Result<Page, Refusal> {
    let field = |name: &str| visit.form.find(name).unwrap_or_default();
    let password = field("password-reset");
    if password.is_empty() {
        return form(visit, Some("Enter a new password.")).await;
    }
    if password != field("re-enter-password") {
        return form(visit, Some("The two passwords are not the same.")).await;
    }
    let event = visit.log_event("scp");
    let outcome = redemption::reset_password(&visit.tenant, &visit.code, password, &event).await;
    match outcome {
        Ok(usable) => {
            let destination = destination::of(visit.tenant.store(), &usable).await?;
            Ok(Page::new("Your password has been changed")
                .paragraph("From now on, log in with the new password.")
                .onwards(destination.as_ref()))
        }
        Err(Refusal::Weak(weakness)) => form(visit, Some(weakness.in_words())).await,
        Err(Refusal::TooLong) => {
            let problem = format!("The password is longer than {MAX_BYTES} characters.");
            form(visit, Some(&problem)).await
        }
        Err(refusal) => Err(refusal),
    }
}

/// The form, if the ticket can be used.
async fn form(visit: &Visit, problem: Option<&str>) -> Result<Page, Refusal> {
    let (store, purpose) = (visit.tenant.store(), Purpose::PasswordChange);
    let usable = redemption::find(store, purpose, &visit.code, visit.now).await?;
    let usable = usable.ok_or(Refusal::Unusable)?;
    let page = Page::new("Choose a new password").with_problem(problem);
    Ok(page.markup(&fields(&usable, &visit.code, problem.is_some())))
}

fn fields(usable: &Usable, code: &str, has_problem: bool) -> String {
    let mut rules = String::new();
    for rule in usable.policy().in_words() {
        rules.extend([
            "<li>",
            &escaped(&rule),
            "</li>
",
        ]);
    }
    let (mark, about) =
        if has_problem { (" aria-invalid=\"true\"", "problem rules") } else { ("", "rules") };
    format!(
        "<form method=\"post\" action=\"/u/reset-password\">\n\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">\n\
         <div id=\"rules\">\n<p>The password needs:</p>\n<ul>\n{rules}</ul>\n</div>\n\
         <label for=\"password\">New password</label>\n\
         <input id=\"password\" name=\"password-reset\" type=\"password\" autocomplete=\"new-password\" required \
         aria-describedby=\"{about}\"{mark}>\n\
         <label for=\"again\">New password, once more</label>\n\
         <input id=\"again\" name=\"re-enter-password\" type=\"password\" autocomplete=\"new-password\" required{mark}>\n\
         <button type=\"submit\">Change password</button>\n</form>\n",
        escaped(code)
    )
}

fn refused(refusal: &Refusal) -> Page {
    match refusal {
        Refusal::Unusable => Page::unusable(),
        other => Page::failed(other),
    }
}
