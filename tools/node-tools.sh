#!/bin/sh
# Installs the tools that check bindings/node, of the versions that bindings/node/tools names, and
# prints the folder of their programs.
#
#     tools/node-tools.sh BUILD
set -eu

mkdir -p "${1:?usage: tools/node-tools.sh BUILD}"
tools=$(realpath "$1")/tools
here=$(dirname "$0")/../bindings/node/tools
if ! cmp -s "$here/package-lock.json" "$tools/installed"; then
    mkdir -p "$tools"
    cp "$here/package.json" "$here/package-lock.json" "$tools/"
    (cd "$tools" && npm ci --silent --ignore-scripts --no-audit --no-fund)
    cp "$here/package-lock.json" "$tools/installed"
fi
echo "$tools/node_modules/.bin"
