#!/bin/sh
# Runs the fuzz targets, each for this many seconds, with the seeds of the tests and the inputs that
# earlier runs found.
#
#     tools/fuzz.sh BUILD SECONDS [TARGET …]
#
# The targets are instrumented for coverage by flags of the stable compiler, and run by libFuzzer.
# No sanitizer is in them: all code but src/ffi is safe Rust, and the C suite runs under
# AddressSanitizer. `cargo fuzz run TARGET` works, too, if cargo-fuzz is installed.
#
# FUZZ_RUNS=20000000 runs each target so many times, instead of for a time.
# FUZZ_PROFILE=quick builds in a third of the time, for a short run.
#
# An input that fails stays in BUILD/artifacts/TARGET. It becomes a test.
set -eu
cd "$(dirname "$0")/.."
build=$1
seconds=$2
profile=${FUZZ_PROFILE:-release}
shift 2

limit=-max_total_time=$seconds
[ -z "${FUZZ_RUNS:-}" ] || limit=-runs=$FUZZ_RUNS

host=$(rustc -vV | sed -n 's/^host: //p')
# shellcheck disable=SC2046 # a list of names
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^pims-fuzz$')

flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
flags="$flags -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags="$flags --cfg fuzzing"

mkdir -p "$build"
build=$(cd "$build" && pwd)
# With a target named, build scripts and macros are not instrumented.
(cd fuzz && RUSTFLAGS=$flags CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$build/target} \
    cargo build --profile "$profile" --locked --target "$host")
python3 tools/fuzz-seeds.py "$build/seeds"

for target in "$@"; do
    mkdir -p "$build/corpus/$target" "$build/artifacts/$target"
    echo "== $target"
    # A whole run without a failure ends with 0.
    "${FUZZ_TARGET_DIR:-$build/target}/$host/$profile/$target" \
        "$limit" -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="$build/artifacts/$target/" \
        "$build/corpus/$target" "$build/seeds/$target" >"$build/$target.log" 2>&1 || {
        tail -60 "$build/$target.log" >&2
        exit 1
    }
    sed -n 's/^stat::number_of_executed_units: */executions: /p; s/^stat::average_exec_per_sec: */a second: /p' "$build/$target.log"
done
