#!/bin/sh
# Lays the release library out for programs that are built against it, and the program `pims` if it
# was built (`make program`), or removes them again:
#
#     tools/install.sh install|uninstall|list
#
# The destination is set by the environment variables PREFIX (/usr/local), LIBDIR ($PREFIX/lib),
# BINDIR ($PREFIX/bin), DATADIR ($PREFIX/share), INCLUDEDIR ($PREFIX/include), DOCDIR
# ($PREFIX/share/doc/libpims) and DESTDIR, which is put before all of them and written into no file.
# The source is FROM (build/release). RELOCATABLE=yes writes a pims.pc that stays valid when the
# folder is moved.
#
# cargo-c (0.10.24) was tried in the place of this program. It installs pims.h, the libraries and
# pims.pc. It leaves libpims.a as rustc makes it, with the symbols of SQLite and ring
# (tools/localize.sh), knows no CMake package, and builds the library where `make install` does not.
# It takes eleven minutes to build on two busy cores, and its version has to fit the release of
# Rust: 0.10.26 wants 1.97.
#
# Uninstall removes the installed files, by the same list, then the folders that are libpims' own if
# nothing else is in them. It is for Linux and similar systems: ELF, GNU coreutils.
set -eu

command=${1:-}
here=$(cd "$(dirname "$0")/.." && pwd)
: "${PREFIX:=/usr/local}"
: "${LIBDIR:=$PREFIX/lib}"
: "${INCLUDEDIR:=$PREFIX/include}"
: "${BINDIR:=$PREFIX/bin}"
: "${DATADIR:=$PREFIX/share}"
: "${DOCDIR:=$PREFIX/share/doc/libpims}"
: "${DESTDIR:=}"
# An empty FROM is a mistake of the caller, and not the default.
FROM=${FROM-$here/build/release}
: "${RELOCATABLE:=}"
for folder in "$PREFIX" "$LIBDIR" "$BINDIR" "$DATADIR" "$INCLUDEDIR" "$DOCDIR"; do
    case $folder in
    *[!A-Za-z0-9/._+~-]* | [!/]*) echo "$folder is no absolute path, or has a character that pims.pc cannot have" >&2; exit 2 ;;
    esac
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/Cargo.toml" | head -n 1)
soname=libpims.so.0
shared=libpims.so.$version
# The system libraries that the static library needs by rustc (`--print native-static-libs`),
# without the C library itself.
system_libs="-lgcc_s -lutil -lrt -lpthread -lm -ldl"

# Prints lines of mode|source|destination, or link|its target|destination. The templates come filled
# in from $work.
list() {
    echo "644|$here/include/pims.h|$INCLUDEDIR/pims.h"
    echo "644|$here/include/pims.hpp|$INCLUDEDIR/pims.hpp"
    for header in message component operations strong_authentication; do
        echo "644|$here/include/pims/$header.hpp|$INCLUDEDIR/pims/$header.hpp"
    done
    echo "755|$FROM/$soname|$LIBDIR/$shared"
    echo "link|$shared|$LIBDIR/$soname"
    echo "link|$soname|$LIBDIR/libpims.so"
    echo "644|$FROM/libpims.a|$LIBDIR/libpims.a"
    echo "644|$work/pims.pc|$LIBDIR/pkgconfig/pims.pc"
    echo "644|$work/pims-config.cmake|$LIBDIR/cmake/pims/pims-config.cmake"
    echo "644|$work/pims-config-version.cmake|$LIBDIR/cmake/pims/pims-config-version.cmake"
    if [ -e "$FROM/pims" ]; then
        echo "755|$FROM/pims|$BINDIR/pims"
        for page in "$FROM"/man/*.1; do echo "644|$page|$DATADIR/man/man1/${page##*/}"; done
        echo "644|$FROM/completions/pims.bash|$DATADIR/bash-completion/completions/pims"
        echo "644|$FROM/completions/_pims|$DATADIR/zsh/site-functions/_pims"
        echo "644|$FROM/completions/pims.fish|$DATADIR/fish/vendor_completions.d/pims.fish"
    fi
    for file in README.md CHANGELOG.md SECURITY.md LICENSE LICENSE-MIT LICENSE-APACHE; do echo "644|$here/$file|$DOCDIR/$file"; done
    for file in "$here"/docs/*.md; do echo "644|$file|$DOCDIR/docs/${file##*/}"; done
    for file in "$here"/examples/c/*.c; do echo "644|$file|$DOCDIR/examples/c/${file##*/}"; done
    for file in "$here"/examples/cpp/*.cpp; do echo "644|$file|$DOCDIR/examples/cpp/${file##*/}"; done
}

