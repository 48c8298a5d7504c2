#!/bin/sh
# Builds the static library with ThreadSanitizer on in the Rust code itself, the standard library
# and SQLite included. A standard library without the sanitizer hides its locks and reference counts
# from it. The sanitizer then reports as a race what they order, so std is built from source. A
# toolchain that has that source builds it; else Debian's toolchain does, which is installed beside
# it. RUSTC_BOOTSTRAP turns the unstable switches on for this build alone.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

out=$1
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"

has_source() { # rustc
    command -v "$1" >/dev/null 2>&1 && [ -e "$("$1" --print sysroot)/lib/rustlib/src/rust/library/std/Cargo.toml" ]
}
# Chooses cargo and rustc from one place: the one that knows the other's standard library.
choose() {
    if has_source rustc && command -v cargo >/dev/null 2>&1; then rustc=rustc cargo=cargo
    elif has_source /usr/bin/rustc && [ -x /usr/bin/cargo ]; then rustc=/usr/bin/rustc cargo=/usr/bin/cargo
    else return 1
    fi
}

missing=
choose || missing="$missing rustc-web cargo-web rust-web-src"
command -v clang >/dev/null 2>&1 || missing="$missing clang"
command -v llvm-symbolizer >/dev/null 2>&1 || missing="$missing llvm" # else a report takes minutes to get its line numbers
if [ -n "$missing" ]; then
    echo "installing$missing"
    status=0
    # shellcheck disable=SC2086 # a list of package names
    tools/install-packages.sh --no-recommends $missing || status=$?
    if [ "$status" = 69 ]; then
        echo "the tests under ThreadSanitizer need packages that are not installed:$missing" >&2
        echo "on Debian: sudo apt-get install --no-install-recommends$missing" >&2
        echo "(instead of the Rust ones: rustup component add rust-src)" >&2
    fi
    [ "$status" = 0 ] || exit 1
    choose || { echo "the source of the Rust standard library is missing, and no package brought it" >&2; exit 1; }
fi

# The runtime of the Rust toolchain: it is as new as the compiler. Clang's of Debian is older, and
# fails if the kernel spreads addresses widely.
target=$("$rustc" -vV | sed -n 's/^host: //p')
runtime=$(find "$(rustc --print sysroot)/lib/rustlib/$target/lib" -name 'librustc*_rt.tsan.a' | head -n 1)
[ -n "$runtime" ] || { echo "this Rust toolchain has no ThreadSanitizer runtime for $target" >&2; exit 1; }

# Builds the static library alone: a shared one would need the runtime when it is linked. Line
# tables are enough for a report.
RUSTC_BOOTSTRAP=1 RUSTC=$rustc RUSTFLAGS="-Zsanitizer=thread -Zexternal-clangrt -Cforce-frame-pointers=yes" \
    CC=clang CFLAGS="-fsanitize=thread -fno-omit-frame-pointer -gline-tables-only" CARGO_PROFILE_DEV_DEBUG=line-tables-only \
    "$cargo" rustc --locked -p pims-c --lib --crate-type staticlib --features test-hooks -Zbuild-std=std,panic_unwind --target "$target" \
    --target-dir target/tsan
mkdir -p "$out"
tools/replace.sh "target/tsan/$target/debug/libpims.a" "$out/libpims.a"
tools/replace.sh "$runtime" "$out/libtsan_rt.a"
touch "$out/.done"
