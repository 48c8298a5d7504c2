#!/bin/sh
# Makes Debian packages of a library that is built already:
#
#     tools/package-deb.sh RELEASE_LIB OUT
#
# libpims0 is the shared library. libpims-dev has all that a program is built against. pims is the
# program for shells, if it was built (`make program`); it needs no other package of these. dpkg-deb
# makes them from the layout of `make install`; dpkg-shlibdeps reads the dependencies of libpims0
# from the library. The packages are for a machine like this one, not for Debian's archive, which
# builds from source. The same commit and the same library give the same packages.
set -eu

FROM=$(cd "${1:?usage: tools/package-deb.sh RELEASE_LIB OUT}" && pwd)
export FROM
mkdir -p "${2:?usage: tools/package-deb.sh RELEASE_LIB OUT}"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# The maintainer of the packages. A distributor sets MAINTAINER.
maintainer=${MAINTAINER:-the libpims authors <nobody@libpims.invalid>}
runtime=$work/libpims0 dev=$work/libpims-dev program=$work/pims
libdir=usr/lib/$triplet

env -u INCLUDEDIR -u BINDIR -u DATADIR PREFIX=/usr LIBDIR="/$libdir" DOCDIR=/usr/share/doc/libpims-dev DESTDIR="$dev" RELOCATABLE= tools/install.sh install >/dev/null
mkdir -p "$runtime/$libdir"
mv "$dev/$libdir"/libpims.so.0* "$runtime/$libdir/"
chmod 644 "$runtime/$libdir/libpims.so.$version"
if [ -e "$dev/usr/bin/pims" ]; then
    mkdir -p "$program/usr/share"
    mv "$dev/usr/bin" "$program/usr/"
    mv "$dev/usr/share/man" "$dev/usr/share/bash-completion" "$dev/usr/share/fish" "$program/usr/share/"
    # Debian's folder for completions of zsh.
    mkdir -p "$program/usr/share/zsh/vendor-completions"
    mv "$dev/usr/share/zsh/site-functions/_pims" "$program/usr/share/zsh/vendor-completions/"
    rm -r "$dev/usr/share/zsh"
    gzip -9n "$program"/usr/share/man/man1/*.1
fi
strip --strip-debug --enable-deterministic-archives "$dev/$libdir/libpims.a"
# Debian has its own places for the licence and the changes.
rm "$dev"/usr/share/doc/libpims-dev/LICENSE* "$dev"/usr/share/doc/libpims-dev/CHANGELOG.md

documents() { # package's folder, package
    folder=$1/usr/share/doc/$2
    mkdir -p "$folder" "$1/DEBIAN"
    cat >"$folder/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: libpims

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' LICENSE-MIT)
License: MIT or Apache-2.0
Comment: The crates that are compiled in have their own licences: see the bill of materials of the release.

License: MIT
$(sed '1,/^Permission/{/^Permission/!d}; s/^$/./; s/^/ /' LICENSE-MIT)

License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
END
    {
        echo "libpims ($version) unstable; urgency=medium"
        echo
        echo "  * What changed stands in CHANGELOG.md of the source."
        echo
        echo " -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$folder/changelog.gz"
}

control() { # package's folder, package, its Multi-Arch, more fields; the description is read
    {
        printf 'Package: %s\nSource: libpims\nVersion: %s\nArchitecture: %s\nMaintainer: %s\n' "$2" "$version" "$architecture" "$maintainer"
        printf 'Installed-Size: %s\nPriority: optional\nMulti-Arch: %s\n' "$(du -k -s --apparent-size "$1" | cut -f 1)" "$3"
        printf '%s\n' "$4"
        cat
    } >"$1/DEBIAN/control"
    (cd "$1" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$1/DEBIAN/md5sums"
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$1" "$out/${2}_${version}_$architecture.deb" >/dev/null
}

documents "$runtime" libpims0
documents "$dev" libpims-dev
echo "libpims 0 libpims0 (>= $version)" >"$runtime/DEBIAN/shlibs"
echo "activate-noawait ldconfig" >"$runtime/DEBIAN/triggers"
mkdir -p "$work/source/debian"
printf 'Source: libpims\n\nPackage: libpims0\nArchitecture: any\n' >"$work/source/debian/control"
depends_of() { # binary
    depends=$(cd "$work/source" && dpkg-shlibdeps -O "$1" | sed -n 's/^shlibs:Depends=//p')
    [ -n "$depends" ] || { echo "dpkg-shlibdeps says nothing" >&2; exit 1; }
    echo "$depends"
}

depends=$(depends_of "$runtime/$libdir/libpims.so.$version")
control "$runtime" libpims0 same "Section: libs
Depends: $depends" <<'END'
Description: strong authentication of the PIMS mobile SDK (library)
 An open implementation of the StrongAuthentication component of the PIMS
 mobile SDK: a device is enrolled by an SMS code and a PIN, the PIN is changed,
 one-time passwords are made. JSON goes in, JSON comes out.
END
control "$dev" libpims-dev same "Section: libdevel
Depends: libpims0 (= $version)" <<'END'
Description: strong authentication of the PIMS mobile SDK (development files)
 An open implementation of the StrongAuthentication component of the PIMS
 mobile SDK.
 .
 This package has the headers for C and C++, the static library, the files of
 pkg-config and CMake, the documentation and examples.
END
if [ -d "$program" ]; then
    documents "$program" pims
    depends=$(depends_of "$program/usr/bin/pims")
    control "$program" pims foreign "Section: utils
Depends: $depends" <<'END'
Description: strong authentication of the PIMS mobile SDK (program)
 An open implementation of the StrongAuthentication component of the PIMS
 mobile SDK, as a program for shells and scripts: it enrolls a machine as a
 device of an account, changes the PIN and makes one-time passwords.
END
fi
"$here/tools/checksums.sh" "$out"
ls -l "$out"/*.deb
