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

    /// A tenant's bucket that gets `rate` calls back at every full second.
    struct Bucket {
        limit: u32,
        left: u32,
        lowest: u32,
        rate: u32,
        second: i64,
    }

    impl Bucket {
        fn take(&mut self, now: Timestamp) -> RateState {
            let passed = u32::try_from(now.as_second() - self.second).unwrap();
            self.second = now.as_second();
            self.left = (self.left + passed * self.rate)
                .min(self.limit)
                .checked_sub(1)
                .expect("no call is refused");
            self.lowest = self.lowest.min(self.left);
            RateState {
                limit: self.limit,
                remaining: self.left,
                reset_at: Timestamp::from_second(self.second + 1).ok(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_use_what_is_added_and_never_touch_the_reserve() {
        // Bucket, calls added a second, calls; the seconds they take at best, and the reserve.
        for (limit, rate, calls, seconds, kept) in
            [(2, 2, 10, 9, 1), (10, 2, 60, 27, 3), (50, 16, 400, 23, 15)]
        {
            let started = tokio::time::Instant::now();
            let clock = move || rate::after(Timestamp::UNIX_EPOCH, started.elapsed());
            let pacer =
                Pacer { max_wait: Duration::from_mins(2), clock: Arc::new(clock), ..pacer(0) };
            let bucket = Arc::new(std::sync::Mutex::new(Bucket {
                limit,
                left: limit,
                lowest: limit,
                rate,
                second: 0,
            }));
            let mut callers = tokio::task::JoinSet::new();
            for number in 0..calls {
                let (pacer, bucket) = (pacer.clone(), Arc::clone(&bucket));
                callers.spawn(async move {
                    let permit = pacer.admit("users read").await.unwrap();
                    tokio::time::sleep(Duration::from_millis(number % 7)).await;
                    let told = bucket.lock().unwrap().take(clock());
                    tokio::time::sleep(Duration::from_millis(number % 5)).await;
                    permit.told(Some(told), false);
                });
            }
            callers.join_all().await;
            assert!(bucket.lock().unwrap().lowest >= kept, "bucket of {limit}");
            let took = started.elapsed().as_secs();
            assert!((seconds..=seconds + 3).contains(&took), "bucket of {limit}: {took} s");
        }
    }
}
