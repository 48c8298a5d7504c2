#!/bin/sh
# Installs the tools that the tests need and this machine lacks, if that needs no question; else
# names the missing ones.
set -eu

missing=
need() { # command or file, Debian package
    if ! command -v "$1" >/dev/null 2>&1 && ! [ -e "$1" ]; then missing="$missing $2"; fi
}
need make make
need cc gcc
need c++ g++
need g++ g++
need clang++ clang
need cmake cmake
need dpkg-shlibdeps dpkg-dev
need lintian lintian
need /usr/include/doctest/doctest.h doctest-dev
need /usr/include/nlohmann/json.hpp nlohmann-json3-dev
need nm binutils
need valgrind valgrind
need pkg-config pkg-config
need openssl openssl
need curl curl
need javac openjdk-17-jdk-headless
need node nodejs
need npm npm
need chromium-headless-shell chromium-headless-shell
need php php-cli
need ruby ruby
need /usr/share/java/junit-platform-console.jar junit5
need sqlite3 sqlite3
need /usr/include/sqlcipher/sqlite3.h libsqlcipher-dev
need /usr/sbin/nginx nginx-light
need /usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream
need systemd-analyze systemd
need /usr/include/jansson.h libjansson-dev
need python3 python3
# Lays out a release of Debian that has Swift, which needs root.
command -v swift >/dev/null 2>&1 || [ "$(id -u)" != 0 ] || need debootstrap debootstrap
# Python packages from PyPI go into environments of their own.
python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
# Debian keeps the server's programs out of PATH.
set -- /usr/lib/postgresql/*/bin/initdb
command -v initdb >/dev/null 2>&1 || need "$1" postgresql
need /usr/sbin/pgbouncer pgbouncer
printf '#include <stdarg.h>\n#include <stddef.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <cmocka.h>\n' |
    cc -x c -fsyntax-only - 2>/dev/null || missing="$missing libcmocka-dev"
for component in fmt clippy; do
    cargo $component --version >/dev/null 2>&1 || {
        echo "missing: cargo $component (rustup component add rustfmt clippy)" >&2
        exit 1
    }
done

[ -z "$missing" ] && exit 0
echo "installing$missing"
status=0
# shellcheck disable=SC2086 # a list of package names
"$(dirname "$0")/install-packages.sh" $missing || status=$?
if [ "$status" = 69 ]; then
    echo "the tests need packages that are not installed:$missing" >&2
    echo "on Debian and Ubuntu: sudo apt-get install$missing" >&2
    exit 1
fi
exit "$status"
