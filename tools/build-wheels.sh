#!/bin/sh
# Builds the Python wheels of a release, one for each system, and prints their paths:
#
#     tools/build-wheels.sh LIBRARIES TOOLS OUT [TARGET…]
#
# LIBRARIES/TARGET has the library that was built for a target of Rust, as libpims.so.0 or
# libpims.so: `make cross` and `make systems` build it. TOOLS is an environment with
# bindings/python/requirements-dev.txt. Without TARGET the wheels are for x86_64 and aarch64,
# glibc 2.28 and musl 1.2.
set -eu

libraries=$(realpath -m "${1:?usage: tools/build-wheels.sh LIBRARIES TOOLS OUT [TARGET…]}")
tools=$(realpath "$2")
mkdir -p "$3"
out=$(realpath "$3")
shift 3
[ $# -gt 0 ] || set -- x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl
cd "$(dirname "$0")/.."

for target in "$@"; do
    processor=${target%%-*}
    case $target in
    *-linux-gnu) platform=manylinux_2_28_$processor ;;
    *-linux-musl) platform=musllinux_1_2_$processor ;;
    *)
        echo "there is no wheel for $target" >&2
        exit 2
        ;;
    esac
    library=
    # cargo-zigbuild adds the version of glibc to the target.
    for file in "$libraries/$target/libpims.so.0" "$libraries/$target/libpims.so" "$libraries/$target.2.28/libpims.so"; do
        [ -n "$library" ] || [ ! -e "$file" ] || library=$file
    done
    [ -n "$library" ] || {
        echo "$libraries has no library for $target. First run: make cross TARGETS=$target (docs/installing.md, Other systems)" >&2
        exit 1
    }
    tools/build-wheel.sh "$library" "$tools" "$platform" "$out"
done
