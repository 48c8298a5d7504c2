#!/bin/sh
# Builds the C demo against a library for another Linux, and runs it:
#
#     tools/run-demo.sh ZIG TARGET FOLDER ROOT [static]
#
# ZIG is the environment of tools/zigbuild.sh. FOLDER has libpims.so.0 or, for `static`, libpims.a.
# A program for another processor runs under qemu-user, with the C library in ROOT; one for this
# processor runs with the C library of this machine.
set -eu
zig=$(realpath "${1:?usage: tools/run-demo.sh ZIG TARGET FOLDER ROOT [static]}")
target=${2:?usage: tools/run-demo.sh ZIG TARGET FOLDER ROOT [static]}
library=$(realpath "${3:?usage: tools/run-demo.sh ZIG TARGET FOLDER ROOT [static]}")
root=$(realpath "${4:?usage: tools/run-demo.sh ZIG TARGET FOLDER ROOT [static]}")
form=${5:-shared}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

processor=${target%%-*}
case $target in
*-gnu) triple=$processor-linux-gnu.2.28 ;;
*) triple=$processor-linux-musl ;;
esac
compile() { "$zig/bin/python" -m ziglang cc -target "$triple" -std=c99 -O2 -Wall -Wextra -Iinclude examples/c/enroll.c -o "$work/enroll" "$@" -lpthread; }
if [ "$form" = static ]; then
    # zig's own unwinder, which needs no file of this machine.
    case $target in
    *-musl) compile -static "$library/libpims.a" -lunwind ;;
    *) compile "$library/libpims.a" -lunwind -lm -ldl -lrt -lutil ;;
    esac
else
    mkdir "$work/lib"
    cp "$library/libpims.so.0" "$work/lib/"
    ln -s libpims.so.0 "$work/lib/libpims.so"
    set -- -L"$work/lib" -lpims -Wl,-rpath,"$work/lib"
    case $target in *-musl) set -- -dynamic "$@" ;; esac
    compile "$@"
fi
if [ "$processor" = "$(uname -m)" ]; then set -- ; by=natively; else set -- "qemu-$processor" -L "$root"; by="under qemu-$processor"; fi
(cd "$work" && timeout 600 "$@" ./enroll >out 2>&1) || { cat "$work/out" >&2; echo "run-demo: the demo did not end well on $target ($form)" >&2; exit 1; }
grep -q '^Every step went as it should' "$work/out" || { cat "$work/out" >&2; exit 1; }
echo "  the C demo ran with the $form library, $by"
