#!/bin/sh
# Installs npm packages of bindings/node into a fresh folder, as a user does, and runs the tests
# there.
#
#     tools/test-node-packages.sh BUILD PACKAGES [PLATFORM NODE]
#
# PACKAGES has libpims-VERSION.tgz and libpims-PLATFORM-VERSION.tgz. PLATFORM is that of this
# machine's Node.js, or that of the program NODE, such as linux-x64-musl. The native part is
# installed from its file, and the other platforms' packages are not there. Nothing is fetched.
set -eu

mkdir -p "${1:?usage: tools/test-node-packages.sh BUILD PACKAGES [PLATFORM NODE]}"
build=$(realpath "$1")
packages=$(realpath "${2:?usage: tools/test-node-packages.sh BUILD PACKAGES [PLATFORM NODE]}")
cd "$(dirname "$0")/.."
platform=${3:-$(tools/node-platform.sh)}
node=$(realpath "$(command -v "${4:-${NODE:-node}}")")
# Child processes do not use the job server of the make that calls this program.
unset MAKEFLAGS MFLAGS MAKELEVEL
# The packages must be the only ones that are found.
unset PIMS_NODE_ADDON NODE_PATH NODE_OPTIONS
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
PIMS_REPOSITORY=$PWD
export PIMS_REPOSITORY

test=$build/test-$platform
rm -rf "$test"
mkdir -p "$test"
echo '{ "private": true }' >"$test/package.json"
cpu=${platform#linux-}
libc=${cpu#*-}
(
    cd "$test"
    npm install --offline --no-save --ignore-scripts --no-audit --no-fund --silent \
        --os=linux --cpu="${cpu%-*}" --libc="$([ "$libc" = gnu ] && echo glibc || echo "$libc")" \
        "$packages/libpims-$version.tgz" "$packages/libpims-$platform-$version.tgz"
)
cp -R bindings/node/test "$test/"

# The types, as a program sees them that has the package installed.
tools=$(tools/node-tools.sh "$build")
sed 's|"\.\./\.\./[^"]*"|"../../node_modules/libpims/index.d.ts"|g' bindings/node/test/types/tsconfig.json >"$test/test/types/tsconfig.json"
"$tools/tsc" -p "$test/test/types"

(cd "$test" && echo "$platform: Node.js $("$node" --version)" && "$node" --test test/*.test.js >report 2>&1) || {
    cat "$test/report"
    exit 1
}
grep -E '^(# |ℹ )(tests|pass|fail|skipped) ' "$test/report"
