//! The service as a program: `pims-authority --help` tells what it does.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    pims_authority_server::main()
}
