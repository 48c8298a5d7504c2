//! The linker arguments of the shared library: those of the C library (the build script of
//! `pims-c`), with another name.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" || target == "android" {
        for argument in ["-soname,libpims_jni.so", "-z,nodelete", "-z,max-page-size=16384"] {
            println!("cargo::rustc-cdylib-link-arg=-Wl,{argument}");
        }
    }
}
