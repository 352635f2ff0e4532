//! The other end of what a tenant delivers: takes parcels and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callboard_tenant::{Courier, Parcel, Undelivered};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::TestTenant;

/// What does not come within this time never will.
const DEADLINE: Duration = Duration::from_secs(20);

/// How the other end answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    Silence,
}

/// Parcels that arrived, in order.
pub(crate) struct Post {
    parcels: UnboundedReceiver<Parcel>,
    replies: Arc<Mutex<(VecDeque<Reply>, Reply)>>,
}

struct Counter {
    parcels: UnboundedSender<Parcel>,
    replies: Arc<Mutex<(VecDeque<Reply>, Reply)>>,
}

#[async_trait::async_trait]
impl Courier for Counter {
    async fn post(&self, parcel: Parcel) -> Result<u16, Undelivered> {
        let reply = {
            let mut replies = self.replies.lock().unwrap();
            let usual = replies.1;
            replies.0.pop_front().unwrap_or(usual)
        };
        self.parcels.send(parcel).map_err(|_| Undelivered("the test is over".into()))?;
        match reply {
            Reply::Status(status) => Ok(status),
            Reply::Silence => Err(Undelivered("nobody answers".into())),
        }
    }
}

impl Post {
    /// Takes what the tenant delivers from now on; every answer is 200 unless said otherwise.
    pub(crate) fn of(tenant: &TestTenant) -> Self {
        let (sender, parcels) = unbounded_channel();
        let replies = Arc::new(Mutex::new((VecDeque::new(), Reply::Status(200))));
        let courier: Arc<dyn Courier> =
            Arc::new(Counter { parcels: sender, replies: Arc::clone(&replies) });
        tenant.deliver_through(&courier);
        Self { parcels, replies }
    }

    /// Answers the next parcels so.
    pub(crate) fn next(&self, replies: &[Reply]) {
        self.replies.lock().unwrap().0.extend(replies);
    }

    /// Answers so from now on.
    pub(crate) fn always(&self, reply: Reply) {
        self.replies.lock().unwrap().1 = reply;
    }

    pub(crate) async fn parcel(&mut self) -> Parcel {
        let parcel = tokio::time::timeout(DEADLINE, self.parcels.recv()).await;
        parcel.expect("a parcel in time").expect("the tenant is there")
    }

    /// What has arrived already and was not looked at.
    pub(crate) fn waiting(&mut self) -> Vec<Parcel> {
        std::iter::from_fn(|| self.parcels.try_recv().ok()).collect()
    }

    /// Records of log streams in any format, up to the first for which `is_last`.
    pub(crate) async fn records(&mut self, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut records = Vec::new();
        loop {
            records.extend(records_of(&self.parcel().await));
            if records.iter().any(&is_last) {
                return records;
            }
        }
    }
}

/// The records in a request.
pub(crate) fn records_of(parcel: &Parcel) -> Vec<Value> {
    match serde_json::from_str(&parcel.body) {
        Ok(Value::Array(records)) => records,
        Ok(record) => vec![record],
        Err(_) => parcel.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

pub(crate) fn header<'a>(parcel: &'a Parcel, name: &str) -> Option<&'a str> {
    let found = parcel.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Asks until the answer is as it should be.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.expect("it comes to hold in time");
}
