#!/bin/sh
# Prints the platform of this machine's Node.js, as its native package is called: linux-x64-gnu.
set -eu
cd "$(dirname "$0")/.."
exec node -p "require('./bindings/node/lib/native').systemName()"