# Prints the folders that are libpims' own, the innermost first.
own_folders() {
    printf '%s\n' "$INCLUDEDIR/pims" "$LIBDIR/cmake/pims" "$DOCDIR/docs" "$DOCDIR/examples/c" "$DOCDIR/examples/cpp" "$DOCDIR/examples" "$DOCDIR"
}

relative() { realpath -m --relative-to="$1" "$2"; } # from, to

fill_in() { # template
    prefix=$PREFIX libdir=$LIBDIR includedir=$INCLUDEDIR
    if [ -n "$RELOCATABLE" ]; then
        prefix="\${pcfiledir}/$(relative "$LIBDIR/pkgconfig" "$PREFIX")"
        libdir="\${prefix}/$(relative "$PREFIX" "$LIBDIR")"
        includedir="\${prefix}/$(relative "$PREFIX" "$INCLUDEDIR")"
    fi
    # ELF's fifth byte is its class.
    bytes=$(( $(od -An -tu1 -j4 -N1 "$FROM/$soname") * 4 ))
    rest=${version#*.}
    sed -e "s|@PREFIX@|$prefix|; s|@LIBDIR@|$libdir|; s|@INCLUDEDIR@|$includedir|; s|@VERSION@|$version|; s|@SYSTEM_LIBS@|$system_libs|" \
        -e "s|@SYSTEM_LIBS_LIST@|$(echo "$system_libs" | sed 's/ /;/g')|; s|@SHARED@|$shared|; s|@SONAME@|$soname|" \
        -e "s|@INCLUDEDIR_FROM_LIBDIR@|$(relative "$LIBDIR" "$INCLUDEDIR")|" \
        -e "s|@MAJOR@|${version%%.*}|g; s|@MINOR@|${rest%%.*}|g; s|@POINTER_BYTES@|$bytes|" "$here/packaging/$1.in" >"$work/$1"
    if grep '@' "$work/$1"; then
        echo "packaging/$1.in is not filled in" >&2
        exit 1
    fi
}

case $command in
install)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    [ -n "$FROM" ] || { echo "FROM is empty" >&2; exit 2; }
    [ -f "$FROM/$soname" ] && [ -f "$FROM/libpims.a" ] || { echo "there is no library in $FROM: make build" >&2; exit 1; }
    for template in pims.pc pims-config.cmake pims-config-version.cmake; do fill_in "$template"; done
    list >"$work/list"
    while IFS="|" read -r mode from to; do
        mkdir -p "$DESTDIR${to%/*}"
        if [ "$mode" = link ]; then
            "$here/tools/replace.sh" --link "$from" "$DESTDIR$to"
        else
            "$here/tools/replace.sh" --mode "$mode" "$from" "$DESTDIR$to"
        fi
    done <"$work/list"
    echo "installed $(wc -l <"$work/list") files; PREFIX=$DESTDIR$PREFIX, the library in $DESTDIR$LIBDIR"
    # A system's loader has a cache of what is in its own folders.
    if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null 2>&1; then ldconfig; fi
    ;;
uninstall)
    work=/nonexistent
    list | while IFS="|" read -r _ _ to; do rm -f "$DESTDIR$to"; done
    own_folders | while read -r folder; do rmdir "$DESTDIR$folder" 2>/dev/null || :; done
    if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null 2>&1; then ldconfig; fi
    ;;
list)
    work=/nonexistent
    list | while IFS="|" read -r _ _ to; do echo "$DESTDIR$to"; done
    ;;
*)
    echo "usage: tools/install.sh install|uninstall|list" >&2
    exit 2
    ;;
esac
