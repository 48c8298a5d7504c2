//! How the shared library is linked: its SONAME, that it stays loaded, and its alignment.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" || target == "android" {
        for argument in [
            // The number changes with the ABI: see PIMS_ABI_VERSION.
            "-soname,libpims.so.0",
            // `dlclose` must not pull the code from under the library's thread.
            "-z,nodelete",
            // Android's 16 KB pages.
            "-z,max-page-size=16384",
        ] {
            println!("cargo::rustc-cdylib-link-arg=-Wl,{argument}");
        }
    }
}
