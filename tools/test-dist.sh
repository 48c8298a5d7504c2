#!/bin/sh
# Checks the tools of `make dist` on what this machine has built:
#
#     tools/test-dist.sh FOLDER CHECKER
#
# FOLDER has the library, `pims` and `pims-authority`. Makes source, tarballs, Debian packages,
# bills of materials, checksums and the statement of provenance twice, in folders of its own: the
# same bytes both times. The source tarball has the files of the commit and no other. The library of
# the binary tarball, and that of the Debian packages, can be built against and run. Lintian has no
# complaint. The service's package has a user, and a unit that systemd accepts. The bills of
# materials are valid by their schema; CHECKER becomes a virtual environment with a validator, from
# PyPI. `make test-release` checks what is cross-built; `make test-kotlin` the jar.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

lib=$(cd "${1:?usage: tools/test-dist.sh FOLDER CHECKER}" && pwd)
checker=${2:?usage: tools/test-dist.sh FOLDER CHECKER}
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
export DPKG_DEB_COMPRESSOR_LEVEL=1 PIMS_GZIP_LEVEL=1
# What is not made here: jar, npm packages, wheels.
incomplete='*.whl *.tgz *.jar *.pom libpims-jni-*.cdx.json libpims-node-*.cdx.json'
system=$(rustc -vV | sed -n 's/^host: //p')
echo "rustc $(rustc --version | cut -d ' ' -f 2-)" >"$work/tools"
for once in first second; do
    tools/dist.sh "$work/$once" "$system=$lib" >/dev/null
    SYSTEMS=$system WITHOUT=$incomplete tools/seal-dist.sh "$work/$once" "$work/tools"
done
diff -r "$work/first" "$work/second" || fail "the same commit and files gave other files"
out=$work/first
(cd "$out" && sha256sum --check --strict --quiet SHA256SUMS) || fail "the checksums are wrong"
# Source, two tarballs, four Debian packages, three bills of materials, the statement.
[ "$(wc -l <"$out/SHA256SUMS")" = 11 ] && [ "$(find "$out" -type f | wc -l)" = 12 ] || fail "not eleven files and their checksums: $(ls "$out")"
says "eleven files with their checksums, the same twice"
tools/check-provenance.py "$out"

# Runs a command that must fail and say this, and leave nothing in $work/refused.
refuses() { # what it says, command…
    said=$1
    shift
    rm -rf "$work/refused"
    if "$@" >"$work/out" 2>&1 || ! grep -q "$said" "$work/out"; then
        cat "$work/out" >&2
        fail "it was not refused: $*"
    fi
    if find "$work/refused" -type f 2>/dev/null | grep .; then fail "the above were made by $*"; fi
}

# Libraries of another C library and of another processor, and a folder with a name of two words.
foreign="$work/foreign files"
mkdir "$foreign"
${CC:-cc} -shared -nostdlib -Wl,-soname,libc.so -x c /dev/null -o "$work/libc.so"
${CC:-cc} -shared -nostdlib -Wl,-soname,libpims.so.0 -x c /dev/null -x none -Wl,--no-as-needed "$work/libc.so" -o "$foreign/libpims.so.0"
cp "$lib/libpims.a" "$foreign/"
refuses 'No such file or directory' tools/dist.sh "$work/refused" "$system=/no/such/folder"
refuses 'is no folder' tools/dist.sh "$work/refused" "$system=$lib/libpims.a"
refuses 'FROM is empty' env FROM= DESTDIR="$work/refused" tools/install.sh install
refuses 'libpims.so.0 needs musl, and not that of' tools/dist.sh "$work/refused" "$system=$foreign"
refuses 'libpims.so.0 needs musl, and not that of' tools/package-deb.sh "$foreign" "$work/refused"
(cd "$work" && python3 -m zipfile -c classes.jar libc.so)
refuses 'libpims.so.0 needs musl, and not that of' env SOURCE_DATE_EPOCH=1700000000 tools/maven.py "$work/classes.jar" "$work/refused" "$system=$foreign/libpims.so.0"
case $system in x86_64-*) other=aarch64-unknown-linux-gnu ;; *) other=x86_64-unknown-linux-gnu ;; esac
refuses "is for ${system%%-*}, and not for $other" tools/dist.sh "$work/refused" "$other=$lib"
refuses "libpims.a is for ${system%%-*}, and not for $other" tools/elf.py $other "$lib/libpims.a"
tools/elf.py "${system%-*}-musl" "$foreign/libpims.so.0"
says "a missing folder is refused, and a file of another processor or C library"

