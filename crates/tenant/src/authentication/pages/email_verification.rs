//! `/u/email-verification`: the holder of a ticket confirms an address.
//!
//! Opening the link changes nothing, since scanners of mail open links too; the button does.

use axum::body::Body;
use axum::extract::State;
use http::Request;

use super::page::escaped;
use super::{Page, Visit};
use crate::management::tickets::destination;
use crate::management::tickets::redemption::{self, Refusal};
use crate::management::tickets::ticket::Purpose;
use crate::tenants::Tenants;

pub(super) async fn show(State(tenants): State<Tenants>, request: Request<Body>) -> Page {
    match Visit::read(&tenants, request).await {
        Ok(visit) => question(&visit).await.unwrap_or_else(|error| refused(&error)),
        Err(page) => page,
    }
}

pub(super) async fn accept(State(tenants): State<Tenants>, request: Request<Body>) -> Page {
    match Visit::read(&tenants, request).await {
        Ok(visit) => verify(&visit).await.unwrap_or_else(|error| refused(&error)),
        Err(page) => page,
    }
}

async fn question(visit: &Visit) -> Result<Page, Refusal> {
    let (store, purpose) = (visit.tenant.store(), Purpose::EmailVerification);
    let usable = redemption::find(store, purpose, &visit.code, visit.now).await?;
    let usable = usable.ok_or(Refusal::Unusable)?;
    let address = usable.subject.email().unwrap_or_default();
    let form = format!(
        "<form method=\"post\" action=\"/u/email-verification\">\n\
         <input type=\"hidden\" name=\"ticket\" value=\"{}\">\n\
         <button type=\"submit\">Confirm</button>\n</form>\n",
        escaped(&visit.code)
    );
    Ok(Page::new("Confirm your e-mail address")
        .paragraph(&format!("Is {address} your address?"))
        .markup(&form))
}

async fn verify(visit: &Visit) -> Result<Page, Refusal> {
    let event = visit.log_event("sv");
    let usable = redemption::verify_email(&visit.tenant, &visit.code, &event).await?;
    let destination = destination::of(visit.tenant.store(), &usable).await?;
    Ok(Page::new("Your e-mail address is confirmed").onwards(destination.as_ref()))
}

fn refused(refusal: &Refusal) -> Page {
    match refusal {
        Refusal::Unusable => Page::unusable(),
        other => Page::failed(other),
    }
}
