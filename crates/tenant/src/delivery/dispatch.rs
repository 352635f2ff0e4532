//! Sees to it that every stream has its task.

use std::collections::HashSet;
use std::sync::Arc;

use super::courier::Courier;
use super::event_stream::EventStream;
use super::log_stream::LogStream;
use crate::management::{event_streams, log_streams};
use crate::store::{Span, StoreError};
use crate::tenants::Tenant;

/// Streams of a kind that are served.
const MOST: u64 = 1_000;

/// Delivers until the tenant stops.
pub(crate) fn begin(tenant: &Arc<Tenant>, courier: &Arc<dyn Courier>) {
    let supervision = supervise(Arc::clone(tenant), Arc::clone(courier));
    tenant.tasks().spawn(supervision);
}

/// A stream appears with the log entry of its creation, so nothing else has to be watched.
async fn supervise(tenant: Arc<Tenant>, courier: Arc<dyn Courier>) {
    let mut entries = tenant.store().news().entries();
    let mut begun = HashSet::new();
    loop {
        entries.mark_unchanged();
        if let Err(error) = begin_new(&tenant, &courier, &mut begun).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "streams could not be listed"
            );
        }
        tokio::select! {
            () = tenant.stopped().cancelled() => return,
            _ = entries.changed() => {}
        }
    }
}

async fn begin_new(
    tenant: &Arc<Tenant>,
    courier: &Arc<dyn Courier>,
    begun: &mut HashSet<String>,
) -> Result<(), StoreError> {
    for stream in tenant.store().list(log_streams::KIND, Span::page(0, MOST)).await? {
        if begun.insert(stream.id.clone()) {
            let task = LogStream::new(Arc::clone(tenant), Arc::clone(courier), stream.id);
            tenant.tasks().spawn(task.run());
        }
    }
    for stream in tenant.store().list(event_streams::KIND, Span::page(0, MOST)).await? {
        if begun.insert(stream.id.clone()) {
            let task = EventStream::new(Arc::clone(tenant), Arc::clone(courier), stream.id);
            tenant.tasks().spawn(task.run());
        }
    }
    Ok(())
}
