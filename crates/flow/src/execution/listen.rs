//! `listen`: which events a step takes, and when it has enough.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use super::{
    Execution,
    frame::{FrameId, Purpose, Role, State, Work},
    scope::Scope,
};
use crate::{
    command::{Command, Subscription},
    document::{EventFilter, Kind, Listen, ReadAs, Strategy, Task, Until},
    error::WorkflowError,
    expression::{Val, value},
    step::StepId,
    template::Template,
};

/// What a `listen` has heard so far.
#[derive(Default)]
pub(super) struct Listening {
    /// Results, in the order of the events.
    consumed: Vec<Val>,
    /// For each filter, whether it has had an event.
    met: Vec<bool>,
    until_met: Vec<bool>,
    /// Values that later events must agree with, by name of the correlation.
    correlations: BTreeMap<String, Val>,
    /// Events that wait for their turn in `foreach`.
    queue: VecDeque<Val>,
    /// Whether the tasks for an event are under way.
    busy: bool,
    /// How many events have had their turn.
    turns: usize,
    /// No more events are wanted.
    ended: bool,
}

/// What an event is to a listening step.
enum Match {
    No,
    /// Wanted, by this filter, with these correlations to be expected from now on.
    Wanted {
        filter: usize,
        correlations: Vec<(String, Val)>,
    },
    /// It fits a filter of `until`.
    Until {
        filter: usize,
    },
}

impl Execution {
    pub(super) fn listen(
        &mut self,
        id: FrameId,
        task: &Task,
        listen: &Listen,
    ) -> Result<(), WorkflowError> {
        let until = match &listen.to {
            Strategy::Any { until: Some(Until::Consumed(strategy)), .. } => strategy.filters(),
            _ => &[],
        };
        let filters = listen.to.filters();
        let mut correlations = BTreeMap::new();
        for correlation in filters.iter().flat_map(|filter| &filter.correlate) {
            if let Some(expect) = &correlation.expect {
                let expected = self.in_task(id, |run, view| {
                    run.render(expect, view.input.unwrap_or(&Val::Null), view)
                })?;
                correlations.insert(correlation.name.clone(), expected);
            }
        }
        let state = Listening {
            met: vec![false; filters.len()],
            until_met: vec![false; until.len()],
            correlations,
            ..Listening::default()
        };
        // `any: []` takes every event; `all: []` waits for nothing.
        let everything = matches!(&listen.to, Strategy::Any { filters, .. } if filters.is_empty());
        let mut subscriptions: Vec<Subscription> =
            filters.iter().chain(until).map(subscription).collect();
        if everything {
            subscriptions = vec![Subscription { attributes: Map::new() }];
        }
        let nothing = matches!(&listen.to, Strategy::All(filters) if filters.is_empty());
        self.enter_state(id, State::Listen(Box::new(state)));
        if nothing {
            self.done(id, [].into_iter().collect());
            return Ok(());
        }
        let (step, task, pointer) = self.names(id, task);
        let command = Command::Listen { step: step.clone(), task, pointer, subscriptions };
        self.ask(Purpose::Listen, id, step, command);
        Ok(())
    }

    pub(super) fn would_consume(&self, step: &StepId, event: &Value) -> bool {
        let Some(waiting) =
            self.waiting.get(step).filter(|waiting| waiting.purpose == Purpose::Listen)
        else {
            return false;
        };
        !matches!(self.matching(waiting.frame, &value::from_json(event)), Ok(Match::No))
    }

    fn listening(&self, id: FrameId) -> Option<(&Listen, &Listening)> {
        let (frame, _) = self.task_frame(id)?;
        match (&frame.task.kind, &frame.state) {
            (Kind::Listen(listen), State::Listen(listening)) => Some((listen, listening)),
            _ => None,
        }
    }

    fn listening_mut(&mut self, id: FrameId) -> Option<&mut Listening> {
        match &mut self.task_frame_mut(id)?.state {
            State::Listen(listening) => Some(listening),
            _ => None,
        }
    }

