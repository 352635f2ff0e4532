//! Errors as problem details: the one place where they are written.

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use callboard_engine::{
    AgainError, AnswerError, ApprovalError, ArchiveError, EventError, HookError, KeyError,
    LinkError, LookError, ReplayError, RevealError, ScheduleError, SecretError, StartError,
    StoreError,
};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::to_wire;
use crate::wire;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    mistakes: Vec<wire::Mistake>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl fmt::Display) -> Self {
        Self { status, code, detail: detail.to_string(), mistakes: Vec::new() }
    }

    pub(crate) fn unauthorized(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self { status, code, mut detail, mistakes } = self;
        if status.is_server_error() {
            tracing::error!(error.code = code, "a request failed: {detail}");
            detail = "something failed here; the log of the server says what".into();
        }
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        let (kind, code) = ("about:blank".to_owned(), code.to_owned());
        let body = wire::Problem { kind, title, status: status.as_u16(), detail, code, mistakes };
        let mut response = (status, Json(body)).into_response();
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error)
    }
}

impl From<LookError> for ApiError {
    fn from(error: LookError) -> Self {
        match error {
            LookError::UnknownRun { .. } => Self::new(StatusCode::NOT_FOUND, "unknown_run", error),
            LookError::Archived { .. } => Self::new(StatusCode::GONE, "archived", error),
            LookError::Store(error) => error.into(),
        }
    }
}

impl From<RevealError> for ApiError {
    fn from(error: RevealError) -> Self {
        match error {
            RevealError::Look(error) => error.into(),
            RevealError::Vault(_) => {
                Self::new(StatusCode::CONFLICT, "sealed_with_another_key", error)
            }
        }
    }
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        let (status, code) = match &error {
            StartError::UnknownWorkflow { .. } => (StatusCode::NOT_FOUND, "unknown_workflow"),
            StartError::UnknownAction { .. } => (StatusCode::NOT_FOUND, "unknown_action"),
            StartError::InvalidArguments { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_arguments")
            }
            StartError::KeyUsedDifferently { .. } => {
                (StatusCode::CONFLICT, "idempotency_key_taken")
            }
            StartError::InvalidKey => (StatusCode::BAD_REQUEST, "invalid_idempotency_key"),
            StartError::NoConcurrencyKey { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "no_concurrency_key")
            }
            StartError::Definition(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_definition"),
            StartError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let mistakes = match &error {
            StartError::Definition(problems) => problems.0.iter().map(to_wire::mistake).collect(),
            _ => Vec::new(),
        };
        Self { mistakes, ..Self::new(status, code, error) }
    }
}

impl From<AnswerError> for ApiError {
    fn from(error: AnswerError) -> Self {
        let (status, code) = match &error {
            AnswerError::UnknownRun { .. } => (StatusCode::NOT_FOUND, "unknown_run"),
            AnswerError::Final { .. } => (StatusCode::CONFLICT, "run_is_final"),
            AnswerError::NothingAsked { .. } => (StatusCode::CONFLICT, "nothing_asked"),
            AnswerError::Archived { .. } => (StatusCode::GONE, "archived"),
            AnswerError::NotPaused { .. } => (StatusCode::CONFLICT, "not_paused"),
            AnswerError::AsksPeople { .. } => (StatusCode::CONFLICT, "asks_people"),
            AnswerError::InvalidOutput { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_output")
            }
            AnswerError::NeedlessOutput => (StatusCode::BAD_REQUEST, "needless_output"),
            AnswerError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error)
    }
}

impl From<HookError> for ApiError {
    fn from(error: HookError) -> Self {
        let (status, code) = match &error {
            HookError::UnknownTrigger { .. } => (StatusCode::NOT_FOUND, "unknown_webhook"),
            HookError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            HookError::NoSecret { .. } => (StatusCode::UNAUTHORIZED, "no_webhook_secret"),
            HookError::Unverified { .. } => (StatusCode::UNAUTHORIZED, "unverified"),
            HookError::Unreadable(_) => (StatusCode::BAD_REQUEST, "unreadable"),
            HookError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error)
    }
}

