#!/bin/sh
# Runs tests/interop:
#
#     PIMS_LIBRARY=libpims.so PIMS_AUTHORITY=pims-authority tools/test-interop.sh FOLDER [ARGUMENT…]
#
# An ARGUMENT is an option or a test of unittest. The tests run with python3 if it has the package
# `cryptography`. Otherwise FOLDER becomes a virtual environment that gets it from PyPI.
set -eu

folder=${1:?usage: tools/test-interop.sh FOLDER [option or test …]}
shift
here=$(cd "$(dirname "$0")/.." && pwd)
python=python3
unset PYTHONPATH PYTHONHOME
export PYTHONDONTWRITEBYTECODE=1

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || {
    echo "tests/interop needs Python 3.9 or newer; this is $("$python" --version)" >&2
    exit 1
}
if ! "$python" -c 'import cryptography' 2>/dev/null; then
    [ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
    python=$folder/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/tests/interop/requirements.txt"
    python=$(cd "$folder" && pwd)/bin/python
fi
cd "$here/tests/interop"
if [ $# = 0 ]; then set -- discover; fi
exec "$python" -W error::ResourceWarning -m unittest "$@"
