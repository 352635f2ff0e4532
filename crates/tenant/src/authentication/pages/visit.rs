//! Somebody opens a page or sends its form.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use jiff::Timestamp;

use super::super::form::Form;
use super::Page;
use crate::logs::LogEvent;
use crate::pipeline::{Exchange, Origin};
use crate::tenants::{Tenant, Tenants};

/// One request to a page that a ticket opens.
pub(super) struct Visit {
    pub(super) tenant: Arc<Tenant>,
    pub(super) now: Timestamp,
    pub(super) form: Form,
    /// The ticket's code: the form's, or that of the address.
    pub(super) code: String,
    origin: Origin,
    exchange: Exchange,
}

impl Visit {
    /// A body that is no form is taken for a broken link.
    pub(super) async fn read(tenants: &Tenants, request: Request<Body>) -> Result<Self, Page> {
        let (parts, body) = request.into_parts();
        let tenant = tenants.addressed_by(&parts.headers);
        let form = Form::read(&parts.headers, body).await.map_err(|_| Page::unusable())?;
        let in_address = || {
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .find_map(|(name, value)| (name == "ticket").then(|| value.into_owned()))
        };
        let code = form.find("ticket").map(str::to_owned).or_else(in_address).unwrap_or_default();
        let origin = Origin::of(&parts.headers, tenants.scheme());
        let now = tenant.now();
        Ok(Self { tenant, now, form, code, origin, exchange: Exchange::of(&parts) })
    }

    /// A log event of this visit.
    pub(super) fn log_event(&self, kind: &'static str) -> LogEvent {
        LogEvent::new(kind, self.now)
            .at(&self.exchange.ip, &self.exchange.user_agent)
            .with("hostname", self.origin.host())
    }
}
