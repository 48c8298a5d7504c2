#!/bin/sh
# Tests the example integration in Home Assistant, with the test helpers of Home Assistant that PyPI
# has for custom integrations.
#
#     tools/test-home-assistant.sh BUILD LIBRARY AUTHORITY [TEST…]
#
# BUILD/home-assistant keeps Home Assistant, 1.3 GB. LIBRARY is libpims.so.0, AUTHORITY the program
# pims-authority. Home Assistant needs Python 3.14.2 or newer: HOME_ASSISTANT_PYTHON names one, else
# `python3.14` is taken. On a machine without one, root gets Debian's in a folder of its own
# (debootstrap), and the tests run there by chroot.
set -eu

build=$(realpath "${1:?usage: tools/test-home-assistant.sh BUILD LIBRARY AUTHORITY}")/home-assistant
library=$(realpath "$2")
authority=$(realpath "$3")
shift 3
root=$(realpath "$(dirname "$0")/..")
example=$root/examples/home_assistant
requirements=$example/requirements-test.txt

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 14, 2))' 2>/dev/null
}

python=${HOME_ASSISTANT_PYTHON:-python3.14}
inside=
within=
if ! is_new_enough "$python"; then
    if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
        echo "Home Assistant needs Python 3.14.2 or newer. Name one with HOME_ASSISTANT_PYTHON, or run this as root with debootstrap" >&2
        exit 1
    fi
    inside=$build/root
    within="chroot $inside"
    python=python3
    if [ ! -e "$inside/.done" ]; then
        rm -rf "$inside"
        mkdir -p "$build"
        # shellcheck disable=SC2016 # apt-get reads $(…) itself
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
        # The mounts of debootstrap end with it, also if it fails. An older debootstrap has no
        # script for forky; that of sid is the same.
        unshare --mount debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates,libturbojpeg0 \
            forky "$inside" "${mirror:-http://deb.debian.org/debian}" sid >"$build/debootstrap.log"
        cp /etc/resolv.conf /etc/hosts "$inside/etc/"
        cp /etc/ssl/certs/ca-certificates.crt "$inside/etc/ssl/certs/"
        touch "$inside/.done"
    fi
fi

# The paths as the tests see them: below the root of the chroot, if there is one.
place=${inside:+/test}
place=${place:-$build/test}
home=${inside:+/ha}
home=${home:-$build/ha}

if ! cmp -s "$requirements" "$inside$home/installed"; then
    $within "$python" -m venv --clear "$home"
    cp "$requirements" "$inside$home/requirements.txt"
    # Wheels of the machine outside are for its own Python.
    PIP_FIND_LINKS='' $within "$home/bin/pip" install --quiet --disable-pip-version-check -r "$home/requirements.txt"
    cp "$requirements" "$inside$home/installed"
fi

rm -rf "$inside$place"
mkdir -p "$inside$place"
cp -R "$example/custom_components" "$example/tests" "$example/pytest.ini" "$example/README.md" "$inside$place/"
cp -R "$root/bindings/python/src/libpims" "$inside$place/libpims"
rm -rf "$inside$place/libpims/__pyinstaller"
cp "$library" "$inside$place/libpims.so.0"
cp "$authority" "$inside$place/pims-authority"

# `env -C` is the change of the folder inside the chroot.
exec $within env -C "$place" -i HOME=/tmp PATH=/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH="$place" PIMS_LIBRARY="$place/libpims.so.0" PIMS_AUTHORITY="$place/pims-authority" \
    "$home/bin/python" -m pytest -p no:cacheprovider "$@"
