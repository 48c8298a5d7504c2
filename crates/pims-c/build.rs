//! Arguments for the linker of the shared library: its SONAME, no unloading, and its alignment.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" || target == "android" {
        // The number changes with the ABI: see PIMS_ABI_VERSION. Cargo has two instructions for an
        // argument of the linker. Other shared libraries into which this crate is built do not
        // inherit this one. The programs among the tests and benches ignore the name.
        println!("cargo::rustc-link-arg=-Wl,-soname,libpims.so.0");
        // The library stays loaded after `dlclose`, because its thread may still run its code.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // Android has pages of 16 KB.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,max-page-size=16384");
    }
}
