#!/bin/sh
# Builds what a release carries for one Linux, and checks it:
#
#     tools/build-system.sh TOOLS TARGET OUT [library]
#
# TOOLS and TARGET are those of tools/zigbuild.sh. OUT gets libpims.so.0, libpims.a, libpims_jni.so,
# libpims_node.so and `tools`, the versions of the compilers; for
# glibc also the programs `pims`, with man pages and completions, and `pims-authority`.
# tools/install.sh and the tools that make packages take them from there. With `library`, OUT gets
# libpims.so.0, libpims.a and `tools` alone. For aarch64, the archive needs Debian's
# binutils-aarch64-linux-gnu.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL

tools=${1:?usage: tools/build-system.sh TOOLS TARGET OUT [library]}
target=${2:?usage: tools/build-system.sh TOOLS TARGET OUT [library]}
mkdir -p "${3:?usage: tools/build-system.sh TOOLS TARGET OUT [library]}"
tools=$(realpath -m "$tools")
out=$(realpath "$3")
what=${4:-all}
cd "$(dirname "$0")/.."
built=target/zig/$target/release
processor=${target%%-*}
newest=2.28

fail() {
    echo "build-system: $*" >&2
    exit 1
}

# Checks what a binary needs: nothing but the C library, and no newer one than it may.
check_needs() { # binary
    for needed in $(readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case $target:$needed in
        *-gnu:libc.so.6 | *-gnu:libm.so.6 | *-gnu:libpthread.so.0 | *-gnu:libdl.so.2 | *-gnu:librt.so.1 | *-gnu:ld-linux-*.so.*) ;;
        *-musl:libc.so) ;;
        *) fail "$1 needs $needed" ;;
        esac
    done
    versions=$(readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV)
    [ "$(printf '%s\n' "$versions" $newest | sort -V | tail -n 1)" = $newest ] || fail "$1 needs glibc $(echo "$versions" | tail -n 1)"
    if grep -qF -e "$PWD/" -e "${CARGO_HOME:-$HOME/.cargo}/" "$1"; then fail "$1 names a folder of this machine"; fi
}

# Checks a library as Android and Java need it: it stays loaded, and fits pages of 16 KB.
check_library() { # library
    check_needs "$1"
    readelf -dW "$1" | grep -q NODELETE || fail "$1 is not linked with -z nodelete"
    readelf -lW "$1" | awk '$1 == "LOAD" { count++; if ($NF != "0x4000") bad = 1 } END { exit bad || !count }' ||
        fail "$1 is not aligned for pages of 16 KB"
}

tools/zigbuild.sh "$tools" "$target" build --release -p pims-c
check_library "$built/libpims.so"
tools/check-exports.sh "$built/libpims.so"
tools/replace.sh "$built/libpims.so" "$out/libpims.so.0"
if [ "$processor" = "$(uname -m)" ]; then
    tools/localize.sh "$built/libpims.a" "$out/libpims.a"
else
    LD=$processor-linux-gnu-ld OBJCOPY=$processor-linux-gnu-objcopy AR=$processor-linux-gnu-ar tools/localize.sh "$built/libpims.a" "$out/libpims.a"
fi
tools/replace.sh "target/zig/$target/tools" "$out/tools"
[ "$what" != library ] || exit 0

case $target in
*-musl)
    tools/zigbuild.sh "$tools" "$target" build --release -p pims-jni -p pims-node
    ;;
*)
    tools/zigbuild.sh "$tools" "$target" build --release -p pims-jni -p cli -p pims-node
    tools/zigbuild.sh "$tools" "$target" build --profile server -p authority-server
    check_needs "$built/pims"
    check_needs "target/zig/$target/server/pims-authority"
    tools/replace.sh --mode 755 "target/zig/$target/server/pims-authority" "$out/pims-authority"
    # The program of this machine's processor writes the pages for the other one.
    if [ "$processor" = "$(uname -m)" ]; then writer=$built/pims; else writer=target/zig/$(uname -m)-unknown-linux-gnu/release/pims; fi
    [ -x "$writer" ] || fail "build $(uname -m)-unknown-linux-gnu first: its program writes the man pages"
    tools/program.sh "$built/pims" "$out" "$writer"
    ;;
esac
check_library "$built/libpims_jni.so"
tools/replace.sh "$built/libpims_jni.so" "$out/libpims_jni.so"
check_library "$built/libpims_node.so"
tools/replace.sh "$built/libpims_node.so" "$out/libpims_node.so"
