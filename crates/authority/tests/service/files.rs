//! What SQLite's files are, and what is none of them.

use pims_authority::{Authority, CvsRequest, Options, Policy};

use crate::database::TestDatabase;
use crate::world::{HandClock, Inbox, open, options};

#[test]
fn what_is_no_database_does_not_open() {
    let empty = TestDatabase::empty();
    let path = empty.file();
    std::fs::write(&path, "this is not a database, but it is long enough to be looked at as one".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let folder = empty.folder.path();
    for database in [path.clone(), folder.join("missing/authority.db"), folder.to_owned()] {
        let options = options(&empty, Policy::default(), &HandClock::default(), &Inbox::default());
        assert!(Authority::open(Options { database: database.into(), ..options }).is_err());
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = TestDatabase::empty();
    let authority = open(&database, Policy::default(), &HandClock::default(), &Inbox::default());
    authority.cvs(&pims_authority::AccountName::new("user").unwrap(), &CvsRequest::TrustedPhoneNumber).unwrap();
    let files: Vec<_> = std::fs::read_dir(database.folder.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() > 1);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}