impl From<EventError> for ApiError {
    fn from(error: EventError) -> Self {
        let (status, code) = match &error {
            EventError::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid_event"),
            EventError::TooMany { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            EventError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error)
    }
}

impl From<AgainError> for ApiError {
    fn from(error: AgainError) -> Self {
        match error {
            AgainError::Look(error) => error.into(),
            AgainError::Start(error) => error.into(),
            AgainError::Store(error) => error.into(),
            AgainError::StillGoing { .. } => Self::new(StatusCode::CONFLICT, "still_going", error),
            AgainError::NoSuchStep { .. } => {
                Self::new(StatusCode::NOT_FOUND, "unknown_step", error)
            }
            AgainError::NothingFailed { .. } => {
                Self::new(StatusCode::CONFLICT, "nothing_failed", error)
            }
            AgainError::WouldForget { .. } => {
                Self::new(StatusCode::CONFLICT, "would_forget", error)
            }
            AgainError::HeirGoesOn { .. } => Self::new(StatusCode::CONFLICT, "heir_goes_on", error),
            AgainError::Inconsistent(_) => Self::new(StatusCode::CONFLICT, "inconsistent", error),
            AgainError::Vault(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error),
        }
    }
}

impl From<ArchiveError> for ApiError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::NoFolder => Self::new(StatusCode::CONFLICT, "no_archive", error),
            ArchiveError::Store(error) => error.into(),
            error @ ArchiveError::File { .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error)
            }
        }
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        let code = match &error {
            ApprovalError::Unknown { .. } => "unknown_approval",
            ApprovalError::NotAsked { .. } | ApprovalError::SmallRole { .. } => "not_asked",
            ApprovalError::FourEyes { .. } => "four_eyes",
            ApprovalError::Twice { .. } | ApprovalError::Answered { .. } => "answered",
            ApprovalError::Expired { .. } => "expired",
            ApprovalError::Dropped => "dropped",
            ApprovalError::AskedAfresh { .. } | ApprovalError::Stale => "stale",
            ApprovalError::Unreadable { .. } => "unreadable",
            ApprovalError::LongReason => "invalid_reason",
            ApprovalError::Store(_) => "internal",
        };
        Self::new(status_of(&error), code, error)
    }
}

/// What a refused answer is in HTTP.
pub(crate) fn status_of(error: &ApprovalError) -> StatusCode {
    match error {
        ApprovalError::Unknown { .. } => StatusCode::NOT_FOUND,
        ApprovalError::NotAsked { .. }
        | ApprovalError::SmallRole { .. }
        | ApprovalError::FourEyes { .. } => StatusCode::FORBIDDEN,
        ApprovalError::Twice { .. }
        | ApprovalError::Answered { .. }
        | ApprovalError::Expired { .. }
        | ApprovalError::Dropped
        | ApprovalError::AskedAfresh { .. }
        | ApprovalError::Stale
        | ApprovalError::Unreadable { .. } => StatusCode::CONFLICT,
        ApprovalError::LongReason => StatusCode::UNPROCESSABLE_ENTITY,
        ApprovalError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        let (status, code) = match &error {
            KeyError::NotFound { .. } => (StatusCode::NOT_FOUND, "unknown_key"),
            KeyError::Taken { .. } | KeyError::Reserved { .. } => {
                (StatusCode::CONFLICT, "key_taken")
            }
            KeyError::InvalidName { .. } | KeyError::InvalidText { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name")
            }
            KeyError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error)
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        let (status, code) = match &error {
            SecretError::NotFound { .. } => (StatusCode::NOT_FOUND, "unknown_secret"),
            SecretError::InvalidName { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name"),
            SecretError::InvalidValue => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_secret"),
            SecretError::Vault(_) | SecretError::Store(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        Self::new(status, code, error)
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Look(error) => error.into(),
            error @ ReplayError::Inconsistent(_) => {
                Self::new(StatusCode::CONFLICT, "inconsistent", error)
            }
        }
    }
}

impl From<LinkError> for ApiError {
    fn from(error: LinkError) -> Self {
        let (status, code) = match &error {
            LinkError::NotFound { .. } => (StatusCode::NOT_FOUND, "unknown_link"),
            LinkError::InvalidName { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_name"),
            LinkError::UnknownApp { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_app"),
            LinkError::InvalidSettings { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_settings")
            }
            LinkError::InvalidAddress { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_address")
            }
            LinkError::Secrets { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_secrets"),
            LinkError::Vault(_) | LinkError::Store(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        Self::new(status, code, error)
    }
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        let (status, code) = match &error {
            ScheduleError::UnknownWorkflow { .. } => (StatusCode::NOT_FOUND, "unknown_workflow"),
            ScheduleError::NoSchedule { .. } | ScheduleError::NotBegun { .. } => {
                (StatusCode::NOT_FOUND, "no_schedule")
            }
            ScheduleError::StillGoing { .. } => (StatusCode::CONFLICT, "still_going"),
            ScheduleError::Window { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_window"),
            ScheduleError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error)
    }
}
