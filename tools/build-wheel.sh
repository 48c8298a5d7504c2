#!/bin/sh
# Builds the wheel of bindings/python with a library inside, and prints its path:
#
#     tools/build-wheel.sh LIBRARY TOOLS [PLATFORM FOLDER]
#
# TOOLS is an environment with bindings/python/requirements-dev.txt. The wheel is for PLATFORM, such
# as musllinux_1_2_aarch64, and goes into FOLDER. Without them it is for the oldest platform that
# the library permits, and alone in bindings/python/dist. The same library gives the same bytes.
set -eu

library=$(realpath "${1:?usage: tools/build-wheel.sh LIBRARY TOOLS [PLATFORM FOLDER]}")
tools=$(realpath "$2")
platform=${3-}
cd "$(dirname "$0")/.."
if [ $# -gt 3 ]; then
    mkdir -p "$4"
    folder=$4
else
    folder=bindings/python/dist
    rm -rf "$folder"
fi
mkdir -p "$folder"
# First, because the build would print more than the one sentence.
oldest=$("$tools/bin/python" -B bindings/python/wheel_platform.py "$library")
[ -z "$platform" ] || "$tools/bin/python" -B bindings/python/wheel_platform.py "$library" "$platform" >/dev/null
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# A copy: the files of an earlier build do not go into this one. An archive holds the times and
# modes of its files, so they are the same for each checkout.
source=$made/source/bindings/python
mkdir -p "$source" "$made/source/tools"
cp Cargo.toml "$made/source/"
cp tools/elf.py "$made/source/tools/"
(cd bindings/python && cp -RL pyproject.toml setup.py wheel_platform.py README.md LICENSE-* src "$source/")
find "$source" -name '*.egg-info' -prune -exec rm -r {} + -o -name __pycache__ -prune -exec rm -r {} +
chmod -R u=rwX,go=rX "$made/source"
umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1700000000)}
export SOURCE_DATE_EPOCH PIMS_WHEEL_LIBRARY="$library" PIMS_WHEEL_PLATFORM="$platform"
"$tools/bin/python" -m build --wheel --no-isolation -o "$made" "$source" >"$made/log" 2>&1 || {
    cat "$made/log" >&2
    exit 1
}
wheel=$(basename "$made"/*.whl)
case $oldest in
manylinux*)
    # auditwheel knows the rules of manylinux, and must name the same oldest platform. It knows musl
    # only by the name that Alpine's linker writes into a library.
    "$tools/bin/auditwheel" show "$made/$wheel" >"$made/told" 2>&1 || :
    tr '\n' ' ' <"$made/told" | grep -qF "following platform tag: \"$oldest\"" || {
        cat "$made/told" >&2
        echo "auditwheel says another oldest platform than $oldest" >&2
        exit 1
    }
    ;;
esac
mv "$made/$wheel" "$folder/"
echo "$folder/$wheel"
