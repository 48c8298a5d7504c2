//! The program of the service. `pims-authority --help` explains its commands.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    authority_server::main()
}
