#!/bin/sh
# Tests the console app with the installed package: the wheel of bindings/python/dist in an
# environment of its own.
#
#     tools/test-console.sh BUILD PYTHON AUTHORITY
#
# AUTHORITY is the program pims-authority.
set -eu

build=$(realpath "${1:?usage: tools/test-console.sh BUILD PYTHON AUTHORITY}")
python=$2
authority=$(realpath "$3")
cd "$(dirname "$0")/../examples/console"

# The wheel must be the only package that is found.
unset PIMS_LIBRARY PYTHONPATH
"$python" -m venv --clear "$build/console"
"$build/console/bin/pip" install --quiet --disable-pip-version-check -r ../../bindings/python/requirements-test.txt ../../bindings/python/dist/*.whl
"$build/tools/bin/mypy" --strict --python-version 3.9 --cache-dir "$build/mypy-console" --python-executable "$build/console/bin/python" ./*.py tests

export PYTHONDONTWRITEBYTECODE=1
PIMS_AUTHORITY=$authority "$build/console/bin/python" -m pytest -q -p no:cacheprovider tests
