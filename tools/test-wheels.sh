#!/bin/sh
# Installs each wheel of a release on its own C library and processor, and runs the tests of the
# package there:
#
#     tools/test-wheels.sh WHEELS WORK [PLATFORM…]
#
# WHEELS has the wheels (tools/build-wheels.sh), WORK gets the Pythons (tools/wheel-systems.sh).
# PLATFORM is for example musllinux_1_2_aarch64; without one, every wheel is tested.
#
# platform               | runs                                      | tests
# manylinux_2_28_x86_64  | natively, the Python of this machine      | all that need the wheel alone
# musllinux_1_2_x86_64   | natively, musl 1.2.5, a Python of Alpine  | the same
# manylinux_2_28_aarch64 | under qemu-aarch64, glibc of Debian 13    | the conformance suite
# musllinux_1_2_aarch64  | under qemu-aarch64, musl 1.2.5, of Alpine | the conformance suite
#
# Each one also refuses the libraries of the other wheels. It is for a machine with x86_64.
set -eu

wheels=$(realpath "${1:?usage: tools/test-wheels.sh WHEELS WORK [PLATFORM…]}")
mkdir -p "${2:?usage: tools/test-wheels.sh WHEELS WORK [PLATFORM…]}"
work=$(realpath "$2")
shift 2
if [ $# = 0 ]; then
    for wheel in "$wheels"/libpims-*.whl; do
        platform=${wheel##*-none-}
        set -- "$@" "${platform%.whl}"
    done
fi
host=${PYTHON:-python3}
cd "$(dirname "$0")/.."
tools=$PWD/tools
# The wheel must be the only package that is found.
unset PIMS_LIBRARY PYTHONPATH PIMS_AUTHORITY
export PYTHONDONTWRITEBYTECODE=1

wheel_of() { # platform
    set -- "$wheels"/libpims-*-"$1".whl
    [ -e "$1" ] || {
        echo "$wheels has no wheel of that platform: make wheels" >&2
        return 1
    }
    echo "$1"
}

# The libraries of all wheels: each Python refuses those of the others.
rm -rf "$work/libraries"
for wheel in "$wheels"/libpims-*.whl; do
    platform=${wheel##*-none-}
    folder=$work/libraries/${platform%.whl}
    mkdir -p "$folder"
    "$host" -c 'import sys, zipfile
open(sys.argv[2], "wb").write(zipfile.ZipFile(sys.argv[1]).read("libpims/_lib/libpims.so"))' "$wheel" "$folder/libpims.so"
done

grep -E '^(pytest|exceptiongroup|iniconfig|packaging|pluggy|pygments|tomli|typing-extensions)=' bindings/python/requirements-test.txt >"$work/requirements.txt"

for platform in "$@"; do
    wheel=$(wheel_of "$platform")
    site=$work/site-$platform
    rm -rf "$site"
    # pip checks the tag of the wheel against the platform.
    "$host" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$site" --only-binary :all: --implementation py \
        --python-version 3.13 --platform "$platform" --no-compile -r "$work/requirements.txt" "$wheel"
    tests="tests/test_conformance.py"
    case $platform in
    manylinux_*_x86_64)
        python=$host
        whole=yes
        ;;
    musllinux_*_x86_64)
        python=$work/musl-x86_64/python
        whole=yes
        ;;
    manylinux_*_aarch64)
        python=$work/gnu-aarch64/python
        whole=no
        ;;
    musllinux_*_aarch64)
        python=$work/musl-aarch64/python
        whole=no
        ;;
    *)
        echo "there is no test for $platform" >&2
        exit 2
        ;;
    esac
    [ "$python" = "$host" ] || "$tools/wheel-systems.sh" "$work" "$(basename "$(dirname "$python")")"
    foreign=$(find "$work/libraries" -name libpims.so ! -path "*/$platform/*" | sort | tr '\n' ':')
    [ $whole = no ] || tests="$tests tests/test_package.py tests/test_calls.py tests/test_aio.py tests/test_sessions.py tests/test_values.py tests/test_process.py"
    echo "$platform: $wheel"
    # shellcheck disable=SC2086 # the names of the tests
    (cd bindings/python && PYTHONPATH=$site PIMS_FOREIGN_LIBRARIES=$foreign "$python" -m pytest -p no:cacheprovider $tests \
        tests/test_package.py::test_a_library_of_another_system_is_refused_in_one_sentence)
done
