#!/bin/sh
# Checks that the functions that a library exports, that the header declares and that docs/c-abi.md
# documents are the same:
#
#     tools/check-exports.sh LIBRARY
#
# A shared library is also linked as docs/c-abi.md says: its SONAME, never unloaded, aligned for 16
# KB pages. An archive has no other global symbol, weak or not.
set -eu

library=$1
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $library in *.a) is_archive=yes symbols=-g ;; *) is_archive='' symbols=-D ;; esac
nm $symbols --defined-only "$library" >"$work/symbols"
awk 'NF == 3 { print $3 }' "$work/symbols" | sed 's/@.*//' | sort -u >"$work/exports"
grep -oE '\bpims_[a-z_]+\(' "$here/include/pims.h" | tr -d '(' | sort -u >"$work/header"
# shellcheck disable=SC2016 # the page's backticks
grep -oE '^\| `[^`]*\bpims_[a-z_]+\(' "$here/docs/c-abi.md" | grep -oE 'pims_[a-z_]+' | sort -u >"$work/documentation"

[ "$(wc -l <"$work/header")" -ge 10 ] || { echo "the header declares too few functions" >&2; exit 1; }
for other in header documentation; do
    if ! diff "$work/exports" "$work/$other" >"$work/diff"; then
        echo "the exports of $library (<) and the $other (>) differ:" >&2
        cat "$work/diff" >&2
        exit 1
    fi
done

if [ -n "$is_archive" ]; then
    # Without nm: it shows nothing of a member that it cannot read.
    readelf -sW "$library" | awk '($5 == "GLOBAL" || $5 == "WEAK" || $5 == "UNIQUE") && $7 != "UND" { print $8 }' | sort -u |
        diff "$work/exports" - >&2 || { echo "nm (<) and readelf (>) see different symbols in $library" >&2; exit 1; }
    echo "$(wc -l <"$work/exports") exports, the same in archive, header and documentation"
    exit 0
fi

dynamic=$(readelf -dW "$library")
echo "$dynamic" | grep -q 'SONAME.*\[libpims.so.0\]' || { echo "no SONAME libpims.so.0" >&2; exit 1; }
echo "$dynamic" | grep -q 'NODELETE' || { echo "not linked with -z nodelete" >&2; exit 1; }
readelf -lW "$library" | awk '$1 == "LOAD" { count++; if ($NF != "0x4000") bad = 1 } END { exit bad || !count }' || {
    echo "a segment is not aligned for 16 KB pages" >&2
    exit 1
}
echo "$(wc -l <"$work/exports") exports, the same in library, header and documentation; SONAME, nodelete and alignment as documented"
