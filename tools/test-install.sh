#!/bin/sh
# Checks that programs can be built against an installed libpims, and that it can be removed again:
#
#     tools/test-install.sh [FOLDER with the release library]
#
# Installs into folders of its own; builds the examples by pkg-config, by CMake and against the
# static library, and runs them; runs a program that was compiled with an older header; checks that
# a staged and a moved installation work; uninstalls, with and without the program, and checks that
# nothing is left and nothing else is gone.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

built=$(cd "${1:-build/release}" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset PREFIX LIBDIR BINDIR DATADIR INCLUDEDIR DOCDIR DESTDIR RELOCATABLE PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

fail() {
    echo "test-install: $*" >&2
    exit 1
}

says() { echo "ok: $*"; }

# Runs a program that must end well and be linked with the library at this path, or with none.
run() { # program, library or `none`
    loaded=$(ldd "$1" | sed -n 's/.*libpims[^ ]* => \([^ ]*\).*/\1/p')
    if [ "$2" = none ]; then
        [ -z "$loaded" ] || fail "$1 is linked with $loaded"
    else
        [ -n "$loaded" ] && [ "$(realpath "$loaded")" = "$(realpath "$2")" ] || fail "$1 is linked with ${loaded:-nothing}, not with $2"
    fi
    timeout 600 "$1" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "$1 did not end well"; }
    grep -q '^Every step went as it should' "$work/out" || fail "$1 did not say that every step went as it should"
}

# Builds a target of tests/install.
built_by_cmake() { # folder, target, options
    folder=$1 target=$2
    shift 2
    if ! { cmake -S tests/install -B "$folder" -DEXAMPLES="$here/examples" "$@" && cmake --build "$folder" --target "$target"; } \
        >"$work/log" 2>&1; then
        cat "$work/log" >&2
        fail "CMake did not build"
    fi
}

# The library alone, whatever was built beside it. Then with a program, whose files are empty here.
FROM=$work/library
export FROM
program=$work/program
mkdir -p "$FROM" "$program/man" "$program/completions"
for file in libpims.so.0 libpims.a; do ln -s "$built/$file" "$FROM/" && ln -s "$built/$file" "$program/"; done
for file in pims man/pims.1 man/pims-otp.1 completions/pims.bash completions/_pims completions/pims.fish; do : >"$program/$file"; done

tree() { find "$1" -printf '%P %y %l\n' | sort; }

# An installation beside files of other packages.
prefix=$work/prefix
mkdir -p "$prefix/lib/pkgconfig" "$prefix/include/pims" "$prefix/share/doc"
echo foreign >"$prefix/lib/pkgconfig/other.pc"
echo foreign >"$prefix/include/pims/other.h"
mkdir -p "$prefix/lib/cmake"
tree "$prefix" >"$work/before"
PREFIX=$prefix tools/install.sh install >/dev/null
PREFIX=$prefix tools/install.sh list | while read -r file; do [ -e "$file" ] || fail "$file is not there"; done
[ "$(readlink "$prefix/lib/libpims.so.0")" = "libpims.so.$version" ] && [ "$(readlink "$prefix/lib/libpims.so")" = libpims.so.0 ] ||
    fail "the links of the shared library are wrong"
says "installed: $(PREFIX=$prefix tools/install.sh list | wc -l) files"

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
[ "$(pkg-config --modversion pims)" = "$version" ] || fail "pims.pc is not of version $version"
strict="-std=c99 -Wall -Wextra -Werror"
for example in enroll otp; do
    # shellcheck disable=SC2046,SC2086 # lists of options
    ${CC:-cc} $strict "$prefix/share/doc/libpims/examples/c/$example.c" -o "$work/$example" $(pkg-config --cflags --libs pims) -lpthread \
        -Wl,-rpath,"$prefix/lib"
done
run "$work/enroll" "$prefix/lib/libpims.so.$version"
says "built by pkg-config"
# shellcheck disable=SC2046,SC2086
${CC:-cc} $strict examples/c/enroll.c -o "$work/enroll-static" $(pkg-config --static --cflags --libs pims | sed 's/-lpims/-l:libpims.a/')
run "$work/enroll-static" none
says "built by pkg-config against the static library"
unset PKG_CONFIG_PATH

# The interface gains and never changes: a program that was compiled with an older header runs.
${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$prefix/include" -c tests/install/older_headers.c -o "$work/older_headers.o"
# shellcheck disable=SC2086
${CC:-cc} $strict -D_XOPEN_SOURCE=700 tests/install/older.c -o "$work/older" -L"$prefix/lib" -lpims -lpthread -Wl,-rpath,"$prefix/lib"
mkdir "$work/older-storage"
timeout 600 "$work/older" "$work/older-storage" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "a program of an older header did not end well"; }
says "the header declares what an older one declared, and $(cat "$work/out")"

built_by_cmake "$work/cmake" all -DCMAKE_PREFIX_PATH="$prefix" -DWANTED_VERSION="$version"
run "$work/cmake/enroll-shared" "$prefix/lib/libpims.so.$version"
run "$work/cmake/enroll-static" none
run "$work/cmake/enroll-cpp" "$prefix/lib/libpims.so.$version"
says "built by CMake: shared, static, C++"
for wanted in 999.0 "${version%%.*}.999"; do
    if cmake -S tests/install -B "$work/cmake-$wanted" -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLES="$here/examples" -DWANTED_VERSION="$wanted" \
        >"$work/log" 2>&1; then
        fail "CMake takes version $version for $wanted"
    fi
    grep -q 'pims-config.cmake, version:' "$work/log" || { cat "$work/log" >&2; fail "CMake failed for another reason than the version"; }
