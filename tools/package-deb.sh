#!/bin/sh
# Makes Debian packages of what is built already:
#
#     tools/package-deb.sh FOLDER OUT
#
# libpims0 is the shared library. libpims-dev has all that a program is built against. pims is the
# program for shells, if FOLDER has it (`make program`). pims-authority is the service, if FOLDER
# has it: with its unit, its user and /etc/pims-authority. These two need no other package of these.
# dpkg-deb makes them from the layout of `make install`. The binaries say for which processor and
# which glibc the packages are: they fit Debian and Ubuntu with that glibc, and are not for Debian's
# archive, which builds from source. The same commit and the same binaries give the same packages.
set -eu

FROM=$(cd "${1:?usage: tools/package-deb.sh FOLDER OUT}" && pwd)
export FROM
mkdir -p "${2:?usage: tools/package-deb.sh FOLDER OUT}"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
# ELF's machine: byte 18.
case $(od -An -tu1 -j18 -N1 "$FROM/libpims.so.0" | tr -d ' ') in
62) architecture=amd64 triplet=x86_64-linux-gnu target=x86_64-unknown-linux-gnu ;;
183) architecture=arm64 triplet=aarch64-linux-gnu target=aarch64-unknown-linux-gnu ;;
*) echo "package-deb: $FROM/libpims.so.0 is for an unknown processor" >&2; exit 1 ;;
esac
set -- "$FROM/libpims.so.0" "$FROM/libpims.a"
for file in pims pims-authority; do [ ! -e "$FROM/$file" ] || set -- "$@" "$FROM/$file"; done
tools/elf.py $target "$@"
if [ "$architecture" = "$(dpkg --print-architecture)" ]; then strip="strip"; else strip=$triplet-strip; fi
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
# The maintainer of the packages. A distributor sets MAINTAINER.
maintainer=${MAINTAINER:-the libpims authors <nobody@libpims.invalid>}
runtime=$work/libpims0 dev=$work/libpims-dev program=$work/pims service=$work/pims-authority
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
"$strip" --strip-debug --enable-deterministic-archives "$dev/$libdir/libpims.a"
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

# Prints what a binary needs of the system, by its dynamic section and the newest version of its
# symbols. dpkg-shlibdeps knows the packages of this machine's processor only.
depends_of() { # binary
    LC_ALL=C readelf -dVW "$1" >"$work/dynamic"
    glibc=$(grep -o 'GLIBC_[0-9][0-9.]*' "$work/dynamic" | sed 's/GLIBC_//' | sort -uV | tail -n 1)
    gcc=
    sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" >"$work/needed"
    while read -r needed; do
        case $needed in
        libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | ld-linux-*.so.*) ;;
        libgcc_s.so.1) gcc=", libgcc-s1 (>= 4.2)" ;;
        *) echo "package-deb: no package is known for $needed" >&2; exit 1 ;;
        esac
    done <"$work/needed"
    [ -n "$glibc" ] || { echo "package-deb: $1 names no version of glibc" >&2; exit 1; }
    echo "libc6 (>= $glibc)$gcc"
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

if [ -e "$FROM/pims-authority" ]; then
    documents "$service" pims-authority
    packaging=packaging/debian/pims-authority
    mkdir -p "$service/usr/bin" "$service/usr/lib/systemd/system" "$service/usr/lib/sysusers.d" "$service/usr/share/lintian/overrides" \
        "$service/usr/share/doc/pims-authority/examples"
    install -m 755 "$FROM/pims-authority" "$service/usr/bin/pims-authority"
    # A user of its own in the place of a dynamic one: commands on an SQLite database run as this
    # user. systemd then leaves out what a dynamic user implies; the unit names all of that itself.
    sed 's/^DynamicUser=yes$/User=pims-authority/' deploy/pims-authority.service >"$service/usr/lib/systemd/system/pims-authority.service"
    grep -q '^User=pims-authority$' "$service/usr/lib/systemd/system/pims-authority.service"
    # The modes of a checkout depend on its user's umask.
    install -m 644 $packaging.sysusers "$service/usr/lib/sysusers.d/pims-authority.conf"
    install -m 644 $packaging.lintian-overrides "$service/usr/share/lintian/overrides/pims-authority"
    install -m 644 docs/operating.md docs/authority.md docs/scaling.md SECURITY.md "$service/usr/share/doc/pims-authority/"
    install -m 644 deploy/nginx.conf deploy/alerts.yml deploy/grafana-dashboard.json "$service/usr/share/doc/pims-authority/examples/"
    install -m 700 -d "$service/etc/pims-authority"
    install -m 600 deploy/pims-authority.toml "$service/etc/pims-authority/"
    echo /etc/pims-authority/pims-authority.toml >"$service/DEBIAN/conffiles"
    for script in postinst prerm postrm; do install -m 755 $packaging.$script.sh "$service/DEBIAN/$script"; done
    depends=$(depends_of "$service/usr/bin/pims-authority")
    # The unit needs LoadCredential=, which systemd has since 247.
    control "$service" pims-authority foreign "Section: net
Depends: $depends, procps, systemd (>= 247) | systemd-standalone-sysusers
Recommends: ca-certificates
Suggests: nginx, postgresql" <<'END'
Description: strong authentication of the PIMS mobile SDK (service)
 The service side of strong authentication: devices are activated by SMS codes,
 one-time passwords are verified. It keeps its data in SQLite or PostgreSQL.
 .
 It does not start by itself: it needs a configuration and keys first, see
 /usr/share/doc/pims-authority/operating.md.
END
fi
