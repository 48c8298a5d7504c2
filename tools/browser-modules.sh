#!/bin/sh
# Installs the libraries of tests/browser, of the versions that its lock file names, and prints
# their folder.
#
#     tools/browser-modules.sh BUILD
set -eu

mkdir -p "${1:?usage: tools/browser-modules.sh BUILD}/browser"
modules=$(realpath "$1")/browser
here=$(dirname "$0")/../tests/browser
if ! cmp -s "$here/package-lock.json" "$modules/installed"; then
    cp "$here/package.json" "$here/package-lock.json" "$modules/"
    (cd "$modules" && npm ci --silent --ignore-scripts --no-audit --no-fund)
    cp "$here/package-lock.json" "$modules/installed"
fi
echo "$modules/node_modules"
