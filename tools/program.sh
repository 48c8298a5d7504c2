#!/bin/sh
# Lays out the program `pims` with its man pages and completions, which it generates itself:
#
#     tools/program.sh PROGRAM OUT          OUT/pims, OUT/man, OUT/completions
set -eu

program=${1:?usage: tools/program.sh PROGRAM OUT}
out=${2:?usage: tools/program.sh PROGRAM OUT}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/man" "$work/completions"
"$program" manual "$work/man"
"$program" completions bash >"$work/completions/pims.bash"
"$program" completions zsh >"$work/completions/_pims"
"$program" completions fish >"$work/completions/pims.fish"
rm -rf "$out/man" "$out/completions"
mv "$work/man" "$work/completions" "$out/"
# The program last: with it, tools/install.sh installs all of them.
"$here/replace.sh" --mode 755 "$program" "$out/pims"