    fn matching(&self, id: FrameId, event: &Val) -> Result<Match, WorkflowError> {
        let Some((listen, state)) = self.listening(id) else { return Ok(Match::No) };
        if state.ended {
            return Ok(Match::No);
        }
        if let Strategy::Any { until: Some(Until::Consumed(strategy)), .. } = &listen.to {
            for (index, filter) in strategy.filters().iter().enumerate() {
                let met = state.until_met.get(index).copied().unwrap_or(false);
                if !met && self.fits(id, filter, event)?.is_some() {
                    return Ok(Match::Until { filter: index });
                }
            }
        }
        let filters = listen.to.filters();
        if filters.is_empty() {
            return Ok(Match::Wanted { filter: 0, correlations: Vec::new() });
        }
        let once = matches!(listen.to, Strategy::All(_));
        for (index, filter) in filters.iter().enumerate() {
            if once && state.met.get(index).copied().unwrap_or(false) {
                continue;
            }
            if let Some(correlations) = self.fits(id, filter, event)? {
                return Ok(Match::Wanted { filter: index, correlations });
            }
        }
        Ok(Match::No)
    }

    /// The correlations of an event that fits the filter.
    fn fits(
        &self,
        id: FrameId,
        filter: &EventFilter,
        event: &Val,
    ) -> Result<Option<Vec<(String, Val)>>, WorkflowError> {
        self.in_task(id, |run, view| {
            let fit = filter.attributes_fit(event, &mut |expression, attribute| {
                run.evaluate(expression, attribute, view)
            });
            if !fit {
                return Ok(None);
            }
            let known = run.listening(id).map(|(_, state)| &state.correlations);
            let mut correlations = Vec::new();
            for correlation in &filter.correlate {
                let Ok(found) = run.evaluate(&correlation.from, event, view) else {
                    return Ok(None);
                };
                match known.and_then(|known| known.get(&correlation.name)) {
                    Some(expected) if *expected != found => return Ok(None),
                    _ if found == Val::Null => return Ok(None),
                    _ => correlations.push((correlation.name.clone(), found)),
                }
            }
            Ok(Some(correlations))
        })
    }

    /// An event has come. One that does not fit changes nothing.
    pub(super) fn consume(&mut self, id: FrameId, event: &Value) {
        let event = value::from_json(event);
        let matched = match self.matching(id, &event) {
            Ok(matched) => matched,
            Err(error) => return self.work.push(Work::Failed { frame: id, error }),
        };
        let Some((listen, _)) = self.listening(id) else { return };
        let (read, foreach) = (listen.read, listen.foreach.is_some());
        let Some(state) = self.listening_mut(id) else { return };
        match matched {
            Match::No => return,
            Match::Until { filter } => {
                if let Some(met) = state.until_met.get_mut(filter) {
                    *met = true;
                }
            }
            Match::Wanted { filter, correlations } => {
                if let Some(met) = state.met.get_mut(filter) {
                    *met = true;
                }
                state.correlations.extend(correlations);
                let given = match read {
                    ReadAs::Envelope => event,
                    ReadAs::Data | ReadAs::Raw => {
                        value::get(&event, "data").cloned().unwrap_or_default()
                    }
                };
                if foreach {
                    state.queue.push_back(given);
                } else {
                    state.consumed.push(given);
                }
            }
        }
        match self.has_enough(id, foreach) {
            Ok(false) => {}
            Ok(true) => self.end_listening(id),
            Err(error) => return self.work.push(Work::Failed { frame: id, error }),
        }
        self.work.push(Work::Consume { frame: id });
    }

