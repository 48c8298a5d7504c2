#!/bin/sh
# Runs the C suite against the static library that was built with AddressSanitizer, its C files
# instrumented too. The runtime is that of the Rust toolchain, for both.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

lib=$1
here=$(cd "$(dirname "$0")/.." && pwd)
symbols=$(nm "$lib/libpims.a" 2>/dev/null | grep -c '__asan_report' || true)
[ "$symbols" -gt 0 ] || { echo "the library is not instrumented: no __asan_report in it" >&2; exit 1; }
echo "AddressSanitizer is on in the library ($symbols references)"
exec make -C "$here/c-tests" asan PIMS_LIB_DIR="$lib" ASAN_RUNTIME="$lib/libasan_rt.a" OUT="$here/build/c-tests-asan"
