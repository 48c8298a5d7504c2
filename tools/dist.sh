#!/bin/sh
# Makes the files of a release:
#
#     tools/dist.sh OUT TARGET=FOLDER…
#
# FOLDER has what was built for a target of Rust (tools/build-system.sh; `make build` and
# `make program` for this machine). A file of another processor or C library is refused
# (tools/elf.py). The release carries what is there, and tools/seal-dist.sh refuses a release that
# is not complete:
#
#     libpims-VERSION.tar.gz                    the source of the commit that is checked out
#     libpims-VERSION-TARGET.tar.gz             libpims.so.0, libpims.a: the library, with the
#                                               program `pims` if it was built, as `make install`
#                                               lays them out, to be unpacked anywhere
#     pims-authority-VERSION-TARGET.tar.gz      pims-authority: the service, its unit and pages
#     *.deb                                     the same for Debian (tools/package-deb.sh), glibc only
#     libpims-VERSION.jar, .pom …               libpims_jni.so: the jar with the native libraries
#                                               inside (tools/maven.py). KOTLIN_CLASSES is the jar of
#                                               `make kotlin`; without it there is no jar
#     libpims-VERSION.tgz, libpims-SYSTEM….tgz  libpims_node.so: npm packages (tools/node-packages.py)
#     *.cdx.json                                a bill of materials (tools/sbom.py) of each of these
#
# tools/seal-dist.sh adds checksums and the statement of provenance, after the wheels have come
# to OUT. The same commit gives the same source tarball, and the same folders give the
# same other files: times are those of the commit or of SOURCE_DATE_EPOCH, owners are root.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

mkdir -p "${1:?usage: tools/dist.sh OUT TARGET=FOLDER…}"
out=$(realpath "$1")
shift
[ $# -gt 0 ] || { echo "usage: tools/dist.sh OUT TARGET=FOLDER…" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Absolute, before the folder changes.
for system in "$@"; do
    folder=$(realpath -e "${system#*=}")
    [ -d "$folder" ] || { echo "dist: $folder is no folder" >&2; exit 1; }
    echo "${system%%=*}=$folder"
done >"$work/systems"
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
while IFS='=' read -r target folder; do
    set -- "$folder/libpims.so.0" "$folder/libpims.a"
    for file in pims pims-authority libpims_jni.so libpims_node.so; do [ ! -e "$folder/$file" ] || set -- "$@" "$folder/$file"; done
    tools/elf.py "$target" "$@"
done <"$work/systems"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
umask 022
# The tests save time.
level=${PIMS_GZIP_LEVEL:-9}

if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "note: what is not committed is not in libpims-$version.tar.gz" >&2
fi
git archive --format=tar --prefix="libpims-$version/" HEAD >"$work/source.tar"
gzip -n"$level" <"$work/source.tar" >"$out/libpims-$version.tar.gz"

pack() { # name of the folder in $work and of the tarball
    tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=root:0 --group=root:0 --mode=u+rw,go=rX -C "$work" -cf "$work/tar" "$1"
    gzip -n"$level" <"$work/tar" >"$out/$1.tar.gz"
    rm "$work/tar"
}

# The names of the built files by kind, for the bills of materials: TARGET=FILE.
listed() { # file's name
    while IFS='=' read -r target folder; do
        [ ! -e "$folder/$1" ] || echo "$target=$folder/$1"
    done <"$work/systems"
}

while IFS='=' read -r target folder; do
    name=libpims-$version-$target
    env -u LIBDIR -u BINDIR -u DATADIR -u INCLUDEDIR -u DOCDIR PREFIX="/$name" DESTDIR="$work" FROM="$folder" RELOCATABLE=yes \
        tools/install.sh install >/dev/null
    pack "$name"
    if [ -e "$folder/pims-authority" ]; then
        name=pims-authority-$version-$target
        mkdir -p "$work/$name/bin" "$work/$name/docs"
        cp "$folder/pims-authority" "$work/$name/bin/"
        cp -R deploy "$work/$name/"
        cp docs/operating.md docs/authority.md docs/scaling.md "$work/$name/docs/"
        cp LICENSE LICENSE-APACHE LICENSE-MIT CHANGELOG.md SECURITY.md "$work/$name/"
        # It builds the image from the source.
        rm "$work/$name/deploy/Dockerfile"
        pack "$name"
    fi
    case $target in *-gnu) tools/package-deb.sh "$folder" "$out" ;; esac
done <"$work/systems"

listed libpims_jni.so >"$work/natives"
if [ -n "${KOTLIN_CLASSES:-}" ] && [ -s "$work/natives" ]; then
    xargs -d '\n' tools/maven.py "$KOTLIN_CLASSES" "$out" <"$work/natives"
fi

listed libpims_node.so | sed 's/^x86_64-unknown-linux-/linux-x64-/; s/^aarch64-unknown-linux-/linux-arm64-/' >"$work/addons"
if [ -s "$work/addons" ]; then xargs -d '\n' tools/node-packages.py --for-registry "$out" <"$work/addons" >/dev/null; fi

bill() { # kind, file's name, name of the bill
    listed "$2" >"$work/files"
    [ ! -s "$work/files" ] || xargs -d '\n' tools/sbom.py "$1" <"$work/files" >"$out/$3-$version.cdx.json"
}
bill library libpims.so.0 libpims
bill program pims pims
bill service pims-authority pims-authority
bill jni libpims_jni.so libpims-jni
bill node libpims_node.so libpims-node
