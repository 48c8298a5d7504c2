#!/bin/sh
# Makes the files of a release:
#
#     tools/package-dist.sh RELEASE_LIB OUT
#
# libpims-VERSION.tar.gz is the source of the commit that is checked out.
# libpims-VERSION-SYSTEM.tar.gz is the library, with the program if it was built (`make program`),
# in the layout of `make install`, to be unpacked anywhere. libpims-VERSION.cdx.json is its bill of
# materials. SHA256SUMS covers all files in OUT. The same commit gives the same source tarball, and
# the same library gives the same other files: times are those of the commit, owners are root.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

FROM=$(cd "${1:?usage: tools/package-dist.sh RELEASE_LIB OUT}" && pwd)
export FROM
mkdir -p "${2:?usage: tools/package-dist.sh RELEASE_LIB OUT}"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
system=$(rustc -vV | sed -n 's/^host: //p')
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
umask 022

if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "note: what is not committed is not in libpims-$version.tar.gz" >&2
fi
rm -f "$out/libpims-$version.tar.gz" "$out/libpims-$version-$system.tar.gz" "$out/libpims-$version.cdx.json" "$out/SHA256SUMS"
git archive --format=tar --prefix="libpims-$version/" HEAD >"$work/source.tar"
gzip -n <"$work/source.tar" >"$out/libpims-$version.tar.gz"

name=libpims-$version-$system
env -u LIBDIR -u BINDIR -u DATADIR -u INCLUDEDIR -u DOCDIR PREFIX="/$name" DESTDIR="$work" RELOCATABLE=yes tools/install.sh install >/dev/null
tar --sort=name --mtime="@$epoch" --owner=root:0 --group=root:0 --mode=u+rw,go=rX -C "$work" -cf "$work/library.tar" "$name"
gzip -n <"$work/library.tar" >"$out/$name.tar.gz"

tools/sbom.py "$FROM/libpims.so.0" >"$work/sbom"
cp "$work/sbom" "$out/libpims-$version.cdx.json"
"$here/tools/checksums.sh" "$out"
ls -l "$out"
