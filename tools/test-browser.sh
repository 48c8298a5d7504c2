#!/bin/sh
# Runs tests/browser: the consoles of the service in a browser.
#
#     tools/test-browser.sh BUILD AUTHORITY [OPTION or FILE …]
#
# AUTHORITY is the program pims-authority, and `pims` is beside it. The libraries of the tests come
# from npm into BUILD/browser. The browser is Debian's chromium-headless-shell, or PIMS_BROWSER.
# NODE=… takes another Node.js. An OPTION is one of `node --test`, such as --test-name-pattern=inbox;
# a FILE is one of tests/browser.
set -eu

build=${1:?usage: tools/test-browser.sh BUILD AUTHORITY [OPTION or FILE …]}
PIMS_AUTHORITY=$(realpath "${2:?usage: tools/test-browser.sh BUILD AUTHORITY [OPTION or FILE …]}")
shift 2
PIMS_PROGRAM=$(dirname "$PIMS_AUTHORITY")/pims
tests=$(realpath "$(dirname "$0")/../tests/browser")
node=${NODE:-node}
NODE_PATH=$("$(dirname "$0")/browser-modules.sh" "$build")
PIMS_BROWSER=${PIMS_BROWSER:-$(command -v chromium-headless-shell || command -v chromium)} || {
    echo "tests/browser needs chromium-headless-shell: make tools" >&2
    exit 1
}
export PIMS_AUTHORITY PIMS_PROGRAM PIMS_BROWSER NODE_PATH
"$node" -e 'process.exitCode = Number(parseInt(process.versions.node) < 20)' || {
    echo "tests/browser needs Node.js 20 or newer; this is $("$node" --version)" >&2
    exit 1
}

# The options, and the files: all, if none is named.
files=
for argument; do
    case $argument in -*) ;; *) files=yes ;; esac
done
[ -n "$files" ] || set -- "$@" "$tests"/*.test.js
exec "$node" --test "$@"
