//! The image's file. It is not built here: there is no Docker.

use std::process::Command;

use crate::live::{ALICE, Live, read, tool};

#[test]
fn the_health_check_of_the_image_tells_a_service_that_lives_from_one_that_does_not() {
    let Some(curl) = tool("curl", "Debian: curl") else { return };
    let file = read("deploy/Dockerfile");
    let words = file.lines().find_map(|line| line.trim().strip_prefix("CMD [\"curl\"")).unwrap();
    let words: Vec<String> = serde_json::from_str(&format!("[\"curl\"{words}")).unwrap();
    let mut live = Live::start(true, ALICE);
    let arguments: Vec<String> =
        words[1..].iter().map(|word| word.replace(":8443/", &format!(":{}/", live.port))).collect();
    assert!(arguments.iter().any(|word| word.contains(&live.port.to_string())));
    let healthy = || Command::new(&curl).args(&arguments).status().unwrap().success();
    assert!(healthy());
    live.kill();
    assert!(!healthy());
}
