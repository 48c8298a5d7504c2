#!/bin/sh
# Runs the C suite, or the programs of it that are named, against the static library that was built
# with ThreadSanitizer, its C files instrumented too. The runtime is that of the Rust toolchain, for
# both. A report of any process fails the run, also of a peer that is killed later: each writes its
# reports to files, and a file that is there counts.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

lib=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
out=$here/build/c-tests-tsan
reports=$out/reports
flags="-O1 -g -fno-omit-frame-pointer -fsanitize=thread"

rm -rf "$reports"
mkdir -p "$out" "$reports"
# The suite has no signal handler but cmocka's, which leaves a test that crashed by a jump: all that
# follows would look like signal code.
export TSAN_OPTIONS="halt_on_error=0:exitcode=66:second_deadlock_stack=1:report_signal_unsafe=0:die_after_fork=0${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
export PIMS_TEST_CALLS="${PIMS_TEST_CALLS:-5000}"
export PIMS_TEST_SECONDS="${PIMS_TEST_SECONDS:-3}" PIMS_TEST_PEERS="${PIMS_TEST_PEERS:-8}"
export RUST_BACKTRACE=0

link() { # program, what it is made of
    program=$1
    shift
    clang "$@" -o "$program" -Wl,--whole-archive "$lib/libtsan_rt.a" -Wl,--no-whole-archive -Wl,--export-dynamic \
        -lcmocka -ljansson -lgcc_s -lpthread -lm -ldl -lrt
}

# Runs a program; fails if it fails or if one of its processes reported something.
checked() { # name, program
    status=0
    TSAN_OPTIONS="$TSAN_OPTIONS:log_path=$reports/$1" "$2" || status=$?
    for report in "$reports/$1".*; do
        [ -e "$report" ] || continue
        cat "$report" >&2
        status=1
    done
    return "$status"
}

# First the proof that the sanitizer is on: in our code, in the standard library, in SQLite, and in
# the parts that are linked here.
for part in pims- std- sqlite3; do
    symbols=$(nm -A "$lib/libpims.a" 2>/dev/null | grep -c "^[^:]*:[^:]*${part}[^:]*:.* U __tsan_\(read\|write\|atomic\)" || true)
    [ "$symbols" -gt 0 ] || { echo "the library is not instrumented: no __tsan_read, _write or _atomic in ${part%-}" >&2; exit 1; }
    echo "ThreadSanitizer is on in ${part%-} ($symbols references)"
done
# shellcheck disable=SC2086 # a list of options
clang $flags -c "$here/tests/tools/racy.c" -o "$out/racy.o"
link "$out/racy" "$out/racy.o"
if checked racy "$out/racy" 2>"$out/racy.log" || ! grep -q 'data race.* in add' "$out/racy.log"; then
    cat "$out/racy.log" >&2
    echo "ThreadSanitizer did not report a race that is there" >&2
    exit 1
fi
echo "ThreadSanitizer reports a race that is there"

# Reads the parts of the suite from its Makefile, which also compiles them.
value() {
    # shellcheck disable=SC2016 # make expands it
    printf 'value-%%:\n\t@echo $($*)\n' | make --no-print-directory -s -C "$here/c-tests" -f Makefile -f - "value-$1"
}
# shellcheck disable=SC2046 # a list
[ $# -gt 0 ] || set -- $(value SUITES)
[ $# -gt 0 ] || { echo "c-tests/Makefile names no SUITES" >&2; exit 1; }
shared=
for object in $(value SHARED); do shared="$shared $out/$object.o"; done
# shellcheck disable=SC2046,SC2086 # lists
make --no-print-directory -s -C "$here/c-tests" CC=clang CFLAGS="$flags" OUT="$out" $shared $(printf "$out/%s.o " "$@")

# The folder from which all copy the keys of an authority. The first program makes it.
export PIMS_TEST_TEMPLATE="$out/template"
rm -rf "$PIMS_TEST_TEMPLATE"
failed=
for suite in "$@"; do
    echo "== $suite"
    # shellcheck disable=SC2086 # a list of files
    link "$out/$suite" "$out/$suite.o" $shared "$lib/libpims.a"
    [ -e "$PIMS_TEST_TEMPLATE" ] || "$out/$suite" --template "$PIMS_TEST_TEMPLATE"
    checked "$suite" "$out/$suite" || failed="$failed $suite"
done
[ -z "$failed" ] || { echo "FAILED:$failed" >&2; exit 1; }
