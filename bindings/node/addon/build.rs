//! The linker arguments of the shared library: those of the C library (the build script of
//! `pims-c`), with another name. An addon finds the functions of Node-API in the program that loads
//! it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        for argument in ["-soname,libpims_node.so", "-z,nodelete", "-z,max-page-size=16384"] {
            println!("cargo::rustc-cdylib-link-arg=-Wl,{argument}");
        }
    }
}
