//! Which events somebody wants: workflows that they start, and runs that listen.

use std::sync::Arc;

use callboard_apps::Trigger;
use callboard_flow::document::{EventFilter, Strategy, Until};

use crate::engine::Shared;
use crate::library::Workflow;
use crate::store::StoreError;

/// Who wants events of a trigger.
pub(crate) struct Wants {
    workflows: Vec<Arc<Workflow>>,
    /// Types that runs listen for; none where one listens for any.
    listened: Vec<Option<String>>,
}

impl Wants {
    pub(crate) async fn of(shared: &Shared, trigger: &Trigger) -> Result<Self, StoreError> {
        let prefix = format!("{}.", trigger.app);
        let listened = shared.journal.store().listened_types(&prefix).await?;
        Ok(Self { workflows: shared.library.list(), listened })
    }

    /// Whether somebody wants events of this type.
    pub(crate) fn admit(&self, event_type: &str) -> bool {
        let listened =
            |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| wanted == event_type);
        self.listened.iter().any(listened)
            || self.workflows.iter().any(|workflow| starts_with(workflow, event_type))
    }

    /// The types of the trigger that somebody wants.
    pub(crate) fn types<'t>(&self, trigger: &'t Trigger) -> Vec<&'t str> {
        trigger.event_types.iter().map(String::as_str).filter(|kind| self.admit(kind)).collect()
    }

    /// Whether somebody wants any event of it, also of a type that is not known yet.
    pub(crate) fn any_of(&self, trigger: &Trigger) -> bool {
        let listened =
            |wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| trigger.has_type(wanted));
        self.listened.iter().any(listened) || !self.types(trigger).is_empty()
    }
}

fn starts_with(workflow: &Workflow, event_type: &str) -> bool {
    let on = workflow.definition.schedule.as_ref().and_then(|schedule| schedule.on.as_ref());
    on.is_some_and(|on| {
        filters_of(on).iter().any(|filter| filter.admits_type(event_type)) || takes_everything(on)
    })
}

/// Every filter of a strategy, also of what ends it.
pub(crate) fn filters_of(strategy: &Strategy) -> Vec<&EventFilter> {
    let mut filters: Vec<&EventFilter> = strategy.filters().iter().collect();
    if let Strategy::Any { until: Some(Until::Consumed(until)), .. } = strategy {
        filters.extend(filters_of(until));
    }
    filters
}

/// `any: []` stands for every event.
pub(crate) fn takes_everything(strategy: &Strategy) -> bool {
    matches!(strategy, Strategy::Any { filters, .. } if filters.is_empty())
}
