#!/bin/sh
# Runs cargo for another Linux, with zig as C compiler and linker:
#
#     tools/zigbuild.sh TOOLS TARGET build|rustc ARGUMENT…
#
# TARGET is x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, x86_64-unknown-linux-musl or
# aarch64-unknown-linux-musl. The result is in target/zig/TARGET. TOOLS becomes a virtual
# environment with tools/requirements-zig.txt, from PyPI, if it is not there.
#
# For glibc the result runs on 2.28 (2018) and newer. LLVM's unwinder, which zig brings, is linked
# in: no result needs libgcc_s.so.1. If rustup has the standard library of the target, rustup's
# toolchain builds it. Otherwise the standard library is built too, by Debian's rustc-web, cargo-web
# and rust-web-src. The result names neither this folder nor that of cargo.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL

tools=$(realpath -m "${1:?usage: tools/zigbuild.sh TOOLS TARGET build|rustc ARGUMENT…}")
target=${2:?usage: tools/zigbuild.sh TOOLS TARGET build|rustc ARGUMENT…}
command=${3:?usage: tools/zigbuild.sh TOOLS TARGET build|rustc ARGUMENT…}
shift 3
cd "$(dirname "$0")/.."
root=$PWD

if ! cmp -s tools/requirements-zig.txt "$tools/requirements-zig.txt"; then
    python3 -m venv --clear "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement tools/requirements-zig.txt
    cp tools/requirements-zig.txt "$tools/"
fi
PATH=$tools/bin:$PATH
export PATH

flags="--remap-path-prefix=$root=/libpims --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
case $target in
*-linux-gnu) triple=$target.2.28 ;;
*-linux-musl)
    triple=$target
    # A shared library takes musl from the system that loads it.
    flags="$flags -C target-feature=-crt-static"
    ;;
*) echo "zigbuild: $target is none of the four targets" >&2; exit 2 ;;
esac

set -- "$@" --target-dir target/zig --target "$triple"
# rustup's standard library for musl brings an unwinder and start files that zig brings as well.
if [ "${target%-gnu}" != "$target" ] && [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    compiler=rustc
elif [ -d /usr/lib/rustlib/src/rust/library ] && [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ]; then
    compiler=/usr/bin/rustc
    # cargo-zigbuild takes the other toolchain by these two names.
    RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo
    export RUSTC_BOOTSTRAP RUSTC CARGO
    set -- -Zbuild-std=std,panic_unwind "$@"
else
    echo "zigbuild: the standard library for $target is missing: Debian's rustc-web, cargo-web and rust-web-src" >&2
    exit 1
fi
RUSTFLAGS=$flags cargo-zigbuild "$command" "$@"
# The compilers, for the statement of provenance.
{
    echo "rustc $($compiler --version | cut -d ' ' -f 2-)"
    echo "zig $(python3 -m ziglang version)"
    echo "cargo-zigbuild $(cargo-zigbuild --version | cut -d ' ' -f 2)"
} >"target/zig/$target/tools"
