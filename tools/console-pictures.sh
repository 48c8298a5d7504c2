#!/bin/sh
# Makes the pictures of docs/console.md by the browser of tests/browser:
#
#     tools/console-pictures.sh BUILD AUTHORITY
#
# They replace those in docs/pictures/console. With pngquant (Debian) they are a third of the size.
set -eu

build=${1:?usage: tools/console-pictures.sh BUILD AUTHORITY}
authority=${2:?usage: tools/console-pictures.sh BUILD AUTHORITY}
root=$(cd "$(dirname "$0")/.." && pwd)
pictures=$root/docs/pictures/console
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# shellcheck source=tools/browser-environment.sh
. "$root/tools/browser-environment.sh"
"$node" "$root/tests/browser/pictures.js" "$work"

if command -v pngquant >/dev/null 2>&1; then
    pngquant --force --ext .png --speed 1 --strip 64 "$work"/*.png
else
    echo "pngquant is not installed: the pictures are larger than they could be" >&2
fi
rm -rf "$pictures"
mkdir -p "$pictures"
cp "$work"/*.png "$pictures/"
ls -l "$pictures"
