#!/bin/sh
# Checks JavaScript, TypeScript, CSS and JSON by Biome, form and faults: bindings/node, the tests in
# a browser, the files of the consoles for the browser. They share bindings/node/biome.json.
#
#     tools/lint-node.sh BUILD [--write]          --write formats
set -eu

tools=$("$(dirname "$0")/node-tools.sh" "${1:?usage: tools/lint-node.sh BUILD [--write]}")
shift
cd "$(dirname "$0")/.."
assets=crates/authority-server/src/console/assets
(cd bindings/node && "$tools/biome" check --error-on-warnings "$@" .)
exec "$tools/biome" check --config-path=bindings/node --error-on-warnings "$@" tests/browser "$assets"/*.js "$assets"/*.css
