//! What an answer means for the caller's next step. Pure.

use http::HeaderMap;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::app::{RateLimit, ResetUnit, Service};
use crate::attempt::Failure;
use crate::rates::RateTold;
use crate::trigger::header_map;

/// An answer, read.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// What the answer means, as the app's `errors.status` says.
    pub(crate) status: u16,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    /// A short sentence when it is no success.
    pub(crate) title: String,
    pub(crate) retry_at: Option<Timestamp>,
    /// State of the rate bucket, where it was told.
    pub(crate) rate: Option<RateTold>,
    /// Auth0 only: the tenant's plan lacks the feature.
    pub(crate) not_in_plan: bool,
}

impl Reply {
    /// Reads an answer in the app's own way of saying "no".
    pub(crate) fn read(
        service: &Service,
        sent: u16,
        headers: &HeaderMap,
        body: Value,
        now: Timestamp,
    ) -> Self {
        let context = json!({ "status": sent, "headers": header_map(headers), "body": body });
        let status =
            service.errors.status.as_ref().and_then(|template| template.evaluate(&context).ok());
        let status = status.and_then(|status| u16::try_from(status.as_u64()?).ok()).unwrap_or(sent);
        let title =
            service.errors.title.as_ref().and_then(|template| template.evaluate(&context).ok());
        let title = title.and_then(|title| title.as_str().map(str::to_owned));
        Self {
            status,
            headers: header_map(headers),
            body,
            title: title.unwrap_or_else(|| format!("{} answered {status}", service.title)),
            retry_at: retry_at(&service.rate_limit, headers, status, now),
            rate: rate_told(&service.rate_limit, headers, now),
            not_in_plan: false,
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// As expressions see it.
    pub(crate) fn context(&self) -> Value {
        json!({ "status": self.status, "headers": self.headers, "body": self.body, "not_in_plan": self.not_in_plan })
    }

    /// The failure this answer is. `reads`: the request has no effect.
    pub(crate) fn failure(&self, service: &Service, reads: bool) -> Failure {
        let app = &service.title;
        match self.status {
            401 => Failure::Credentials {
                why: format!("{app} does not accept the link's credentials: {}", self.title),
                remedy: service.remedy.clone(),
            },
            429 => Failure::Later {
                retry_at: self.retry_at,
                why: format!("{app} limits the rate of calls"),
            },
            // 501 is a refusal: what does not exist there was not executed.
            408 | 500 | 502.. if reads => Failure::Later {
                retry_at: self.retry_at,
                why: format!("{app} is out of order: {}", self.title),
            },
            408 | 500 | 502.. => Failure::Unsure {
                why: format!("{app} answered {}, so the call may have had its effect", self.status),
            },
            status => {
                Failure::Rejected { status, title: self.title.clone(), body: self.body.clone() }
            }
        }
    }
}

fn retry_at(
    limit: &RateLimit,
    headers: &HeaderMap,
    status: u16,
    now: Timestamp,
) -> Option<Timestamp> {
    if status != 429 && status != 503 {
        return None;
    }
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let told =
        limit.retry_after.as_deref().and_then(text).and_then(|text| match text.parse::<i64>() {
            Ok(seconds) => after(now, seconds),
            Err(_) => DateTimeParser::new().parse_timestamp(text).ok(),
        });
    let pause = || after(now, i64::from(limit.pause_seconds?));
    told.or_else(|| reset_at(limit, headers, now)).filter(|at| *at > now).or_else(pause)
}

/// State of the bucket, where the headers that the app names are there.
fn rate_told(limit: &RateLimit, headers: &HeaderMap, now: Timestamp) -> Option<RateTold> {
    let number = |name: &Option<String>| -> Option<u32> {
        headers.get(name.as_deref()?)?.to_str().ok()?.trim().parse().ok()
    };
    Some(RateTold {
        limit: number(&limit.limit)?,
        remaining: number(&limit.remaining)?,
        reset_at: reset_at(limit, headers, now),
    })
}

fn reset_at(limit: &RateLimit, headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let reset = limit.reset.as_ref()?;
    let number = headers.get(&reset.header)?.to_str().ok()?.trim().parse::<i64>().ok()?;
    match reset.unit {
        ResetUnit::EpochSeconds => Timestamp::from_second(number).ok(),
        ResetUnit::Seconds => after(now, number),
    }
}

fn after(now: Timestamp, seconds: i64) -> Option<Timestamp> {
    now.checked_add(SignedDuration::from_secs(seconds.clamp(0, 86_400))).ok()
}
