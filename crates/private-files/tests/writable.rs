//! A folder proves that files can be written and replaced in it.

#![allow(clippy::unwrap_used)]

use std::fs;

use private_files::{Folder, Sharing};

#[test]
fn a_proof_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    Folder::open(folder.path(), Sharing::Refused).unwrap().prove_writable("probe", 4096).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_proof_fails_where_a_folder_has_the_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("probe")).unwrap();
    assert!(Folder::open(folder.path(), Sharing::Refused).unwrap().prove_writable("probe", 4096).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_system_vouches_for_a_file_of_this_user_and_for_no_other_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"x").unwrap();
    let opened = Folder::open(folder.path(), Sharing::Refused).unwrap();
    assert_eq!(opened.is_surely_replaceable("file"), cfg!(target_os = "linux"));
    assert!(!opened.is_surely_replaceable("missing"));
    fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(!opened.is_surely_replaceable("folder"));
}
