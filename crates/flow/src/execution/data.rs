//! Data on its way: what expressions see, what filters and schemas do.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Execution,
    frame::{Body, FrameId, TaskFrame},
    scope::Scope,
};
use crate::{
    document::{Filter, Kind},
    error::{ErrorKind, WorkflowError},
    expression::{EvaluationError, Expression, MAX_DEPTH, Val, value},
    schema::Schema,
    template::Template,
};

/// What an expression of one place may see.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) task: Option<&'a TaskFrame>,
    pub(super) scope: Option<&'a Scope>,
    pub(super) input: Option<&'a Val>,
    /// The raw output, for `$task.output`.
    pub(super) raw_output: Option<&'a Val>,
    pub(super) output: Option<&'a Val>,
}

impl<'a> View<'a> {
    pub(super) const NONE: Self =
        Self { task: None, scope: None, input: None, raw_output: None, output: None };

    pub(super) fn task(task: &'a TaskFrame, scope: &'a Scope) -> Self {
        Self { task: Some(task), scope: Some(scope), input: Some(&task.input), ..Self::NONE }
    }
}

impl Execution {
    pub(super) fn evaluate(
        &self,
        expression: &Expression,
        input: &Val,
        view: View<'_>,
    ) -> Result<Val, EvaluationError> {
        expression.run(input.clone(), &|name| self.variable(name, view))
    }

    fn variable(&self, name: &str, view: View<'_>) -> Option<Val> {
        match name {
            "context" => Some(self.context.clone()),
            "input" => view.input.cloned(),
            "output" => view.output.cloned(),
            "secrets" => Some(self.secrets.clone()),
            "runtime" => Some(self.runtime.clone()),
            "authorization" => Some(Val::Null),
            "workflow" => Some(value::object([
                ("id", value::text(&self.run_id)),
                ("definition", self.definition.value.clone()),
                ("input", self.raw_input.clone()),
                ("startedAt", instant(self.started_at)),
            ])),
            "task" => view.task.map(|frame| {
                value::object([
                    ("name", value::text(&frame.task.name)),
                    ("reference", value::text(&frame.task.pointer)),
                    ("definition", frame.task.value.clone()),
                    // Extensions look at the task's words directly.
                    ("with", frame.task.definition_entry("with").cloned().unwrap_or_default()),
                    ("input", frame.raw.clone()),
                    ("output", view.raw_output.cloned().unwrap_or_default()),
                    ("startedAt", instant(frame.started_at)),
                ])
            }),
            other => view.scope.and_then(|scope| scope.find(other)),
        }
    }

    pub(super) fn render(
        &self,
        template: &Template,
        input: &Val,
        view: View<'_>,
    ) -> Result<Val, WorkflowError> {
        let value = template
            .render(&mut |expression| self.evaluate(expression, input, view))
            .map_err(|error| expression_error(&error))?;
        if matches!(template, Template::Array(_) | Template::Object(_)) {
            shallow(&value)?;
        }
        Ok(value)
    }

    /// The same as JSON, for commands.
    pub(super) fn render_json(
        &self,
        template: &Template,
        input: &Val,
        view: View<'_>,
    ) -> Result<Value, WorkflowError> {
        json(&self.render(template, input, view)?)
    }

    pub(super) fn holds(
        &self,
        condition: &Expression,
        input: &Val,
        view: View<'_>,
    ) -> Result<bool, WorkflowError> {
        let verdict =
            self.evaluate(condition, input, view).map_err(|error| expression_error(&error))?;
        Ok(value::truthy(&verdict))
    }

    fn transform(&self, filter: &Filter, data: Val, view: View<'_>) -> Result<Val, WorkflowError> {
        match &filter.transform {
            Some(template) => self.render(template, &data, view),
            None => Ok(data),
        }
    }

    /// The error of a definition that names a secret which the run was not given.
    pub(super) fn missing_secret(&self) -> Option<WorkflowError> {
        let missing = |name: &&String| value::get(&self.secrets, name).is_none();
        let name = self.definition.secrets.iter().find(missing)?;
        let detail =
            format!("the secret {name} does not exist or may not be read by this workflow");
        Some(WorkflowError::new(ErrorKind::Authorization, detail).at("/use/secrets"))
    }

    /// The workflow's input, checked and transformed.
    pub(super) fn workflow_input(&self) -> Result<Val, WorkflowError> {
        let filter = &self.definition.input;
        let checked =
            validate(filter.schema.as_ref(), &self.raw_input, "the input of the workflow");
        checked
            .and_then(|()| self.transform(filter, self.raw_input.clone(), View::NONE))
            .map_err(|error| error.at("/input"))
    }

    pub(super) fn workflow_output(&self, data: Val) -> Result<Value, WorkflowError> {
        let filter = &self.definition.output;
        self.transform(filter, data, View::NONE)
            .and_then(|output| {
                validate(filter.schema.as_ref(), &output, "the output of the workflow")?;
                json(&output)
            })
            .map_err(|error| error.at("/output"))
    }

