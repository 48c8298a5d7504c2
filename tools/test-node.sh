#!/bin/sh
# Tests the Node.js package: its npm packages go into a fresh folder, and everything runs from
# there.
#
#     tools/test-node.sh BUILD ADDON
#
# ADDON is the library of the crate `pims-node` for this machine. NODE=… takes another Node.js.
set -eu

mkdir -p "${1:?usage: tools/test-node.sh BUILD ADDON}"
build=$(realpath "$1")
addon=$(realpath "${2:?usage: tools/test-node.sh BUILD ADDON}")
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Checks how the native part is linked, and what it exports: the function that Node.js calls, and
# the functions of pims.h, which come with the library.
dynamic=$(readelf -dW "$addon")
echo "$dynamic" | grep -q 'SONAME.*\[libpims_node.so\]' || { echo "no SONAME libpims_node.so" >&2; exit 1; }
echo "$dynamic" | grep -q 'NODELETE' || { echo "not linked with -z nodelete" >&2; exit 1; }
readelf -lW "$addon" | awk '$1 == "LOAD" { count++; if ($NF != "0x4000") bad = 1 } END { exit bad || !count }' || {
    echo "a segment is not aligned for 16 KB pages" >&2
    exit 1
}
if nm -D --defined-only "$addon" | awk '{ print $3 }' | grep -v -e '^napi_register_module_v1$' -e '^pims_'; then
    echo "the native part exports more than Node.js calls: above" >&2
    exit 1
fi

python3 -B -m doctest tools/node-packages.py
platform=$(tools/node-platform.sh)
strip -o "$folder/pims.node" "$addon"
packages=$build/test-packages
rm -rf "$packages"
tools/node-packages.py "$packages" "$platform=$folder/pims.node"
tools/node-packages.py "$folder/again" "$platform=$folder/pims.node" >/dev/null
(cd "$packages" && sha256sum -- *.tgz) >"$folder/sums"
(cd "$folder/again" && sha256sum --quiet -c "$folder/sums")
refuses() { # PLATFORM=FILE, what is said
    if tools/node-packages.py "$folder/wrong" "$1" >"$folder/log" 2>&1 || ! grep -qF "$2" "$folder/log"; then
        cat "$folder/log"
        echo "a library of another platform was packed, or it was refused in other words: $1" >&2
        exit 1
    fi
}
case $platform in
*-gnu) refuses "${platform%-*}-musl=$folder/pims.node" ' needs glibc, and not that of ' ;;
*) refuses "${platform%-*}-gnu=$folder/pims.node" ' needs musl, and not that of ' ;;
esac

# npm refuses the native part of another processor: that of this one, with its number in the head.
c_library=${platform##*-}
case $platform in
*-x64-*) other=linux-arm64-$c_library machine='\267\0' ;;
*) other=linux-x64-$c_library machine='\076\0' ;;
esac
refuses "$other=$folder/pims.node" ', and not for '
{ head -c 18 "$folder/pims.node"; printf '%b' "$machine"; tail -c +21 "$folder/pims.node"; } >"$folder/other.node"
tools/node-packages.py "$folder/other" "$other=$folder/other.node" >/dev/null
echo '{ "private": true }' >"$folder/package.json"
if (cd "$folder" && npm install --offline --no-save --no-audit --no-fund ./other/libpims-linux-*.tgz >log 2>&1) || ! grep -q EBADPLATFORM "$folder/log"; then
    cat "$folder/log"
    echo "npm installs the native part of another processor" >&2
    exit 1
fi

# The pages' command asks no registry, and runs no script: another project could have a name there.
mkdir "$folder/install"
echo '{ "private": true }' >"$folder/install/package.json"
node tools/count-requests.js npm install --cache "$folder/cache" --fetch-retries=0 --no-audit --no-fund \
    --prefix "$folder/install" "$packages"/*.tgz >"$folder/log" 2>&1 || {
    cat "$folder/log"
    echo "npm install of the packages: above" >&2
    exit 1
}

# The package of an older version does not stay: the glob of the pages would name both.
touch "$folder/again/libpims-0.0.0.tgz"
tools/node-packages.py "$folder/again" "$platform=$folder/pims.node" >/dev/null
[ ! -e "$folder/again/libpims-0.0.0.tgz" ] || { echo "the package of an older version stays" >&2; exit 1; }

tools/test-node-packages.sh "$build" "$packages"
