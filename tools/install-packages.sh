#!/bin/sh
# Installs packages of the system, and waits for another installation instead of failing beside it:
#
#     tools/install-packages.sh [--no-recommends] PACKAGE…
#
# It needs root and apt-get. Without them it prints nothing and ends with 69, and the caller names
# the missing packages. One call works at a time. apt-get's own option waits for dpkg's locks but
# not for the lock of the package lists. An update that this lock refuses is repeated.
# PIMS_PACKAGES_WAIT is the longest wait in seconds, 1800 by default.
set -eu

options=
[ "${1:-}" != --no-recommends ] || { options=--no-install-recommends; shift; }
command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || exit 69
[ $# != 0 ] || exit 0

wait=${PIMS_PACKAGES_WAIT:-1800}
end=$(($(date +%s) + wait))
lock=${PIMS_PACKAGES_LOCK:-/run/lock/libpims-packages}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 1' HUP INT TERM
# The lock of other targets of this repository, also in another folder. Without flock, apt-get's
# locks must be enough.
if command -v flock >/dev/null 2>&1 && mkdir -p "${lock%/*}" 2>/dev/null; then
    exec 9>"$lock"
    flock --exclusive --timeout "$wait" 9 || { echo "install-packages: another installation did not end in $wait s" >&2; exit 1; }
fi
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

# Tries again while another process has the lock. Any other failure is reported at once.
patiently() {
    said=
    # A daemon that a package starts must not keep the lock: it gets no descriptor 9.
    until LC_ALL=C apt-get -o "DPkg::Lock::Timeout=$wait" "$@" >"$log" 2>&1 9>&-; do
        if ! grep -Eqi 'could not get lock|unable to (acquire|lock)' "$log" || [ "$(date +%s)" -ge "$end" ]; then
            cat "$log" >&2
            return 1
        fi
        [ -n "$said" ] || { echo "waiting for another installation of packages" >&2; said=yes; }
        sleep 1
    done
}

patiently update -qq
# shellcheck disable=SC2086 # an option or none
patiently install -y -qq $options "$@"