    /// Sets the transformed input of a task that has just begun; whether it is to run at all.
    pub(super) fn task_input(&mut self, id: FrameId) -> Result<bool, WorkflowError> {
        let Some((frame, scope)) = self.task_frame(id) else { return Ok(false) };
        let task = frame.task.clone();
        let check = || validate(task.input.schema.as_ref(), &frame.raw, "the input of the task");
        let before = View { input: None, ..View::task(frame, scope) };
        // Without a condition the schema speaks first, so that its message is the one that is seen.
        if task.condition.is_none() {
            check()?;
        }
        let input = self.transform(&task.input, frame.raw.clone(), before)?;
        let view = View { input: Some(&input), ..before };
        let runs = match &task.condition {
            Some(condition) => self.holds(condition, &input, view)?,
            None => true,
        };
        if runs && task.condition.is_some() {
            check()?;
        }
        if let Some(frame) = self.task_frame_mut(id) {
            frame.input = input;
        }
        Ok(runs)
    }

    /// The transformed output of a task; updates the context.
    pub(super) fn task_output(&mut self, id: FrameId, raw: Val) -> Result<Val, WorkflowError> {
        let Some((frame, scope)) = self.task_frame(id) else { return Ok(raw) };
        let task = frame.task.clone();
        if nests_outputs(&task.kind) {
            shallow(&raw)?;
        }
        let view = View { raw_output: Some(&raw), ..View::task(frame, scope) };
        let output = self.transform(&task.output, raw.clone(), view)?;
        validate(task.output.schema.as_ref(), &output, "the output of the task")?;
        let view = View { output: Some(&output), ..view };
        let context = match &task.export.transform {
            Some(template) => Some(self.render(template, &output, view)?),
            None => None,
        };
        if let Some(context) = context {
            validate(task.export.schema.as_ref(), &context, "the context after the task")?;
            self.context = context;
        }
        Ok(output)
    }

    /// What `output` and `export` of a `foreach` make of one result.
    pub(super) fn foreach_output(
        &mut self,
        output: &Filter,
        export: &Filter,
        data: Val,
        frame: FrameId,
        scope: &Scope,
    ) -> Result<Val, WorkflowError> {
        let Some((task, _)) = self.task_frame(frame) else { return Ok(data) };
        let view = View::task(task, scope);
        let result = self.transform(output, data, view)?;
        validate(output.schema.as_ref(), &result, "the output of the item")?;
        if let Some(template) = &export.transform {
            let view = View { output: Some(&result), ..view };
            let context = self.render(template, &result, view)?;
            validate(export.schema.as_ref(), &context, "the context after the item")?;
            self.context = context;
        }
        Ok(result)
    }

    pub(super) fn task_frame(&self, id: FrameId) -> Option<(&TaskFrame, &Scope)> {
        let frame = self.frames.get(&id)?;
        match &frame.body {
            Body::Task(task) => Some((task, &frame.scope)),
            Body::List(_) => None,
        }
    }

    pub(super) fn task_frame_mut(&mut self, id: FrameId) -> Option<&mut TaskFrame> {
        match &mut self.frames.get_mut(&id)?.body {
            Body::Task(task) => Some(task),
            Body::List(_) => None,
        }
    }
}

pub(super) fn validate(
    schema: Option<&Schema>,
    data: &Val,
    what: &str,
) -> Result<(), WorkflowError> {
    let Some(schema) = schema else { return Ok(()) };
    schema.check(&json(data)?).map_err(|violations| {
        WorkflowError::new(
            ErrorKind::Validation,
            format!("{what} does not fit its schema: {violations}"),
        )
    })
}

/// Whether a task makes one value of those of its tasks.
fn nests_outputs(kind: &Kind) -> bool {
    match kind {
        Kind::Fork { .. } | Kind::Listen(_) => true,
        Kind::For(each) => each.fan_out.is_some_and(|fan_out| fan_out.collect),
        _ => false,
    }
}

/// Values that tasks nest in each other stay as shallow as those of expressions.
fn shallow(data: &Val) -> Result<(), WorkflowError> {
    if value::within_depth(data, MAX_DEPTH) {
        return Ok(());
    }
    let detail = format!("the value is nested deeper than {MAX_DEPTH} levels");
    Err(WorkflowError::new(ErrorKind::Expression, detail))
}

pub(super) fn json(data: &Val) -> Result<Value, WorkflowError> {
    value::to_json(data).map_err(|message| WorkflowError::new(ErrorKind::Expression, message))
}

pub(super) fn expression_error(error: &EvaluationError) -> WorkflowError {
    WorkflowError::new(ErrorKind::Expression, error.to_string())
}

/// The language's descriptor of an instant.
pub(super) fn instant(at: Timestamp) -> Val {
    let milliseconds = at.as_millisecond();
    value::from_json(&serde_json::json!({
        "iso8601": at.to_string(),
        "epoch": {"seconds": milliseconds.div_euclid(1_000), "milliseconds": milliseconds},
    }))
}
