#!/bin/sh
# Prints the size of the stripped release library, with and without the embedded authority, and the
# time of dlopen beside its floor: the time for an empty library.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

library=$1
build=$2
here=$(cd "$(dirname "$0")/.." && pwd)

size() { stat -L -c %s "$1"; }
cargo rustc --quiet --release -p pims-c --lib --crate-type cdylib --no-default-features --target-dir "$here/target/lean"
printf 'size of libpims.so, stripped        %8d bytes (budget 3,500,000)\n' "$(size "$library")"
printf '  without the embedded authority    %8d bytes (budget 2,000,000)\n' "$(size "$here/target/lean/release/libpims.so")"

cc -O2 "$here/benches/dlopen.c" -o "$build/dlopen" -ldl
echo 'int nothing;' | cc -shared -x c - -o "$build/libempty.so"
median() { # file
    for _ in $(seq 51); do "$build/dlopen" "$1"; done | sort -n | sed -n 26p
}
printf 'dlopen, median of 51 processes      %8d us (budget 700)\n' "$(median "$(realpath "$library")")"
printf '  of an empty library (floor)       %8d us\n' "$(median "$(realpath "$build/libempty.so")")"
