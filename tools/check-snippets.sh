#!/bin/sh
# Checks the programs and messages of the guides:
#
#     tools/check-snippets.sh LIBDIR          LIBDIR holds libpims.so and libpims.so.0
#
# The C blocks of each docs/guide-*.md, put together in order, are one program. It compiles without
# a warning, runs with an empty folder as its argument, prints something and ends with 0. The JSON
# blocks are JSON: an object begins at the margin, its other lines are indented. The messages and
# the lines of the outbox among them are those that the program printed, except for values that
# change with each run. guide-errors.md has every code of the catalogue with its label. The links
# are checked by tools/check-links.sh.
set -eu

lib=$(cd "${1:?usage: tools/check-snippets.sh LIBDIR}" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
out=build/snippets
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=

fail() { # page, what is wrong
    echo "$1: $2" >&2
    failed=yes
}

build() { # source, program
    # shellcheck disable=SC2086 # CFLAGS is a list of options
    ${CC:-cc} -std=c99 -D_XOPEN_SOURCE=700 -Wall -Wextra -Wpedantic -Werror ${CFLAGS:-} -Iinclude "$1" -o "$2" -L"$lib" -lpims -lpthread \
        -Wl,-rpath,"$lib"
}

# Limits the time of a program: one that waits for a message which never comes must not hold us up.
limited() {
    if command -v timeout >/dev/null 2>&1; then timeout "${SNIPPET_DEADLINE:-120}" "$@"; else "$@"; fi
}

# Prints the blocks of a language. In C, lines say where in the page a block stands.
blocks() { # language, page
    awk -v language="$1" -v page="$2" '
        on && /^```$/ { on = 0; next }
        !on && /^```./ { on = 1; mine = $0 == "```" language; if (mine && language == "c") printf "#line %d \"%s\"\n", NR + 1, page; next }
        on && mine
        END { if (on) { print page ": a block does not end" > "/dev/stderr"; exit 1 } }' "$2"
}

# Prints one object a line.
objects() {
    awk '/^[^ ]/ { if (line != "") print line; line = $0; next } { sub(/^ +/, ""); line = line $0 } END { if (line != "") print line }'
}

# Replaces each value that differs between runs by one value.
steady() {
    sed -e 's/"transactionId":"[0-9a-f]*-[0-9a-f]*"/"transactionId":"*"/' \
        -e 's/"otp":"[0-9a-z]*"/"otp":"*"/' \
        -e 's/"deviceId":"[0-9a-z]*","name":"libpims on [^"]*","since":[0-9]*,"lastUsed":[0-9]*/"deviceId":"*"/g' \
        -e 's/^{"at":"[^"]*"/{"at":"*"/' \
        -e 's/"code":"[0-9]*","text":"PIMS: [0-9]* /"code":"*","text":"PIMS: * /'
}

# The library itself says whether a text is JSON: it accepts one JSON object as the parameters of a
# call.
build tests/tools/is_json.c "$work/is-json"
if ! echo '{"a":[1,{"b":null}]}' | "$work/is-json" "$work/json" || echo '{"a":[1,{"b":}]}' | "$work/is-json" "$work/json" 2>/dev/null; then
    echo "the check of JSON does not tell JSON from what is none" >&2
    exit 1
fi

pages=0
for page in docs/guide-*.md; do
    [ -f "$page" ] || { echo "there is no docs/guide-*.md" >&2; exit 1; }
    pages=$((pages + 1))
    name=$(basename "$page" .md)
    mkdir "$work/$name"

    blocks c "$page" >"$out/$name.c" || fail "$page" "its blocks cannot be read"
    : >"$work/$name.out"
    went=
    if ! [ -s "$out/$name.c" ]; then
        fail "$page" "it has no C"
    elif ! build "$out/$name.c" "$out/$name"; then
        fail "$page" "its C does not compile"
    else
        status=0
        limited "$out/$name" "$work/$name" >"$work/$name.out" 2>&1 || status=$?
        if [ "$status" -ne 0 ]; then
            tail -n 5 "$work/$name.out" >&2
            fail "$page" "its program ended with $status; above is what it printed last"
        elif ! [ -s "$work/$name.out" ]; then
            fail "$page" "its program printed nothing"
        else
            went=well
        fi
    fi

    blocks json "$page" | objects >"$work/$name.json"
    "$work/is-json" "$work/json" <"$work/$name.json" || fail "$page" "a block of JSON is none"
    steady <"$work/$name.out" >"$work/$name.printed"
    grep -E '^\{"(transactionId|at)"' "$work/$name.json" | steady >"$work/$name.shown" || :
    while [ -n "$went" ] && read -r object; do
        grep -qxF -- "$object" "$work/$name.printed" || fail "$page" "its program did not get this: $object"
    done <"$work/$name.shown"
done

sed -n 's/^ *[A-Za-z]* = \(2[0-9]*\), "\(.*\)";$/\1 \2/p' src/error.rs >"$work/catalogue"
[ "$(wc -l <"$work/catalogue")" -ge 33 ] || fail src/error.rs "the catalogue is not read"
while read -r code label; do
    awk -v code="### $code" -v label="\`$label\`" '$0 == code { on = 1; next } /^#/ { on = 0 } on && index($0, label) { found = 1 } END { exit !found }' \
        docs/guide-errors.md || fail docs/guide-errors.md "it does not have $code with its label, $label"
done <"$work/catalogue"

[ -z "$failed" ] || exit 1
echo "$pages pages, all snippets compiled and run"
