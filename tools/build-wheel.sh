#!/bin/sh
# Builds the wheel of bindings/python with a library inside, into bindings/python/dist:
#
#     tools/build-wheel.sh LIBRARY TOOLS
#
# TOOLS is an environment with bindings/python/requirements-dev.txt. The wheel's tag names the
# oldest glibc that it runs on. auditwheel, which knows the rules of manylinux, must agree.
set -eu

library=$(realpath "${1:?usage: tools/build-wheel.sh LIBRARY TOOLS}")
tools=$(realpath "$2")
cd "$(dirname "$0")/../bindings/python"

# The files of an earlier build would go into this one.
rm -rf build dist src/*.egg-info
PIMS_WHEEL_LIBRARY=$library "$tools/bin/python" -m build --wheel --no-isolation . >"$tools/build.log" 2>&1 || {
    cat "$tools/build.log" >&2
    exit 1
}
wheel=$(echo dist/*.whl)
tag=${wheel##*-none-}
"$tools/bin/auditwheel" show "$wheel" | tr '\n' ' ' | grep -qF "following platform tag: \"${tag%.whl}\"" || {
    "$tools/bin/auditwheel" show "$wheel" >&2
    echo "auditwheel says another tag than $wheel" >&2
    exit 1
}
echo "bindings/python/$wheel"
