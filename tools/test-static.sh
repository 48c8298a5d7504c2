#!/bin/sh
# Links the static library into a program that has an SQLite of its own, or SQLCipher, or another
# static library made by Rust:
#
#     tools/test-static.sh [FOLDER with the release library]
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

from=$(cd "${1:-build/release}" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cc=${CC:-cc}
pims=$from/libpims.a

fail() {
    echo "test-static: $*" >&2
    exit 1
}
says() { echo "ok: $*"; }

PREFIX=$work/prefix FROM=$from tools/install.sh install >/dev/null
cmp "$pims" "$work/prefix/lib/libpims.a" || fail "another archive was installed"
tools/check-exports.sh "$pims"
system=$(PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig pkg-config --static --libs-only-l pims | sed 's/-lpims//')
# Rust's standard library alone needs libraries of the system. rustc also names the C library, which
# every program has.
: | rustc --crate-name nothing --crate-type staticlib --print native-static-libs="$work/native-static-libs" -o "$work/libnothing.a" - 2>/dev/null
needed=$(sed 's/ -lc$//' "$work/native-static-libs")
# shellcheck disable=SC2086,SC2116 # one blank between them
[ "$(echo $system)" = "$needed" ] || fail "Libs.private has $system, rustc says $needed"
says "Libs.private has the libraries that rustc names: $needed"
strict="-std=c99 -D_XOPEN_SOURCE=700 -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude"
source=tests/static/own_sqlite.c
number=0

# Links a program with these arguments and runs it.
works() { # title, compile option of the program's SQLite, arguments of the compiler…
    # shellcheck disable=SC2086 # a list of options
    works_with "$cc $strict" "$@"
}
works_with() { # compiler with its options, arguments of `works`…
    compiler=$1 title=$2 option=$3
    shift 3
    number=$((number + 1))
    folder=$work/run-$number
    mkdir "$folder"
    # shellcheck disable=SC2086 # lists of options
    $compiler "$@" $system -o "$work/program-$number" || fail "$title: cannot be linked"
    "$work/program-$number" "$folder" "$option" >"$folder/out" 2>&1 || { cat "$folder/out" >&2; fail "$title"; }
    [ "$(tail -n 1 "$folder/out")" = "both work" ] || fail "$title: the program said nothing"
    says "$title"
}

# The program's own SQLite, built with an option that tells it from another one.
option=MAX_EXPR_DEPTH=77
amalgamation=$(tools/crate-folder.py libsqlite3-sys)/sqlite3
[ -f "$amalgamation/sqlite3.c" ] || fail "there is no sqlite3.c in $amalgamation"
$cc -O1 -fPIC -w -DSQLITE_MAX_EXPR_DEPTH=77 -c "$amalgamation/sqlite3.c" -o "$work/sqlite3.o"
ar rcs "$work/libown.a" "$work/sqlite3.o"
$cc -shared "$work/sqlite3.o" -o "$work/libown.so" -Wl,-soname,libown.so -lpthread -ldl -lm

own="-I$amalgamation"
rpath="-Wl,-rpath,$work"
# shellcheck disable=SC2086 # a list of options
$cc $strict "$own" -c "$source" -o "$work/main.o"
works "SQLite as an object, before libpims.a" "$option" "$work/main.o" "$work/sqlite3.o" "$pims"
works "SQLite as an object, after libpims.a" "$option" "$work/main.o" "$pims" "$work/sqlite3.o"
works "SQLite as an archive, before libpims.a" "$option" "$work/main.o" "$work/libown.a" "$pims"
works "SQLite as an archive, after libpims.a" "$option" "$work/main.o" "$pims" "$work/libown.a"
works "SQLite as an archive, all with --whole-archive" "$option" "$work/main.o" -Wl,--whole-archive "$pims" "$work/libown.a" -Wl,--no-whole-archive
works "SQLite as a shared library, before libpims.a" "$option" "$work/main.o" "$work/libown.so" "$pims" "$rpath"
works "SQLite as a shared library, after libpims.a" "$option" "$work/main.o" "$pims" "$work/libown.so" "$rpath"
works "SQLite in a program that exports all it has" "$option" "$work/main.o" "$pims" "$work/libown.so" "$rpath" -rdynamic
# The archive inside a shared library of the program, which the loader binds with all others.
# shellcheck disable=SC2086 # a list of libraries
$cc -shared -Wl,--whole-archive "$pims" -Wl,--no-whole-archive $system -o "$work/libinside.so" -Wl,-soname,libinside.so
works "SQLite as a shared library, before another one with libpims.a inside" "$option" "$work/main.o" "$work/libown.so" "$work/libinside.so" "$rpath"
works "SQLite as a shared library, after another one with libpims.a inside" "$option" "$work/main.o" "$work/libinside.so" "$work/libown.so" "$rpath"
works "SQLite in the program, libpims.a inside a shared library" "$option" "$work/main.o" "$work/libown.a" "$work/libinside.so" "$rpath" -rdynamic
works "with --gc-sections" "$option" "$work/main.o" "$work/libown.a" "$pims" -Wl,--gc-sections
for linker in gold lld; do
    if echo 'int main(void) { return 0; }' | $cc -fuse-ld="$linker" -x c - -o "$work/none" 2>/dev/null
    then works "with the linker $linker" "$option" "$work/main.o" "$work/libown.a" "$pims" -fuse-ld="$linker" -Wl,--gc-sections
    else echo "SKIPPED: the linker $linker is not installed"; fi
done

cxx="${CXX:-c++} -std=c++17 -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude $own"
works_with "$cxx" "C++ and SQLite, before libpims.a" "$option" tests/static/exceptions.cpp "$work/libown.a" "$pims"
works_with "$cxx" "C++ and SQLite, after libpims.a" "$option" tests/static/exceptions.cpp "$pims" "$work/libown.a"
works_with "$cxx" "C++ with its runtime inside" "$option" tests/static/exceptions.cpp "$pims" "$work/libown.a" -static-libstdc++

if [ -f /usr/include/sqlcipher/sqlite3.h ]; then
    works "SQLCipher, before libpims.a" HAS_CODEC -DSQLCIPHER -DSQLITE_HAS_CODEC -I/usr/include/sqlcipher "$source" -lsqlcipher "$pims"
    works "SQLCipher, after libpims.a" HAS_CODEC -DSQLCIPHER -DSQLITE_HAS_CODEC -I/usr/include/sqlcipher "$source" "$pims" -lsqlcipher
else
    echo "SKIPPED: SQLCipher is not installed (Debian: libsqlcipher-dev)"
fi

# Another static library with Rust's runtime, and a panic that it catches.
rustc --edition 2021 --crate-type staticlib -O tests/static/other.rs -o "$work/libother.a"
works "another static library by Rust, before libpims.a" - tests/static/two.c "$work/libother.a" "$pims"
works "another static library by Rust, after libpims.a" - tests/static/two.c "$pims" "$work/libother.a"