done
says "CMake refuses another version"

# Asks CMake for versions and ranges (CMake 3.19 and newer) of packages with other numbers than
# ours.
answer_of() { # the package's version, what is wanted
    folder=$work/versions/$1
    mkdir -p "$folder"
    rest=${1#*.}
    sed -e "s|@VERSION@|$1|; s|@MAJOR@|${1%%.*}|g; s|@MINOR@|${rest%%.*}|g; s|@POINTER_BYTES@|8|" packaging/pims-config-version.cmake.in \
        >"$folder/pims-config-version.cmake"
    : >"$folder/pims-config.cmake"
    echo "find_package(pims $2 QUIET CONFIG PATHS \"$folder\" NO_DEFAULT_PATH)
        message(\"found=\${pims_FOUND}\")" >"$work/ask.cmake"
    cmake -P "$work/ask.cmake" 2>&1 | sed -n 's/^found=//p'
}
while read -r has wants verdict; do
    got=$(answer_of "$has" "$(echo "$wants" | tr _ ' ')")
    [ "$got" = "$verdict" ] || fail "CMake says '$got' to $has for $wants, not '$verdict'"
done <<END
0.2.0 0.1...0.3 1
0.2.0 0.2...0.3 1
0.2.0 0.1...0.2 1
0.2.0 0.1...<0.2 0
0.2.0 0.1...0.1.9 0
0.2.0 0.3...0.4 0
0.2.0 0.2.1...1 0
0.2.0 0.1...<1 1
1.4.2 0.9...1.4.2 1
1.4.2 0.9...<1.4.2 0
1.4.2 1...2 1
0.2.3 0.2 1
0.2.3 0.2.4 0
0.2.3 0.1 0
0.2.3 0.2.3_EXACT 1
0.2.3 0.2.2_EXACT 0
1.4.2 1.2 1
1.4.2 1.5 0
1.4.2 2 0
END
minor=${version#*.}
minor=${minor%%.*}
cmake -S tests/install -B "$work/cmake-range" -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLES="$here/examples" \
    -DWANTED_VERSION="${version%%.*}.$minor...<$((${version%%.*} + 1))" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "CMake refuses a range that holds $version"; }
says "CMake takes ranges of versions"

PREFIX=$prefix tools/install.sh uninstall
tree "$prefix" | diff "$work/before" - >&2 || fail "uninstall left (>) or took (<) the above"
says "uninstalled: nothing is left, nothing else is gone"
shared="bin share/man/man1 share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d"
# shellcheck disable=SC2086 # a list of folders
(cd "$prefix" && mkdir -p $shared)
for folder in $shared; do echo foreign >"$prefix/$folder/other"; done
tree "$prefix" >"$work/before"
FROM=$program PREFIX=$prefix tools/install.sh install >/dev/null
for file in bin/pims share/man/man1/pims.1 share/man/man1/pims-otp.1 share/bash-completion/completions/pims share/zsh/site-functions/_pims \
    share/fish/vendor_completions.d/pims.fish lib/libpims.so.0; do
    [ -e "$prefix/$file" ] || fail "$file was not installed with the program"
done
FROM=$program PREFIX=$prefix tools/install.sh uninstall
tree "$prefix" | diff "$work/before" - >&2 || fail "uninstall left (>) or took (<) the above of the program"
says "the same with the program: its folders are shared with others, and stay"

# Staged, as packages are made.
export DESTDIR="$work/stage" PREFIX=/usr LIBDIR=/usr/lib/some-triplet
tools/install.sh install >/dev/null
stray=$(find "$DESTDIR" -mindepth 1 -maxdepth 1 ! -name usr)
[ -z "$stray" ] || fail "outside of the prefix: $stray"
if grep -rl "$work" "$DESTDIR"; then fail "the above name the folder that they were staged in"; fi
# shellcheck disable=SC2046,SC2086
${CC:-cc} $strict examples/c/enroll.c -o "$work/enroll-staged" -lpthread -Wl,-rpath,"$DESTDIR$LIBDIR" \
    $(PKG_CONFIG_SYSROOT_DIR=$DESTDIR PKG_CONFIG_LIBDIR=$DESTDIR$LIBDIR/pkgconfig pkg-config --cflags --libs pims)
run "$work/enroll-staged" "$DESTDIR$LIBDIR/libpims.so.$version"
tools/install.sh uninstall
left=$(find "$DESTDIR" ! -type d)
[ -z "$left" ] || fail "uninstall left $left"
if find "$DESTDIR" -name '*pims*' | grep .; then fail "uninstall left the above"; fi
unset DESTDIR PREFIX LIBDIR
says "staged under DESTDIR with a LIBDIR of its own"

# Moved, as the binary tarball is.
RELOCATABLE=yes PREFIX=$work/here tools/install.sh install >/dev/null
mv "$work/here" "$work/elsewhere"
# shellcheck disable=SC2046,SC2086
${CC:-cc} $strict examples/c/enroll.c -o "$work/enroll-moved" -lpthread -Wl,-rpath,"$work/elsewhere/lib" \
    $(PKG_CONFIG_PATH="$work/elsewhere/lib/pkgconfig" pkg-config --cflags --libs pims)
run "$work/enroll-moved" "$work/elsewhere/lib/libpims.so.$version"
built_by_cmake "$work/cmake-moved" enroll-static -DCMAKE_PREFIX_PATH="$work/elsewhere"
run "$work/cmake-moved/enroll-static" none
says "moved after it was installed"
