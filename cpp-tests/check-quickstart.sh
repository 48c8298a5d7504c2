#!/bin/sh
# Checks that the C++ of a page compiles without a warning, runs, and prints the text of the page:
#
#     CXXS=… STRICT=… LIBRARY=… cpp-tests/check-quickstart.sh PAGE FOLDER
#
# Each block of `cpp` is a program. They run one after the other in one folder, which is empty at
# first. The block of `text` that follows a program is its output, each line an extended regular
# expression. The first program has fewer than 30 lines, as the page says.
set -eu

page=$1
out=$2
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
rm -f "$out"/[0-9].cpp "$out"/[0-9].txt
# The second block of text belongs to the second program, and so on.
awk -v out="$out" '
    on && /^```$/ { close(file); on = 0; next }
    !on && /^```cpp$/ { on = 1; file = out "/" ++programs ".cpp"; next }
    !on && /^```text$/ { on = 1; file = out "/" programs ".txt"; next }
    !on && /^```./ { on = 1; file = "/dev/null"; next }
    on { print > file }' "$page"
[ -f "$out/2.cpp" ] || { echo "$page: there are no two programs" >&2; exit 1; }
lines=$(wc -l <"$out/1.cpp")
[ "$lines" -lt 30 ] || { echo "$page: its first program has $lines lines" >&2; exit 1; }

for compiler in $CXXS; do
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for program in "$out"/[0-9].cpp; do
        number=$(basename "$program" .cpp)
        # shellcheck disable=SC2086 # lists of options
        $compiler -std=c++17 $STRICT -I"$here/include" "$program" -o "$out/$number" $LIBRARY
        (cd "$work" && timeout 120 "$out/$number") >"$out/$number.out" || {
            cat "$out/$number.out" >&2
            echo "$page: program $number ended badly" >&2
            exit 1
        }
        [ "$(wc -l <"$out/$number.out")" = "$(wc -l <"$out/$number.txt")" ] || {
            cat "$out/$number.out" >&2
            echo "$page: program $number printed the above" >&2
            exit 1
        }
        while read -r pattern <&3 && read -r line <&4; do
            printf '%s\n' "$line" | grep -qxE -- "$pattern" || { echo "$page: program $number printed \"$line\", not $pattern" >&2; exit 1; }
        done 3<"$out/$number.txt" 4<"$out/$number.out"
    done
    rm -rf "$work"
    echo "$compiler: the programs of $(basename "$page") do what it says"
done
