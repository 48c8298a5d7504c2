//! Errors that PostgreSQL reports seldom, and databases with its protocol often: at each statement
//! of a password, and at the commit. A proxy makes the server raise them.

use crate::faulty::{Outcome, Stage};
use crate::proxy::{Replacement, ends_group, is_commit, is_committed};

/// Returns the number of groups of messages of a password, each of which the server answers.
fn groups(stage: &Stage) -> usize {
    for _ in 0..2 {
        stage.proxy.history();
        assert_eq!(stage.exact_password("without a fault"), Outcome::Accepted);
    }
    let history = stage.proxy.history();
    assert_eq!(history.iter().filter(|message| is_committed(message)).count(), 2 * 3);
    history.iter().filter(|message| ends_group(message)).count() / 2
}

/// Raises this error at each statement of a password but the commits. Returns the number of honest
/// failures.
fn raised_at_each_statement(what: &str, replacement: &Replacement) -> usize {
    let stage = Stage::new(|server| server.connections = 1);
    let count = groups(&stage);
    let mut failures = 0;
    for number in 0..count - 3 {
        stage.proxy.replace_at(number, replacement.clone(), |message| ends_group(message) && !is_commit(message));
        let outcome = stage.exact_password(&format!("{what} at statement {number} of {count}"));
        failures += usize::from(!outcome.is_accepted());
    }
    failures
}

#[test]
fn a_step_runs_again_after_a_collision_at_any_statement() {
    for state in ["40001", "40P01"] {
        assert_eq!(raised_at_each_statement(state, &Replacement::error(state)), 0, "{state}");
    }
}

#[test]
fn a_step_runs_again_on_another_connection_if_the_server_cannot_write() {
    // The server became a standby, or it is one and refuses SERIALIZABLE.
    for state in ["25006", "0A000"] {
        assert_eq!(raised_at_each_statement(state, &Replacement::error(state)), 0, "{state}");
    }
}

#[test]
fn a_step_runs_again_on_another_connection_if_an_administrator_ends_this_one() {
    let ends = [("57P01", Replacement::error("57P01")), ("the process ends", Replacement::end_of_process())];
    for (what, replacement) in ends {
        // A pooler can say this, too, of a server that it does not hear any more. So nobody knows
        // the result of a commit that was sent together with this statement.
        let failures = raised_at_each_statement(what, &replacement);
        assert!(failures <= 6, "{what}: {failures} honest failures");
    }
}

#[test]
fn other_errors_are_a_failure_or_another_run_and_leave_nothing() {
    for state in ["26000", "40003", "53100", "XX000"] {
        raised_at_each_statement(state, &Replacement::error(state));
    }
}

fn raised_at_the_commit(replacement: &Replacement) -> Vec<Outcome> {
    let stage = Stage::new(|server| server.connections = 1);
    let commit = |number: usize| {
        stage.proxy.replace_at(number, replacement.clone(), is_commit);
        stage.exact_password(&format!("{replacement:?} at commit {number}"))
    };
    (0..3).map(commit).collect()
}

#[test]
fn a_step_runs_again_after_a_collision_at_the_commit() {
    for state in ["40001", "40P01"] {
        let outcomes = raised_at_the_commit(&Replacement::error_at_commit(state));
        assert!(outcomes.iter().all(Outcome::is_accepted), "{state}: {outcomes:?}");
    }
}

#[test]
fn an_unknown_result_of_the_commit_is_no_refusal_and_doubles_nothing() {
    for state in ["40003", "57P01", "08007", "XX000"] {
        raised_at_the_commit(&Replacement::error_at_commit(state));
        raised_at_the_commit(&Replacement::error_after_commit(state));
    }
    raised_at_the_commit(&Replacement::end_of_process());
}

#[test]
fn a_server_that_collides_at_each_commit_gets_an_honest_failure_and_the_service_goes_on() {
    let stage = Stage::new(|server| server.connections = 1);
    stage.proxy.replace_each(Replacement::error_at_commit("40001"), is_commit);
    assert_eq!(stage.exact_password("each commit collides"), Outcome::NotMade);
    let commits = stage.proxy.history().iter().filter(|message| is_commit(message)).count();
    assert!(commits > 10, "it tried {commits} times");
}
