use callboard_engine::{Approval, Engine};

use crate::wire;

pub(crate) fn approval(engine: &Engine, approval: Approval) -> wire::Approval {
    let Approval { run, workflow, step, asked, asked_at, answers, state, ended_at, .. } = approval;
    let given = answers.into_iter().map(|given| wire::Given {
        by: given.by,
        approve: given.approve,
        reason: given.reason,
        at: given.at,
    });
    wire::Approval {
        url: engine.approval_url(&asked.id),
        id: asked.id,
        run: run.to_string(),
        workflow,
        step: step.to_string(),
        state: state.name().into(),
        question: asked.question,
        evidence: asked.evidence,
        seen: asked.seen,
        from: wire::Audience { people: asked.from.people, groups: asked.from.groups },
        four_eyes: asked.four_eyes,
        count: asked.count,
        round: asked.round,
        asked_at,
        deadline: asked.deadline,
        on_deadline: asked.on_deadline.name().into(),
        answers: given.collect(),
        ended_at,
    }
}
