#!/bin/sh
# Checks the main programs of the quickstarts and of the README:
#
#     tools/check-quickstarts.sh LIBDIR          LIBDIR holds libpims.so and libpims.so.0
#
# The first block of its language in each docs/quickstart-LANGUAGE.md is the main program. It makes
# a one-time password and has fewer than 30 lines. This script compiles and runs the program in C,
# and compares its messages with those of the page. The tests of the other languages run the others.
# The links are checked by tools/check-links.sh.
#
# The README's program in C is held to the same, with the README's own commands. It is compiled
# without one of our flags, in a folder that has nothing but the program, `include` and
# `build/release`. Each of its messages says SUCCEEDED.
set -eu

lib=$(cd "${1:?usage: tools/check-quickstarts.sh LIBDIR}" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
deadline=${SNIPPET_DEADLINE:-120}
failed=

fail() { # page, what is wrong
    echo "$1: $2" >&2
    failed=yes
}

first_block() { # language, page
    awk -v start="\`\`\`$1" 'on && /^```$/ { exit } on { print } $0 == start { on = 1 }' "$2"
}

# Fails if a file is not a main program, with the reason.
check_page() { # page, file
    lines=$(wc -l <"$2")
    if ! grep -qi otp "$2"; then
        fail "$1" "its first program makes no one-time password"
    elif [ "$lines" -ge 30 ]; then
        fail "$1" "its main program has $lines lines"
    fi
}

# Prints the messages, with one value in the place of each value that differs between runs.
messages() { # file
    sed -n '/^{"transactionId"/ { s/"transactionId":"[0-9a-f]*-[0-9a-f]*"/"transactionId":"*"/; s/"otp":"[0-9a-z]\{1,8\}"/"otp":"*"/; p; }' "$1"
}

# Submits the code once its SMS is there. A program that ends without a question ends the wait, too.
run_c() { # program, folder; the program is run in the folder
    outbox=$2/state/sms-outbox.jsonl
    (
        cd "$2"
        {
            tries=$((deadline * 10))
            while [ "$tries" -gt 0 ] && ! [ -e ended ] && ! [ "$(wc -l 2>/dev/null <"$outbox" || echo 0)" -gt 0 ]; do
                tries=$((tries - 1))
                sleep 0.1
            done
            sed -n '$s/.*"code":"\([0-9]*\)".*/\1/p' "$outbox" 2>/dev/null || :
        } | {
            status=0
            timeout "$deadline" "$1" || status=$?
            : >ended
            exit "$status"
        }
    )
}

# Each of the two checks fails where it should.
(seq 30 && echo otp) >"$work/long"
echo nothing >"$work/none"
for bad in long none; do
    check_page "$bad" "$work/$bad" 2>/dev/null
    [ -n "$failed" ] || { echo "the check does not fail on a program that is $bad" >&2; exit 1; }
    failed=
done

pages=0
for page in docs/quickstart-*.md; do
    [ -f "$page" ] || { echo "there is no docs/quickstart-*.md" >&2; exit 1; }
    pages=$((pages + 1))
    name=$(basename "$page" .md)
    language=${name#quickstart-}
    [ "$language" != node ] || language=js
    first_block "$language" "$page" >"$work/program"
    check_page "$page" "$work/program"
done

page=docs/quickstart-c.md
first_block c "$page" >"$work/app.c"
mkdir "$work/folder"
if ! ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude "$work/app.c" -o "$work/app" -L"$lib" -lpims -Wl,-rpath,"$lib"; then
    fail "$page" "its program does not compile"
elif ! run_c "$work/app" "$work/folder" >"$work/printed" 2>&1; then
    cat "$work/printed" >&2
    fail "$page" "its program failed; above is what it printed"
else
    messages "$work/printed" >"$work/got"
    first_block json "$page" >"$work/json"
    messages "$work/json" >"$work/shown"
    [ -s "$work/shown" ] || fail "$page" "it shows no message"
    diff "$work/shown" "$work/got" >&2 || fail "$page" "its program did not get the messages that the page shows"
fi

# The README's program: in an empty folder, by the commands that stand below it.
page=README.md
mkdir -p "$work/empty/build"
ln -s "$PWD/include" "$work/empty/include"
ln -s "$lib" "$work/empty/build/release"
first_block c "$page" >"$work/empty/app.c"
check_page "$page" "$work/empty/app.c"
awk '$0 == "```sh" { on = 1; text = ""; next } on && /^```$/ { on = 0; if (text ~ /app\.c/) printf "%s", text; next } on { text = text $0 "\n" }' \
    "$page" >"$work/commands"
compile=$(grep -v '^\./app$' "$work/commands" || :)
if ! grep -qx '\./app' "$work/commands" || [ -z "$compile" ]; then
    fail "$page" "it has no block of commands that compiles app.c and runs ./app"
elif ! (cd "$work/empty" && sh -euc "$compile"); then
    fail "$page" "its program does not compile by its own command"
elif ! run_c ./app "$work/empty" >"$work/printed" 2>&1; then
    cat "$work/printed" >&2
    fail "$page" "its program failed; above is what it printed"
else
    messages "$work/printed" >"$work/got"
    calls=$(grep -c '^    call("' "$work/empty/app.c")
    if [ "$(grep -c '"status":"SUCCEEDED"' "$work/got")" -ne "$calls" ] || ! tail -n 1 "$work/got" | grep -q '"otp":"\*"'; then
        cat "$work/printed" >&2
        fail "$page" "its $calls calls did not all succeed, the last one with a password; above is what it printed"
    fi
fi

[ -z "$failed" ] || exit 1
echo "$pages quickstarts, each with a program of fewer than 30 lines; that of C and the README's ran"
