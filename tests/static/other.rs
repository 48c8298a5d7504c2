//! Another static library with Rust's runtime, and a panic that it catches: see
//! tools/test-static.sh.

#[no_mangle]
pub extern "C" fn other_catches() -> i32 {
    std::panic::set_hook(Box::new(|_| ()));
    i32::from(std::panic::catch_unwind(|| panic!("caught")).is_err())
}