# A release that is not complete, or that has another file, is not sealed.
python3 -B -m doctest tools/release_files.py
refuses "_$(dpkg --print-architecture).deb is missing" env SYSTEMS="$system" WITHOUT="$incomplete *.tar.gz *.cdx.json" tools/seal-dist.sh "$foreign"
refuses 'libpims.a is no file of this release' env SYSTEMS="$system" WITHOUT='*' tools/seal-dist.sh "$foreign"
refuses 'py3-none-manylinux_2_28_.* is missing' env SYSTEMS="$system" tools/release_files.py "$out"
refuses 'gnu.tar.gz is missing' env WITHOUT="$incomplete" tools/release_files.py "$out"
[ ! -e "$foreign/SHA256SUMS" ] || fail "a release that is not complete was sealed"
# Each lock file is in the statement, and one that is missing is an error.
git ls-files Cargo.lock '*package-lock.json' >"$work/locks"
[ "$(wc -l <"$work/locks")" -ge 3 ] || fail "too few lock files"
while read -r lock; do grep -q "\"name\": \"$lock\"" "$out"/*.provenance.json || fail "the statement has no $lock"; done <"$work/locks"
refuses 'no/such.lock' env PYTHONPATH=tools python3 -B -c 'import provenance, sys; provenance.LOCKS += ("no/such.lock",); provenance.main(sys.argv[1])' "$out"
cp -R "$out" "$work/other"
sed -i 's/package-lock/other-lock/' "$work/other"/*.provenance.json
refuses 'it is of other lock files' tools/check-provenance.py "$work/other"
says "a release that is not complete is not sealed, and the statement has each lock file"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
tar -tzf "$out/libpims-$version.tar.gz" | grep -v '/$' | sed "s|^libpims-$version/||" | LC_ALL=C sort >"$work/packed"
git -c core.quotePath=false ls-tree -r --name-only HEAD | LC_ALL=C sort | diff - "$work/packed" || fail "the source tarball is not the commit"
says "the source tarball has the $(wc -l <"$work/packed") files of the commit"

mkdir "$work/unpacked"
tar -xzf "$out/libpims-$version-$system.tar.gz" -C "$work/unpacked" --strip-components=1
# shellcheck disable=SC2046 # a list of options
run_demo "$work/unpacked/lib" $(PKG_CONFIG_PATH=$work/unpacked/lib/pkgconfig pkg-config --cflags --libs pims)
cmp "$lib/libpims.so.0" "$work/unpacked/lib/libpims.so.0" || fail "the binary tarball has another library"
tools/check-exports.sh "$work/unpacked/lib/libpims.a"
[ "$("$work/unpacked/bin/pims" --version)" = "pims $version" ] || fail "the program of the tarball does not run"
says "the binary tarball is built against where it is unpacked"
tar -xzf "$out/pims-authority-$version-$system.tar.gz" -C "$work/unpacked"
[ "$("$work/unpacked/pims-authority-$version-$system/bin/pims-authority" --version)" = "pims-authority $version" ] ||
    fail "the service of the tarball does not run"

# A checkout whose files other users cannot read gives the same packages.
mkdir "$work/checkout"
git ls-files -z | xargs -0 cp -P --parents -t "$work/checkout"
chmod -R go-rwx "$work/checkout"
(umask 077 && SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$work/checkout/tools/package-deb.sh" "$lib" "$work/packages")
for package in "$work/packages"/*.deb; do cmp "$package" "$out/${package##*/}" || fail "the umask of the checkout changes the package"; done
[ "$(find "$work/packages" -name '*.deb' | wc -l)" = 4 ] || fail "not four packages"
says "a checkout with the umask 077 gives the same Debian packages"

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

# The service: its files are closed, its user is made, systemd accepts its unit.
[ "$("$root/usr/bin/pims-authority" --version)" = "pims-authority $version" ] || fail "the packaged service does not run"
[ "$(stat -c %a "$root/etc/pims-authority" "$root/etc/pims-authority/pims-authority.toml" | tr '\n' ' ')" = "700 600 " ] ||
    fail "others can read the folder of keys"
unit=$root/usr/lib/systemd/system/pims-authority.service
if grep -q DynamicUser "$unit" || ! grep -q '^User=pims-authority$' "$unit"; then fail "the packaged unit has another user"; fi
systemd-analyze security --offline=yes --threshold=20 --no-pager "$unit" >"$work/out" || { cat "$work/out" >&2; fail "the packaged unit is not confined"; }
sed -i "s|/usr/bin/pims-authority|$root&|" "$unit"
systemd-analyze verify --man=no --recursive-errors=no "$unit" >"$work/out" 2>&1 || :
if grep 'pims-authority.service:' "$work/out"; then fail "systemd does not accept the packaged unit"; fi
systemd-sysusers --root="$root" 2>/dev/null
grep -q '^pims-authority:x:[0-9]*:[0-9]*:PIMS authority:/var/lib/pims-authority:' "$root/etc/passwd" || fail "the service has no user"

lintian --allow-root --fail-on error,warning "$out"/*.deb || fail "lintian finds the above"
says "the Debian packages are built against, and lintian finds nothing"

python=python3
if ! "$python" -c 'from cyclonedx.validation.json import JsonStrictValidator; import jsonschema' 2>/dev/null; then
    [ -x "$checker/bin/python" ] || "$python" -m venv "$checker"
    python=$checker/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check --requirement tools/requirements-sbom.txt
fi
while read -r bill kind file; do
    "$python" tools/check-sbom.py "$kind" "$out/$bill-$version.cdx.json"
    sum=$(sha256sum <"$lib/$file" | cut -d ' ' -f 1)
    grep -q "\"content\": \"$sum\"" "$out/$bill-$version.cdx.json" || fail "the bill of materials is not of this $kind"
done <<END
libpims library libpims.so.0
pims program pims
pims-authority service pims-authority
END
says "the bills of materials are valid, and of these files"
