#!/bin/sh
# Checks that tools/install-packages.sh waits for a lock that another process has. It needs apt-get
# and root, as the program itself does; elsewhere it is skipped.
#
# apt-get itself runs, with folders of its own and no source of packages: nothing of this machine is
# changed.
set -eu

cd "$(dirname "$0")/.."
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "NOT TESTED: installation of packages: it needs apt-get and root"
    exit 0
fi
work=$(mktemp -d)
holder=
trap '[ -z "$holder" ] || kill "$holder" 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    cat "$work/err" >&2
    echo "test-install-packages: $*" >&2
    exit 1
}

mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/parts"
: >"$work/sources"
cat >"$work/apt.conf" <<END
Dir::State "$work/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources";
Dir::Etc::sourceparts "$work/parts";
APT::Sandbox::User "root";
END
APT_CONFIG=$work/apt.conf
PIMS_PACKAGES_LOCK=$work/lock
export APT_CONFIG PIMS_PACKAGES_LOCK
# Another process has the lock of the package lists, as apt-get takes it.
mkfifo "$work/in" "$work/out"
python3 tests/tools/hold_lock.py "$work/state/lists/lock" <"$work/in" >"$work/out" 2>"$work/err" &
holder=$!
exec 3>"$work/in" 4<"$work/out"
read -r said <&4 || said=
[ "$said" = held ] || fail "the lock could not be taken"

# The installation reports that it waits, then the lock is released: no clock is involved. `dpkg` is
# installed already, so nothing is fetched.
mkfifo "$work/told"
tools/install-packages.sh dpkg 2>"$work/told" 3>&- 4<&- &
installation=$!
exec 5<"$work/told"
read -r said <&5 || said=
case $said in "waiting for another installation"*) ;; *) fail "it said '$said' where another process has the lock" ;; esac
exec 3>&-
wait "$installation" || fail "it failed after the lock was given back"
echo "ok: an installation waits for another one"

if tools/install-packages.sh no-such-package-of-anyone 2>"$work/err"; then fail "an unknown package was installed"; fi
grep -q 'no-such-package-of-anyone' "$work/err" || fail "the unknown package is not named"
for _ in 1 2 3 4; do (tools/install-packages.sh dpkg || : >"$work/failed") 2>>"$work/err" & done
wait
[ ! -e "$work/failed" ] || fail "of four installations at once one failed"
echo "ok: four installations at once end well, and an unknown package is told"
