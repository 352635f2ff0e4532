//! Waits until a call may go without touching the reserve of its rate bucket, for a bounded time.

use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;

use crate::budget::{Admission, Permit};
use crate::options::Shared;
use crate::{Clock, Error, rate};

/// How often an unanswered question is asked again, should nobody ring.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The pacing of one client.
#[derive(Clone)]
pub(crate) struct Pacer {
    pub(crate) shared: Shared,
    pub(crate) tenant: String,
    pub(crate) share: f64,
    pub(crate) max_wait: Duration,
    pub(crate) clock: Clock,
}

impl Pacer {
    /// Admits one call, or says when it would make sense.
    pub(crate) async fn admit(&self, bucket: &str) -> Result<Permit, Error> {
        let budgets = &self.shared.budgets;
        let mut left = self.max_wait;
        // After waiting for a reset it counts as passed, even if the clock lags behind the timer.
        let mut passed = Timestamp::MIN;
        loop {
            let mut changed = pin!(budgets.changed.notified());
            changed.as_mut().enable(); // before looking, so that no answer is missed
            let now = (self.clock)().max(passed);
            let (wait, until) = match budgets.admit(&self.tenant, bucket, self.share, now) {
                Admission::Go(permit) => return Ok(permit),
                Admission::NotBefore(until) => (until.duration_since(now).unsigned_abs(), until),
                Admission::AfterAnAnswer => (LOOK_AGAIN.min(left), rate::after(now, LOOK_AGAIN)),
            };
            if wait > left || left.is_zero() {
                let why = format!("the tenant's rate budget for `{bucket}` is used up");
                return Err(Error::RateLimited { retry_at: until, why });
            }
            let started = tokio::time::Instant::now();
            let rang = tokio::select! {
                () = changed => true,
                () = tokio::time::sleep(wait) => false,
            };
            if rang {
                left = left.saturating_sub(started.elapsed());
            } else {
                left = left.saturating_sub(wait);
                passed = until;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::RateState;

    fn pacer(now: i64) -> Pacer {
        let now = Timestamp::from_second(now).unwrap();
        Pacer {
            shared: Shared::default(),
            tenant: "t".into(),
            share: 0.3,
            max_wait: Duration::from_secs(10),
            clock: Arc::new(move || now),
        }
    }

    async fn learn(pacer: &Pacer, remaining: u32, reset: i64) {
        let reset_at = Timestamp::from_second(reset).ok();
        pacer
            .admit("users read")
            .await
            .unwrap()
            .told(Some(RateState { limit: 10, remaining, reset_at }), false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_would_touch_the_reserve_waits_for_the_reset() {
        let pacer = pacer(100);
        learn(&pacer, 3, 104).await;
        let started = tokio::time::Instant::now();
        pacer.admit("users read").await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_bound_is_refused_at_once() {
        let pacer = pacer(100);
        learn(&pacer, 3, 111).await;
        let started = tokio::time::Instant::now();
        let refused = pacer.admit("users read").await.err().unwrap();
        assert!(
            matches!(refused, Error::RateLimited { retry_at, .. } if retry_at.as_second() == 111)
        );
        assert!(started.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_an_answer_ends_with_the_answer_or_the_bound() {
        let pacer = pacer(100);
        let first = pacer.admit("users read").await.unwrap();
        let started = tokio::time::Instant::now();
        let refused = pacer.admit("users read").await.err().unwrap();
        assert!(matches!(refused, Error::RateLimited { .. }));
        assert_eq!(started.elapsed().as_secs(), 10);
        let (second, ()) = tokio::join!(pacer.admit("users read"), async { drop(first) });
        assert!(second.is_ok());
        assert_eq!(started.elapsed().as_secs(), 10);
    }
}
