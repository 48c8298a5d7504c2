#!/bin/sh
# Checks the JavaScript, TypeScript and JSON of bindings/node by Biome: form and faults.
#
#     tools/lint-node.sh BUILD [--write]          --write formats
set -eu

tools=$("$(dirname "$0")/node-tools.sh" "${1:?usage: tools/lint-node.sh BUILD [--write]}")
shift
cd "$(dirname "$0")/../bindings/node"
exec "$tools/biome" check --error-on-warnings "$@" .
