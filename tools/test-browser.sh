#!/bin/sh
# Runs tests/browser: the consoles of the service in a browser.
#
#     tools/test-browser.sh BUILD AUTHORITY [OPTION …] [FILE …]
#
# AUTHORITY is the program pims-authority, and `pims` is beside it. An OPTION is one of
# `node --test`, such as --test-name-pattern=inbox; a FILE is one of tests/browser. Without a FILE,
# all of them run. browser-environment.sh has what the tests need.
set -eu

build=${1:?usage: tools/test-browser.sh BUILD AUTHORITY [OPTION …] [FILE …]}
authority=${2:?usage: tools/test-browser.sh BUILD AUTHORITY [OPTION …] [FILE …]}
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tools/browser-environment.sh
. "$root/tools/browser-environment.sh"

files=
for argument; do
    case $argument in -*) ;; *) files=yes ;; esac
done
[ -n "$files" ] || set -- "$@" "$root"/tests/browser/*.test.js
# A test waits for the browser and the service most of the time.
exec "$node" --test --test-concurrency=2 "$@"
