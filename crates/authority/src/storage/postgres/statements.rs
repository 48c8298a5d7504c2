//! Statements in a transaction of PostgreSQL.
//!
//! A statement has a name only on a connection that leads to the server directly
//! ([`named`](super::named)). Nothing else is left in the session either: the limits of a
//! transaction are set in the message that starts it.
//!
//! Requests are pipelined, so that few of them cost a wait of their own. The start of a transaction
//! is sent together with its first statement, if that only reads. A statement whose result nobody
//! needs is sent together with the next one that somebody waits for, or with the commit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement};

use super::connection::Session;
use super::message::Fault;
use crate::failure::{StorageError, StorageResult};
use crate::storage::durability::Durability;
use crate::storage::isolation::Isolation;
use crate::storage::value::{Param, Query, Row, Sql, Value};

/// The number of statements that are sent together at most.
const MAX_QUEUE: usize = 64;

/// Returns the message that starts a transaction. The limits are those of this transaction alone.
///
/// `is_tuned`: the server knows the settings of PostgreSQL. The planner uses indexes wherever it
/// can. A step then reads, for the server's bookkeeping of what it read, its own rows and not a
/// whole table. The planner's high estimate for a table without a fitting index must not make the
/// server compile the statement. A step whose durability is relaxed does not wait for the disk.
pub(super) fn start(isolation: Isolation, durability: Durability, limit: Duration, is_tuned: bool) -> String {
    let level = match isolation {
        Isolation::Serializable => "SERIALIZABLE",
        Isolation::RepeatableRead => "REPEATABLE READ",
    };
    let limit = limit.as_millis();
    let planner = if is_tuned { "; SET LOCAL enable_seqscan = off; SET LOCAL jit = off" } else { "" };
    let commit = match durability {
        Durability::Relaxed if is_tuned => "; SET LOCAL synchronous_commit = off",
        Durability::Relaxed | Durability::Full => "",
    };
    format!(
        "START TRANSACTION ISOLATION LEVEL {level}; SET LOCAL statement_timeout = {limit}; \
         SET LOCAL idle_in_transaction_session_timeout = {limit}{planner}{commit}"
    )
}

/// A transaction. The server learns of it with its first statement.
pub(super) struct Statements<'a> {
    inner: RefCell<Inner<'a>>,
}

/// The state of a transaction.
struct Inner<'a> {
    session: &'a Session,
    start: &'a str,
    has_started: bool,
    queue: Vec<Queued>,
    fault: Option<EarlyFault>,
}

/// A fault from before the commit was sent. The server undoes the transaction.
pub(super) struct EarlyFault {
    pub(super) fault: Fault,
    /// True if the transaction did not start.
    pub(super) at_start: bool,
}

/// A statement that nobody waits for.
struct Queued {
    sql: &'static str,
    params: Vec<Value>,
    /// True if it changes or removes a row that the transaction has read.
    must_change: bool,
}

