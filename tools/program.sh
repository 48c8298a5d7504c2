#!/bin/sh
# Lays out the program `pims` with its man pages and completions, which it generates itself:
#
#     tools/program.sh PROGRAM OUT [WRITER]          OUT/pims, OUT/man, OUT/completions
#
# WRITER is the same program for this machine, if PROGRAM is for another one.
set -eu

program=${1:?usage: tools/program.sh PROGRAM OUT [WRITER]}
out=${2:?usage: tools/program.sh PROGRAM OUT [WRITER]}
writer=${3:-$program}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/man" "$work/completions"
"$writer" manual "$work/man"
"$writer" completions bash >"$work/completions/pims.bash"
"$writer" completions zsh >"$work/completions/_pims"
"$writer" completions fish >"$work/completions/pims.fish"
rm -rf "$out/man" "$out/completions"
mv "$work/man" "$work/completions" "$out/"
# The program last: with it, tools/install.sh installs all of them.
"$here/replace.sh" --mode 755 "$program" "$out/pims"