    fn has_enough(&self, id: FrameId, foreach: bool) -> Result<bool, WorkflowError> {
        let Some((listen, state)) = self.listening(id) else { return Ok(false) };
        let heard = state.consumed.len() + state.queue.len() + usize::from(state.busy);
        Ok(match &listen.to {
            Strategy::One(_) | Strategy::Any { until: None, .. } => heard > 0 || state.turns > 0,
            Strategy::All(_) => state.met.iter().all(|met| *met),
            Strategy::Any { until: Some(Until::Consumed(strategy)), .. } => match **strategy {
                Strategy::All(_) => state.until_met.iter().all(|met| *met),
                _ => state.until_met.iter().any(|met| *met),
            },
            // With `foreach` the condition looks at results, after each turn.
            Strategy::Any { until: Some(Until::Condition(_)), .. } if foreach => false,
            Strategy::Any { until: Some(Until::Condition(condition)), .. } => {
                self.until_holds(id, condition, &state.consumed)?
            }
        })
    }

    fn until_holds(
        &self,
        id: FrameId,
        condition: &crate::expression::Expression,
        consumed: &[Val],
    ) -> Result<bool, WorkflowError> {
        let consumed: Val = consumed.iter().cloned().collect();
        self.in_task(id, |run, view| run.holds(condition, &consumed, view))
    }

    fn end_listening(&mut self, id: FrameId) {
        if let Some(state) = self.listening_mut(id) {
            state.ended = true;
        }
        let step = self.step(id);
        self.forget(&step);
    }

    /// The next event's turn, or the end of the task.
    pub(super) fn consume_next(&mut self, id: FrameId) {
        let scope = self.scope(id);
        let Some((listen, state)) = self.listening(id) else { return };
        if state.busy {
            return;
        }
        let (ended, turn) = (state.ended, state.turns);
        let foreach = listen
            .foreach
            .as_ref()
            .map(|foreach| (foreach.item.clone(), foreach.at.clone(), foreach.tasks.clone()));
        let Some(state) = self.listening_mut(id) else { return };
        match (state.queue.pop_front(), foreach) {
            (Some(event), Some((item, at, tasks))) => {
                state.busy = true;
                state.turns += 1;
                let scope =
                    scope.with(&item, event.clone()).with(&at, value::from_json(&turn.into()));
                let step = self.step(id).part("each").item(turn);
                self.child_list(id, step, scope, tasks, Role::Body, event);
            }
            _ if ended => {
                let all = std::mem::take(&mut state.consumed).into_iter().collect();
                self.done(id, all);
            }
            _ => {}
        }
    }

    /// The tasks for an event have ended.
    pub(super) fn item_ended(&mut self, id: FrameId, output: Val, scope: &Scope) {
        let Some((frame, _)) = self.task_frame(id) else { return };
        let task = frame.task.clone();
        let Kind::Listen(listen) = &task.kind else { return };
        let Some(foreach) = &listen.foreach else { return };
        let result = self.foreach_output(&foreach.output, &foreach.export, output, id, scope);
        let result = match result {
            Ok(result) => result,
            Err(error) => return self.work.push(Work::Failed { frame: id, error }),
        };
        let Some(state) = self.listening_mut(id) else { return };
        state.busy = false;
        state.consumed.push(result);
        if let Strategy::Any { until: Some(Until::Condition(condition)), .. } = &listen.to
            && let Some((_, state)) = self.listening(id)
        {
            match self.until_holds(id, condition, &state.consumed) {
                Ok(true) => {
                    self.end_listening(id);
                    if let Some(state) = self.listening_mut(id) {
                        state.queue.clear();
                    }
                }
                Ok(false) => {}
                Err(error) => return self.work.push(Work::Failed { frame: id, error }),
            }
        }
        self.work.push(Work::Consume { frame: id });
    }
}

fn subscription(filter: &EventFilter) -> Subscription {
    let mut attributes = Map::new();
    for (name, template) in &filter.with {
        if let Template::Literal(literal) = template
            && name != "data"
            && let Ok(literal) = value::to_json(literal)
        {
            attributes.insert(name.clone(), literal);
        }
    }
    Subscription { attributes }
}
