//! One connection, used by one thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Statement};

use super::DIALECT;
use super::tls::Tls;
use super::trouble::{self, Trouble, failed};
use super::values::{Kept, type_of};
use crate::store::StoreError;
use crate::store::sql::connection::{Connection, Dialect, Parameter, Row, Value};

/// Whoever dies in a transaction holds nothing for longer; and nobody waits longer for a row.
const LIMITS: &str = "SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '20s'";

type Waiting = Pin<Box<dyn Future<Output = Result<u64, Error>>>>;

pub(super) struct Session {
    runtime: Rc<Runtime>,
    client: Rc<Client>,
    statements: RefCell<HashMap<String, Statement>>,
    /// Sent, not answered yet, oldest first.
    waiting: RefCell<Vec<Waiting>>,
    /// What went wrong first since the transaction began.
    trouble: Cell<Option<Trouble>>,
}

impl Session {
    pub(super) fn connect(runtime: &Rc<Runtime>, config: &Config) -> Result<Self, StoreError> {
        let connect = async {
            let (client, connection) = config.connect(Tls).await?;
            // It ends with the client, and says why in the client's next answer.
            drop(runtime.spawn(connection));
            client.batch_execute(LIMITS).await?;
            Ok(client)
        };
        let client =
            runtime.block_on(connect).map_err(|error| failed("reached the database", &error))?;
        Ok(Self {
            runtime: Rc::clone(runtime),
            client: Rc::new(client),
            statements: RefCell::default(),
            waiting: RefCell::default(),
            trouble: Cell::new(None),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What went wrong first, if anything did. Forgets it.
    pub(super) fn take_trouble(&self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Sends a statement and goes on without its answer.
    pub(super) fn send(&self, sql: &'static str) {
        let client = Rc::clone(&self.client);
        self.post(Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) }));
    }

    /// Sends a query of one text and goes on; the text is there when a later answer is.
    pub(super) fn ask(&self, sql: &'static str) -> Result<Rc<RefCell<Option<String>>>, StoreError> {
        let statement = self.prepare(sql, &[])?;
        let (client, answer) = (Rc::clone(&self.client), Rc::new(RefCell::new(None)));
        let text = Rc::clone(&answer);
        self.post(Box::pin(async move {
            let row = client.query_one(&statement, &[]).await?;
            text.replace(row.try_get(0)?);
            Ok(0)
        }));
        Ok(answer)
    }

    /// Waits for every answer that is still missing. Tells the first that was bad.
    pub(super) fn settle(&self, tried: &'static str) -> Result<(), StoreError> {
        let waiting = self.waiting.take();
        let mut first = Ok(());
        self.runtime.block_on(async {
            for answer in waiting {
                if let Err(error) = answer.await
                    && first.is_ok()
                {
                    first = Err(self.note(tried, &error));
                }
            }
        });
        first
    }

    fn post(&self, mut statement: Waiting) {
        // Polled once, it is on its way.
        let sent =
            self.runtime.block_on(poll_fn(|context| Poll::Ready(statement.as_mut().poll(context))));
        let waiting = match sent {
            Poll::Pending => statement,
            Poll::Ready(done) => Box::pin(async move { done }),
        };
        self.waiting.borrow_mut().push(waiting);
    }

    /// Waits for one answer, and for those before it, whose failure would be its cause.
    fn wait<T>(
        &self,
        tried: &'static str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, StoreError> {
        let result = self.runtime.block_on(answer);
        self.settle(tried)?;
        result.map_err(|error| self.note(tried, &error))
    }

    fn note(&self, tried: &'static str, error: &Error) -> StoreError {
        if self.trouble.get().is_none() {
            let trouble = if self.is_closed() { Trouble::Lost } else { trouble::of(error) };
            self.trouble.set(Some(trouble));
        }
        failed(tried, error)
    }

    fn prepare(&self, sql: &str, values: &[&dyn Parameter]) -> Result<Statement, StoreError> {
        if let Some(known) = self.statements.borrow().get(sql) {
            return Ok(known.clone());
        }
        let types: Vec<_> = values.iter().map(|value| type_of(value.value())).collect();
        let text = sql.replace('?', "$");
        let prepare = self.client.prepare_typed(&text, &types);
        let statement = self.wait("prepared a statement", prepare)?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

impl Connection for Session {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn execute(&self, sql: &str, values: &[&dyn Parameter]) -> Result<usize, StoreError> {
        let statement = self.prepare(sql, values)?;
        let values: Vec<Value<'_>> = values.iter().map(|value| value.value()).collect();
        let changed = self.wait("wrote", self.client.execute_raw(&statement, values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    fn perform(&self, sql: &str, values: &[&dyn Parameter]) -> Result<(), StoreError> {
        let statement = self.prepare(sql, values)?;
        let values: Vec<Kept> = values.iter().map(|value| value.value().into()).collect();
        let client = Rc::clone(&self.client);
        self.post(Box::pin(async move { client.execute_raw(&statement, values).await }));
        Ok(())
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.wait("changed the schema", self.client.batch_execute(sql))
    }

    fn query(
        &self,
        sql: &str,
        values: &[&dyn Parameter],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let statement = self.prepare(sql, values)?;
        let values: Vec<Value<'_>> = values.iter().map(|value| value.value()).collect();
        let places: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = self.wait("read", self.client.query(&statement, &places))?;
        rows.iter().try_for_each(|row| each(row))
    }
}

impl Row for tokio_postgres::Row {
    fn cell(&self, column: &str) -> Result<Value<'_>, String> {
        self.try_get(column).map_err(|error| error.to_string())
    }

    fn first(&self) -> Value<'_> {
        self.try_get(0).unwrap_or(Value::Null)
    }
}
