#!/bin/sh
# Checks that a new build of a library leaves alone a process that has the old one mapped:
#
#     tools/test-replace.sh LIBRARY [MAKE-TARGET=FILE]…
#
# First a program has a copy of LIBRARY mapped while tools/replace.sh puts another file in its
# place, and goes on. Then each target is made, which must leave FILE as another file (inode) than
# before.
set -eu

cd "$(dirname "$0")/.."
# Its own make takes no part in the jobs of the one that called it.
unset MAKEFLAGS MFLAGS MAKELEVEL
library=$(realpath "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "test-replace: $*" >&2
    exit 1
}

${CC:-cc} -std=c99 -D_XOPEN_SOURCE=700 -Wall -Wextra -Werror tests/install/mapped.c -o "$work/mapped" -ldl
cp "$library" "$work/libpims.so.0"
mkfifo "$work/in" "$work/out"
"$work/mapped" "$work/libpims.so.0" <"$work/in" >"$work/out" 2>"$work/err" &
program=$!
exec 3>"$work/in" 4<"$work/out"
read -r said <&4 || said=
[ "$said" = mapped ] || { cat "$work/err" >&2; fail "the program did not begin"; }
echo "another file" >"$work/other"
chmod 751 "$work/other"
# REPLACE=cp shows that the program ends by SIGBUS if the file is written in place.
${REPLACE:-tools/replace.sh} "$work/other" "$work/libpims.so.0"
cmp -s "$work/other" "$work/libpims.so.0" || fail "the new file is not in place"
echo on >&3
read -r said <&4 || said=
status=0
wait "$program" || status=$?
[ "$status" = 0 ] && [ "$said" = "went on" ] || { cat "$work/err" >&2; fail "the program ended with $status after its library was replaced"; }
[ "$(stat -c %a "$work/libpims.so.0")" = 751 ] || fail "the new file has another mode"
tools/replace.sh --link libpims.so.0 "$work/libpims.so"
tools/replace.sh --link libpims.so.0 "$work/libpims.so"
[ "$(readlink "$work/libpims.so")" = libpims.so.0 ] || fail "the link is wrong"
[ -z "$(find "$work" -name '.*.*')" ] || fail "a temporary file is left"
if tools/replace.sh "$work/other" "$work" 2>/dev/null; then fail "a folder was replaced"; fi
echo "ok: a program that has the old library mapped goes on"

for pair in "$@"; do
    target=${pair%%=*} file=${pair#*=}
    # Held open, so that its number is not given to the new file.
    exec 5<"$file"
    before=$(stat -L -c %i "$file")
    make --no-print-directory "$target" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "make $target failed"; }
    [ "$(stat -L -c %i "$file")" != "$before" ] || fail "make $target wrote into $file"
    exec 5<&-
    echo "ok: make $target puts a new file in the place of $file"
done
