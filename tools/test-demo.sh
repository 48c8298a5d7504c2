#!/bin/sh
# Runs the C demo against a service for development, over HTTPS, as the README shows it by
# `make serve` and `make demo URL=…`.
#
#     tools/test-demo.sh LIBDIR AUTHORITY
#
# LIBDIR holds libpims.so, AUTHORITY is the program pims-authority.
#
# The demo runs twice, since a user may try again with a service that exists already; then with a
# user who mistypes; and once without a service, which must fail. The user types into a pipe, a line
# for each question that the demo has asked, so nothing depends on its speed.
set -eu

lib=$(cd "${1:?usage: tools/test-demo.sh LIBDIR AUTHORITY}" && pwd)
authority=$(realpath "${2:?usage: tools/test-demo.sh LIBDIR AUTHORITY}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
service=
stop() {
    [ -z "$service" ] || { kill "$service" && wait "$service" || true; }
    service=
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Fails, and prints the output of the demo and of the service.
fail() {
    cat "$work/$1" "$work/log" >&2
    echo "$2" >&2
    exit 1
}

# Checks that each pattern is in the demo's output.
says() {
    said=$1
    shift
    for pattern; do
        grep -q -- "$pattern" "$work/$said" || fail "$said" "the demo ($said) does not say $pattern"
    done
}

${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude examples/c/enroll.c -o "$work/enroll" -L"$lib" -lpims -lpthread -Wl,-rpath,"$lib"
# The service itself makes its files later, perhaps after the first look at them.
: >"$work/said"
: >"$work/log"
"$authority" serve --dev --folder "$work/dev" --port 0 >"$work/said" 2>"$work/log" &
service=$!
for _ in $(seq 600); do
    url=$(sed -n 's/^ *service  *\(https:[^ ]*\)$/\1/p' "$work/said")
    [ -z "$url" ] || break
    kill -0 "$service" 2>/dev/null || break
    sleep 0.1
done
[ -n "$url" ] || { cat "$work/log" >&2; echo "the service did not start" >&2; exit 1; }

for run in first second; do
    "$work/enroll" --service "$url" --dev "$work/dev" >"$work/$run" 2>&1 || fail "$run" "the $run run of the demo failed"
    # The demo made a password, and the service accepted it once.
    says "$run" '"otp":"[0-9a-z][0-9a-z]*"' '<- {"err":"OK"}' '<- {"err":"NOK:ACCESS"}'
done

# Types a line once the demo has asked for it. A code of the last SMS is read from the place that
# the demo names.
#
#     answer NAME QUESTION LINE
answer() {
    asked=$((asked + 1))
    until [ "$(grep -o '?? ' "$work/$1" | wc -l)" -ge "$asked" ]; do
        kill -0 "$demo" 2>/dev/null || fail "$1" "the interactive demo ended before it asked: $2"
        sleep 0.1
    done
    question=$(grep -o '?? [^:]*:' "$work/$1" | tail -n 1)
    case $question in
    "?? $2"*) ;;
    *) fail "$1" "the interactive demo asked \"$question\", not: $2" ;;
    esac
    line=$3
    if [ "$line" = sms ]; then
        outbox=$(sed -n 's/.*Its code is in the last line of //p' "$work/$1" | tail -n 1)
        line=$(tail -n 1 "$outbox" | sed 's/.*"code":"\([^"]*\)".*/\1/')
    fi
    printf '%s\n' "$line" >&3
}

# Runs the demo for a user who mistypes everything once.
#
#     interactive NAME PHONE? ARGUMENT...
interactive() {
    name=$1 phone=$2 asked=0
    shift 2
    mkfifo "$work/typed"
    "$work/enroll" --interactive "$@" <"$work/typed" >"$work/$name" 2>&1 &
    demo=$!
    exec 3>"$work/typed"
    if [ "$phone" = yes ]; then
        answer "$name" 'Your phone number' 'not a number'
        answer "$name" 'Your phone number' '+33698765432'
        answer "$name" 'The code' 000000
        answer "$name" 'The code' sms
    fi
    answer "$name" 'The code' 000000
    answer "$name" 'The code' 111111
    answer "$name" 'The code' sms
    answer "$name" 'Choose a PIN of 4 to 8 digits' 12
    answer "$name" 'Choose a PIN of 4 to 8 digits' 7391
    answer "$name" 'Your PIN' 7392
    answer "$name" 'Choose another PIN' 2846
    answer "$name" 'Your PIN' 7391
    answer "$name" 'Choose another PIN' 7391
    answer "$name" 'Your PIN' 7391
    answer "$name" 'Choose another PIN' 2846
    answer "$name" 'Your new PIN' 'a line that is much longer than any PIN that there could be'
    answer "$name" 'Your new PIN' 7391
    answer "$name" 'Your new PIN' 2846
    exec 3>&-
    wait "$demo" || fail "$name" "the interactive demo failed"
    rm "$work/typed"
    says "$name" '4 tries are left' '3 tries are left' '"code":2305' '"code":2308' '"code":2315' '"code":2102' 'Every step went as it should'
}

interactive embedded yes
interactive service no --service "$url" --dev "$work/dev"

stop
if "$work/enroll" --service "$url" --dev "$work/dev" >"$work/third" 2>&1; then
    fail third "the demo passes without a service"
fi
says third '"code":2202'
echo "the C demo enrolled twice at $url and by hand, with mistakes; it says 2202 when the service has ended"
