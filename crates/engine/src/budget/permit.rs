//! What one call was let go with. It paces the call's exchanges and reports how they ended.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use callboard_apps::{Exchanged, NotNow, Pace};
use jiff::SignedDuration;

use super::desk::{Ask, Desk, Desks, Turn};
use super::tenant::{Ended, Token};
use crate::driver::after;

/// An exchange of a call that has begun waits at most so long; then the whole call is put off.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// Dropping it gives back what was not used.
pub(crate) struct Permit {
    desks: Arc<Desks>,
    desk: Arc<Desk>,
    ask: Ask,
    tokens: Mutex<Tokens>,
}

#[derive(Default)]
struct Tokens {
    unspent: Vec<Token>,
    /// Exchanges under way.
    open: Vec<Token>,
}

impl Permit {
    pub(super) fn new(desks: Arc<Desks>, desk: Arc<Desk>, ask: Ask, tokens: Vec<Token>) -> Self {
        let tokens = Mutex::new(Tokens { unspent: tokens, open: Vec::new() });
        Self { desks, desk, ask, tokens }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Tokens) -> T) -> T {
        change(&mut self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn spend(&self, bucket: &str) -> bool {
        self.with(|tokens| {
            let place = tokens.unspent.iter().position(|token| token.name == bucket);
            let token = place.map(|place| tokens.unspent.remove(place));
            let spent = token.is_some();
            tokens.open.extend(token);
            spent
        })
    }

    /// All that it still holds, for whoever takes it over.
    pub(super) fn into_tokens(self) -> Vec<Token> {
        self.with(|tokens| std::mem::take(&mut tokens.unspent))
    }
}

#[async_trait]
impl Pace for Permit {
    async fn admit(&self, bucket: &str) -> Result<(), NotNow> {
        if self.spend(bucket) {
            return Ok(());
        }
        let more = self.ask.one_more(bucket);
        let Some(ticket) = self.desks.ask_for_begun(&self.desk, more) else {
            let free = Token { name: bucket.to_owned(), taken: Vec::new() };
            self.with(|tokens| tokens.open.push(free));
            return Ok(());
        };
        let time = self.desks.time();
        let until = after(time.now(), LONGEST_WAIT);
        let waited = tokio::select! {
            biased;
            permit = ticket.wait() => permit,
            () = time.sleep_until(until) => None,
        };
        let tokens = match waited {
            Some(Turn::Go(permit)) => permit.into_tokens(),
            Some(Turn::ComeBack(_)) | None => Vec::new(),
        };
        let granted = !tokens.is_empty();
        self.with(|own| own.open.extend(tokens));
        if granted {
            return Ok(());
        }
        let why = format!("it waits for the rate budget of {}/{bucket}", self.desk.tenant());
        Err(NotNow { until: after(time.now(), SignedDuration::from_secs(1)), why })
    }

    fn ended(&self, bucket: &str, ended: Exchanged) {
        let token = self.with(|tokens| {
            let place = tokens.open.iter().position(|token| token.name == bucket)?;
            Some(tokens.open.swap_remove(place))
        });
        let Some(token) = token else { return };
        let ended = match ended {
            Exchanged::Answered { rate, refused } => Ended::Answered { rate, refused },
            Exchanged::Lost => Ended::Lost,
        };
        self.desks.report(&self.desk, vec![(token, ended)]);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Tokens { unspent, open } = self.with(std::mem::take);
        let given_back = unspent.into_iter().map(|token| (token, Ended::NotSent));
        let lost = open.into_iter().map(|token| (token, Ended::Lost));
        self.desks.report(&self.desk, given_back.chain(lost).collect());
    }
}
