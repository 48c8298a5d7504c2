//! A host with an asynchronous runtime: it may drop the service on any thread, also inside a task.

use std::panic::{AssertUnwindSafe, catch_unwind};

use authority::{AccountName, Authority, Database, OpenError, Options, Policy, Postgres};
use tokio::runtime::{Builder, Runtime};

use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::world::{Inbox, ManualClock, options};

fn open(database: &TestDatabase) -> Result<Authority, OpenError> {
    Authority::open(options(database, Policy::default(), &ManualClock::default(), &Inbox::default()))
}

/// Returns a service with several connections, none of which is in use.
fn used(database: &TestDatabase) -> Authority {
    let authority = open(database).unwrap();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let authority = &authority;
            scope.spawn(move || authority.add_account(&AccountName::new(&format!("user{number}")).unwrap()).unwrap());
        }
    });
    authority
}

fn backends(database: &TestDatabase) -> usize {
    // The test's own connection is not counted.
    database.connections()
}

/// Waits until the server has noticed that a client closed its connection.
fn all_are_closed(database: &TestDatabase) {
    for _ in 0..6000 {
        if backends(database) == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{} connections are left", backends(database));
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_multi_thread().worker_threads(1).build().unwrap(), Builder::new_current_thread().build().unwrap()]
}

#[test]
fn a_service_is_dropped_on_a_thread_of_a_runtime() {
    for runtime in runtimes() {
        let database = TestDatabase::empty();
        let authority = used(&database);
        assert!(backends(&database) > 0);
        runtime.block_on(async move { drop(authority) });
        all_are_closed(&database);
    }
}

#[test]
fn a_service_is_dropped_inside_a_task_and_with_a_task_that_is_cancelled() {
    for runtime in runtimes() {
        let database = TestDatabase::empty();
        let authority = used(&database);
        let task = runtime.spawn(async move { drop(authority) });
        runtime.block_on(task).unwrap();
        all_are_closed(&database);

        let database = TestDatabase::empty();
        let authority = used(&database);
        let task = runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(authority);
        });
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        all_are_closed(&database);

        // The end of the runtime drops its tasks.
        let database = TestDatabase::empty();
        let authority = used(&database);
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(authority);
        });
        drop(runtime);
        all_are_closed(&database);
    }
}

#[test]
fn a_service_is_dropped_on_a_thread_of_a_runtime_while_a_panic_unwinds() {
    for runtime in runtimes() {
        let database = TestDatabase::empty();
        let authority = used(&database);
        let panicked = runtime.block_on(runtime.spawn(async move {
            let _authority = authority;
            panic!("on purpose");
        }));
        assert!(panicked.unwrap_err().is_panic());
        all_are_closed(&database);
    }
}

#[test]
fn a_service_whose_server_is_gone_is_dropped_on_a_thread_of_a_runtime() {
    for runtime in runtimes() {
        let cluster = Cluster::start();
        let database = Database::Postgres(Postgres::new(cluster.address("postgres")));
        let nowhere = TestDatabase::empty();
        let options = options(&nowhere, Policy::default(), &ManualClock::default(), &Inbox::default());
        let authority = Authority::open(Options { database, ..options }).unwrap();
        cluster.down();
        runtime.block_on(async move { drop(authority) });
    }
}

/// A call blocks, and a runtime permits that on threads for it alone. Elsewhere the call panics;
/// the service is as good as before, and so is the process.
#[test]
fn a_call_on_a_thread_of_a_runtime_panics_and_damages_nothing() {
    for runtime in runtimes() {
        let database = TestDatabase::empty();
        let authority = used(&database);
        let called = runtime.block_on(async { catch_unwind(AssertUnwindSafe(|| authority.ping())) });
        assert!(called.is_err());
        let opened = runtime.block_on(async { catch_unwind(AssertUnwindSafe(|| drop(open(&database)))) });
        assert!(opened.is_err());
        authority.ping().unwrap();
        let authority = runtime.block_on(runtime.spawn_blocking(move || {
            authority.ping().unwrap();
            authority
        }));
        assert_eq!(authority.unwrap().accounts(None, 100).unwrap().len(), 16);
        all_are_closed(&database);
    }
}