/// A request to the server.
enum Request<'a> {
    /// Statements without parameters.
    Batch(&'a str),
    Execute(&'static str, Vec<Param<'a>>),
    /// A statement that must change at least one row.
    Change(&'static str, Vec<Param<'a>>),
    Query(Query<'a>),
    /// Two statements that only read.
    Both([Query<'a>; 2]),
}

/// The result of a request.
enum Answer {
    Done,
    Count(u64),
    Rows(Vec<tokio_postgres::Row>),
    Both([Vec<tokio_postgres::Row>; 2]),
    /// The statement had to change a row, and changed none.
    NoRow,
}

/// The fault of the first request that failed, and its place among the requests.
struct FaultAt {
    fault: Fault,
    place: usize,
}

impl<'a> Statements<'a> {
    pub(super) fn new(session: &'a Session, start: &'a str) -> Self {
        let inner = Inner { session, start, has_started: false, queue: Vec::new(), fault: None };
        Self { inner: RefCell::new(inner) }
    }

    /// Ends the statements. The transaction is still open.
    pub(super) fn end(self) -> Open<'a> {
        Open { inner: self.inner.into_inner(), names: Names::default() }
    }

    fn enqueue(&self, sql: &'static str, params: &[Param<'_>], must_change: bool) -> StorageResult<()> {
        let inner = &mut *self.inner.borrow_mut();
        inner.queue.push(Queued { sql, params: params.iter().map(owned).collect(), must_change });
        if inner.queue.len() < MAX_QUEUE {
            return Ok(());
        }
        inner.run(None).map(drop).map_err(|()| inner.storage_error())
    }

    fn run(&self, request: Request<'_>) -> StorageResult<Answer> {
        let inner = &mut *self.inner.borrow_mut();
        inner.run(Some(request)).map_err(|()| inner.storage_error())
    }
}

impl Inner<'_> {
    /// Returns the error of the fault that ended the transaction.
    fn storage_error(&self) -> StorageError {
        match &self.fault {
            Some(early) => early.fault.storage_error(),
            None => StorageError::new("a statement failed"),
        }
    }

    /// Sends what waits and this request.
    fn run(&mut self, last: Option<Request<'_>>) -> Result<Answer, ()> {
        if self.fault.is_some() {
            return Err(());
        }
        let queue = std::mem::take(&mut self.queue);
        let requests: Vec<_> = queue.iter().map(Queued::request).chain(last).collect();
        let mut names = Names::find(self.session, statements_of(&requests));
        let writes = requests.iter().any(|request| !request.only_reads());
        if !self.has_started && (writes || names.miss_one()) {
            // A write must not follow a start that failed: nothing would undo it. A statement gets
            // its name inside the transaction, whose limits hold then.
            self.start()?;
        }
        names.complete(self.session).map_err(|fault| self.fault = Some(EarlyFault { fault, at_start: false }))?;
        self.send(requests, names)
    }

    /// Starts the transaction, if that was not done yet.
    fn start(&mut self) -> Result<(), ()> {
        if self.has_started { Ok(()) } else { self.send(Vec::new(), Names::default()).map(drop) }
    }

    /// Sends requests, after the start of the transaction if it was not sent yet. Returns the
    /// answer to the last one.
    fn send(&mut self, requests: Vec<Request<'_>>, names: Names) -> Result<Answer, ()> {
        let starts = !std::mem::replace(&mut self.has_started, true);
        let start = starts.then_some(Request::Batch(self.start));
        send(self.session, start.into_iter().chain(requests).collect(), names).map_err(|FaultAt { fault, place }| {
            self.fault = Some(EarlyFault { fault, at_start: starts && place == 0 });
        })
    }
}

/// Returns the statements with parameters of requests, in their order.
fn statements_of(requests: &[Request<'_>]) -> Vec<&'static str> {
    requests.iter().flat_map(Request::statements).collect()
}

/// The names of statements, in the order in which these are sent.
#[derive(Default)]
struct Names {
    statements: Vec<&'static str>,
    /// The name of each statement; `None` if it has none. It is empty if no statement of the
    /// connection may have a name.
    found: Vec<Option<Statement>>,
}

impl Names {
    /// Finds the names of statements.
    fn find(session: &Session, statements: Vec<&'static str>) -> Self {
        let found = match session.named() {
            Some(named) => statements.iter().map(|sql| named.find(sql)).collect(),
            None => Vec::new(),
        };
        Self { statements, found }
    }

    /// Returns whether a statement needs a name and has none.
    fn miss_one(&self) -> bool {
        self.found.iter().any(Option::is_none)
    }

    /// Gives a name to each statement that needs one and has none.
    fn complete(&mut self, session: &Session) -> Result<(), Fault> {
        let Some(named) = session.named().filter(|_| self.miss_one()) else { return Ok(()) };
        // A statement may be sent twice, and has one name.
        let unnamed: BTreeSet<&'static str> =
            self.statements.iter().zip(&self.found).filter(|(_, found)| found.is_none()).map(|(sql, _)| *sql).collect();
        let prepared = session.wait(async |client: &Client| {
            let prepared = unnamed.iter().map(|sql| Box::pin(client.prepare(sql)) as _).collect();
            in_order(prepared).await.into_iter().collect::<Result<Vec<Statement>, Error>>()
        })?;
        let made: BTreeMap<&'static str, Statement> = unnamed.into_iter().zip(prepared).collect();
        for (sql, found) in self.statements.iter().zip(&mut self.found) {
            if found.is_none() {
                *found = made.get(sql).cloned();
            }
        }
        made.into_iter().for_each(|(sql, statement)| named.add(sql, statement));
        Ok(())
    }
}

impl Request<'_> {
    /// Returns the statements with parameters.
    fn statements(&self) -> Vec<&'static str> {
        match self {
            Self::Batch(_) => Vec::new(),
            Self::Execute(sql, _) | Self::Change(sql, _) | Self::Query((sql, _)) => vec![sql],
            Self::Both(queries) => queries.iter().map(|(sql, _)| *sql).collect(),
        }
    }

    fn only_reads(&self) -> bool {
        match self {
            Self::Query((sql, _)) => sql.starts_with("SELECT"),
            Self::Both(_) => true,
            Self::Batch(_) | Self::Execute(..) | Self::Change(..) => false,
        }
    }
}

