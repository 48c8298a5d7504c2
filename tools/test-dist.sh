#!/bin/sh
# Checks the files of `make dist` and `make deb`:
#
#     tools/test-dist.sh RELEASE_LIB CHECKER
#
# Makes all of them twice, in folders of its own: the same bytes both times. The source tarball has
# the files of the commit and no other. The library of the binary tarball, and that of the Debian
# packages, can be built against and run. Checksums are right. Lintian has no complaint. The bill of
# materials is valid by its schema; CHECKER becomes a virtual environment with a validator, from
# PyPI.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

lib=$(cd "${1:?usage: tools/test-dist.sh RELEASE_LIB CHECKER}" && pwd)
checker=${2:?usage: tools/test-dist.sh RELEASE_LIB CHECKER}
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
unset PREFIX LIBDIR BINDIR DATADIR INCLUDEDIR DOCDIR DESTDIR RELOCATABLE PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
unset PYTHONPATH PYTHONHOME

fail() {
    echo "test-dist: $*" >&2
    exit 1
}

says() { echo "ok: $*"; }

# Builds the demo with these options, and runs it.
run_demo() { # folder of the library, option …
    folder=$1
    shift
    ${CC:-cc} -std=c99 -Wall -Wextra -Werror examples/c/enroll.c -o "$work/enroll" -lpthread -Wl,-rpath,"$folder" "$@"
    ldd "$work/enroll" | grep -qF "=> $folder/libpims.so.0 " || fail "the demo is not linked with the library in $folder"
    timeout 600 "$work/enroll" >"$work/out" 2>&1 || { cat "$work/out" >&2; fail "the demo did not end well"; }
}

# A low compression changes nothing in the tested parts, and saves a minute.
export DPKG_DEB_COMPRESSOR_LEVEL=1
for once in first second; do
    tools/package-dist.sh "$lib" "$work/$once" >/dev/null
    tools/package-deb.sh "$lib" "$work/$once" >/dev/null
done
diff -r "$work/first" "$work/second" || fail "the same commit and library gave other files"
out=$work/first
(cd "$out" && sha256sum --check --strict --quiet SHA256SUMS) || fail "the checksums are wrong"
[ "$(wc -l <"$out/SHA256SUMS")" = 6 ] && [ "$(find "$out" -type f | wc -l)" = 7 ] || fail "not six files and their checksums: $(ls "$out")"
says "six files with their checksums, the same twice"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
tar -tzf "$out/libpims-$version.tar.gz" | grep -v '/$' | sed "s|^libpims-$version/||" | LC_ALL=C sort >"$work/packed"
git -c core.quotePath=false ls-tree -r --name-only HEAD | LC_ALL=C sort | diff - "$work/packed" || fail "the source tarball is not the commit"
says "the source tarball has the $(wc -l <"$work/packed") files of the commit"

mkdir "$work/unpacked"
tar -xzf "$out/libpims-$version-"*.tar.gz -C "$work/unpacked" --strip-components=1
# shellcheck disable=SC2046 # a list of options
run_demo "$work/unpacked/lib" $(PKG_CONFIG_PATH=$work/unpacked/lib/pkgconfig pkg-config --cflags --libs pims)
cmp "$lib/libpims.so.0" "$work/unpacked/lib/libpims.so.0" || fail "the binary tarball has another library"
tools/check-exports.sh "$work/unpacked/lib/libpims.a"
[ "$("$work/unpacked/bin/pims" --version)" = "pims $version" ] || fail "the program of the tarball does not run"
says "the binary tarball is built against where it is unpacked"

root=$work/root
libdir=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
mkdir "$root"
for package in "$out"/*.deb; do dpkg-deb --extract "$package" "$root"; done
# shellcheck disable=SC2046
run_demo "$libdir" $(PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$libdir/pkgconfig pkg-config --cflags --libs pims)
# Its debugging symbols are gone.
tools/check-exports.sh "$libdir/libpims.a"
[ "$("$root/usr/bin/pims" --version)" = "pims $version" ] || fail "the packaged program does not run"
for file in man/man1/pims.1.gz bash-completion/completions/pims zsh/vendor-completions/_pims fish/vendor_completions.d/pims.fish; do
    [ -s "$root/usr/share/$file" ] || fail "the package has no $file"
done
lintian --allow-root --fail-on error,warning "$out"/*.deb || fail "lintian finds the above"
says "the Debian packages are built against, and lintian finds nothing"

python=python3
if ! "$python" -c 'from cyclonedx.validation.json import JsonStrictValidator; import jsonschema' 2>/dev/null; then
    [ -x "$checker/bin/python" ] || "$python" -m venv "$checker"
    python=$checker/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check --requirement tools/requirements-sbom.txt
fi
"$python" tools/check-sbom.py "$out/libpims-$version.cdx.json"
sum=$(sha256sum <"$lib/libpims.so.0" | cut -d ' ' -f 1)
grep -q "\"content\": \"$sum\"" "$out/libpims-$version.cdx.json" || fail "the bill of materials is not of this library"
says "the bill of materials is valid, and of this library"
