#!/bin/sh
# Tests the installed package: the wheel of bindings/python/dist goes into a fresh environment, and
# everything runs from there.
#
#     tools/test-python.sh BUILD PYTHON AUTHORITY
#
# AUTHORITY is the program pims-authority.
set -eu

build=$(realpath "${1:?usage: tools/test-python.sh BUILD PYTHON AUTHORITY}")
python=$2
authority=$(realpath "$3")
cd "$(dirname "$0")/../bindings/python"

# The wheel must be the only package that is found.
unset PIMS_LIBRARY PYTHONPATH
"$python" -m venv --clear "$build/test"
"$build/test/bin/pip" install --quiet --disable-pip-version-check -r requirements-test.txt dist/*.whl

# The same library gives the same wheel, at another time and with other modes.
wheel=$(echo dist/*.whl)
rm -rf "$build/again"
mkdir -p "$build/again"
"$build/test/bin/python" -c 'import sys, zipfile
open(sys.argv[2], "wb").write(zipfile.ZipFile(sys.argv[1]).read("libpims/_lib/libpims.so"))' "$wheel" "$build/again/libpims.so"
platform=${wheel##*-none-}
(umask 077 && ../../tools/build-wheel.sh "$build/again/libpims.so" "$build/tools" "${platform%.whl}" "$build/again" >/dev/null)
cmp "$wheel" "$build/again/$(basename "$wheel")"

# Checks the types, of the package by itself and in a program that has the package installed.
"$build/tools/bin/mypy" --cache-dir "$build/mypy" src wheel_platform.py
"$build/tools/bin/mypy" --cache-dir "$build/mypy" --python-executable "$build/test/bin/python" tests examples bench.py
# The example for Home Assistant: its calls of this package. Home Assistant itself is not there, so
# its types are unknown.
(cd ../../examples/home_assistant && "$build/tools/bin/mypy" --strict --python-version 3.13 --ignore-missing-imports \
    --allow-subclassing-any --allow-untyped-decorators --no-warn-return-any \
    --cache-dir "$build/mypy-home-assistant" --python-executable "$build/test/bin/python" -p custom_components.libpims)
"$build/tools/bin/pyright" --pythonpath "$build/test/bin/python"

PIMS_AUTHORITY=$authority "$build/test/bin/python" -m pytest -p no:cacheprovider
