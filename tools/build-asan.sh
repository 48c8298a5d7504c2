#!/bin/sh
# Builds the static library with AddressSanitizer on in the Rust code itself, dependencies included.
# The switch is not stable in rustc, the sanitizer is; RUSTC_BOOTSTRAP turns it on for this build
# alone.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

out=$1
here=$(cd "$(dirname "$0")/.." && pwd)
target=$(rustc -vV | sed -n 's/^host: //p')
cd "$here"
# The static library alone is tested.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Cforce-frame-pointers=yes" CFLAGS="-fsanitize=address -fno-omit-frame-pointer" \
    cargo rustc -p pims-c --lib --crate-type staticlib --features test-hooks --target "$target" --target-dir target/asan
mkdir -p "$out"
tools/replace.sh "target/asan/$target/debug/libpims.a" "$out/libpims.a"
runtime=$(find "$(rustc --print sysroot)/lib/rustlib/$target/lib" -name 'librustc*_rt.asan.a' | head -n 1)
[ -n "$runtime" ] || { echo "this Rust toolchain has no AddressSanitizer runtime for $target" >&2; exit 1; }
tools/replace.sh "$runtime" "$out/libasan_rt.a"
touch "$out/.done"