impl Queued {
    fn request(&self) -> Request<'_> {
        let params = self.params.iter().map(Value::param).collect();
        if self.must_change { Request::Change(self.sql, params) } else { Request::Execute(self.sql, params) }
    }
}

impl Sql for Statements<'_> {
    fn query(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>> {
        match self.run(Request::Query((sql, params)))? {
            Answer::Rows(found) => rows(&found),
            _ => Ok(Vec::new()),
        }
    }

    fn query_both(&self, queries: [Query<'_>; 2]) -> StorageResult<[Vec<Row>; 2]> {
        match self.run(Request::Both(queries))? {
            Answer::Both([first, second]) => Ok([rows(&first)?, rows(&second)?]),
            _ => Ok(Default::default()),
        }
    }

    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        match self.run(Request::Execute(sql, params.to_vec()))? {
            Answer::Count(count) => Ok(count),
            _ => Ok(0),
        }
    }

    fn put(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<bool> {
        self.enqueue(sql, params, false).map(|()| true)
    }

    fn change(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        self.enqueue(sql, params, true)
    }
}

/// A transaction that has run its statements, apart from those that wait for the commit.
pub(super) struct Open<'a> {
    inner: Inner<'a>,
    /// The names of the statements that wait for the commit, once it is prepared.
    names: Names,
}

/// A fault of a commit that was sent.
pub(super) struct CommitFault {
    pub(super) fault: Fault,
    /// True if a statement that was sent with the commit failed. The server undoes the transaction
    /// then.
    pub(super) in_statement: bool,
}

impl Open<'_> {
    /// Returns the fault that ended the transaction.
    pub(super) fn take_fault(&mut self) -> Option<EarlyFault> {
        self.inner.fault.take()
    }

    /// Prepares the commit: after it, one message is left to send, which has the commit in it.
    /// Returns whether there is anything to commit.
    pub(super) fn prepare_commit(&mut self) -> Result<bool, EarlyFault> {
        let inner = &mut self.inner;
        if !inner.has_started && inner.queue.is_empty() {
            return Ok(false);
        }
        if let (Err(()), Some(fault)) = (inner.start(), inner.fault.take()) {
            return Err(fault);
        }
        self.names = Names::find(inner.session, inner.queue.iter().map(|queued| queued.sql).collect());
        self.names.complete(inner.session).map_err(|fault| EarlyFault { fault, at_start: false })?;
        Ok(true)
    }

    /// Sends the statements that wait, and the commit. If a statement fails, the server answers the
    /// commit by undoing the transaction.
    pub(super) fn commit(self) -> Result<(), CommitFault> {
        let Self { inner, names } = self;
        let requests: Vec<_> = inner.queue.iter().map(Queued::request).chain([Request::Batch("COMMIT")]).collect();
        let statements = requests.len() - 1;
        let sent = send(inner.session, requests, names);
        sent.map(drop).map_err(|FaultAt { fault, place }| CommitFault { fault, in_statement: place < statements })
    }

    /// Undoes the transaction.
    pub(super) fn roll_back(self) -> Result<(), Fault> {
        if !self.inner.has_started {
            return Ok(());
        }
        send(self.inner.session, vec![Request::Batch("ROLLBACK")], Names::default()).map(drop).map_err(|at| at.fault)
    }
}

/// Sends requests together and waits for the answers to all of them. Returns the last one, or the
/// first fault. The server skips nothing after a fault, but it refuses every statement of a
/// transaction that had one.
fn send(session: &Session, requests: Vec<Request<'_>>, names: Names) -> Result<Answer, FaultAt> {
    let mut place = 0;
    let sent = session.wait(async |client: &Client| {
        let mut names = names.found.into_iter();
        let answers = requests.into_iter().map(|request| {
            let names = request.statements().into_iter().map(|_| names.next().flatten()).collect();
            Box::pin(answer(client, request, names)) as _
        });
        let mut last = Answer::Done;
        for answer in in_order(answers.collect()).await {
            last = answer?;
            if matches!(last, Answer::NoRow) {
                return Ok(last);
            }
            place += 1;
        }
        Ok(last)
    });
    match sent {
        Ok(Answer::NoRow) => Err(FaultAt { fault: Fault::Gone, place }),
        sent => sent.map_err(|fault| FaultAt { fault, place }),
    }
}

