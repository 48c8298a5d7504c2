//! How the shared library is linked: its SONAME, that it stays loaded, and its alignment.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" || target == "android" {
        // The number changes with the ABI: see PIMS_ABI_VERSION. Of the two ways to tell a linker something this is the one that other shared
        // libraries, into which this crate is built, do not inherit; the programs among the tests and benches ignore the name.
        println!("cargo::rustc-link-arg=-Wl,-soname,libpims.so.0");
        // `dlclose` must not pull the code from under the library's thread.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // Android's 16 KB pages.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,max-page-size=16384");
    }
}