async fn execute(client: &Client, name: Option<Statement>, sql: &str, params: &[Param<'_>]) -> Result<u64, Error> {
    match name {
        Some(statement) => client.execute(&statement, &untyped(params)).await,
        None => client.execute_typed(sql, &typed(params)).await,
    }
}

async fn query(
    client: &Client,
    name: Option<Statement>,
    (sql, params): Query<'_>,
) -> Result<Vec<tokio_postgres::Row>, Error> {
    match name {
        Some(statement) => client.query(&statement, &untyped(params)).await,
        None => client.query_typed(sql, &typed(params)).await,
    }
}

/// Sends a request when it is first polled, and waits for the answer. `names` are those of its
/// statements.
async fn answer(client: &Client, request: Request<'_>, names: Vec<Option<Statement>>) -> Result<Answer, Error> {
    let mut names = names.into_iter();
    let mut next_name = || names.next().flatten();
    match request {
        Request::Batch(sql) => client.batch_execute(sql).await.map(|()| Answer::Done),
        Request::Execute(sql, params) => execute(client, next_name(), sql, &params).await.map(Answer::Count),
        Request::Change(sql, params) => {
            let count = execute(client, next_name(), sql, &params).await?;
            Ok(if count > 0 { Answer::Count(count) } else { Answer::NoRow })
        }
        Request::Query(read) => query(client, next_name(), read).await.map(Answer::Rows),
        Request::Both(reads) => {
            let reads = reads.into_iter().map(|read| Box::pin(query(client, next_name(), read)) as _).collect();
            let mut found = in_order(reads).await.into_iter();
            let mut next = || found.next().unwrap_or_else(|| Ok(Vec::new()));
            Ok(Answer::Both([next()?, next()?]))
        }
    }
}

/// Returns parameters without their types: the server inferred those of a statement with a name.
fn untyped<'a>(params: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

fn typed<'a>(params: &'a [Param<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (param as &(dyn ToSql + Sync), kind(param))).collect()
}

/// Returns the type of a parameter. The server infers that of a null from the statement.
fn kind(param: &Param<'_>) -> Type {
    match param {
        Param::Null => Type::UNKNOWN,
        Param::Int(_) => Type::INT8,
        Param::Text(_) => Type::TEXT,
        Param::Bytes(_) => Type::BYTEA,
    }
}

fn owned(param: &Param<'_>) -> Value {
    match *param {
        Param::Null => Value::Null,
        Param::Int(number) => Value::Int(number),
        Param::Text(text) => Value::Text(text.to_owned()),
        Param::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// A future of the list that [`in_order`] polls.
type Listed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Polls all futures once, in their order, and then each until it is ready.
async fn in_order<T>(mut futures: Vec<Listed<'_, T>>) -> Vec<T> {
    let mut early: Vec<Option<T>> = poll_fn(|cx| {
        let polled = futures.iter_mut().map(|future| match future.as_mut().poll(cx) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        });
        Poll::Ready(polled.collect())
    })
    .await;
    let mut all = Vec::with_capacity(futures.len());
    for (future, early) in futures.into_iter().zip(early.drain(..)) {
        all.push(match early {
            Some(done) => done,
            None => future.await,
        });
    }
    all
}

fn rows(found: &[tokio_postgres::Row]) -> StorageResult<Vec<Row>> {
    found.iter().map(row).collect()
}

fn row(found: &tokio_postgres::Row) -> StorageResult<Row> {
    let values: Result<_, Error> = (0..found.len()).map(|index| value(found, index)).collect();
    Ok(Row::new(values.map_err(|_| StorageError::new("a column is not of the type that it must have"))?))
}

fn value(found: &tokio_postgres::Row, index: usize) -> Result<Value, Error> {
    let kind = found.columns()[index].type_();
    let value = match *kind {
        Type::INT8 => found.try_get::<_, Option<i64>>(index)?.map(Value::Int),
        Type::BYTEA => found.try_get::<_, Option<Vec<u8>>>(index)?.map(Value::Bytes),
        _ => found.try_get::<_, Option<String>>(index)?.map(Value::Text),
    };
    Ok(value.unwrap_or(Value::Null))
}

impl std::fmt::Debug for Param<'_> {
    /// Shows nothing: the client library may print a parameter.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA | Type::UNKNOWN)
    }

    to_sql_checked!();
}
