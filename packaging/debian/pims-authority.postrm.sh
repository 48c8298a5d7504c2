#!/bin/sh
# Keeps the database, the keys and the user, also when the package is purged: without its keys a
# database is worth nothing, and nobody can make them again. The links of an enabled service are
# removed by purge, as dh_installsystemd has it.
set -e

unit=pims-authority.service
# It is gone if its package was removed before.
has_helper() { command -v deb-systemd-helper >/dev/null 2>&1; }

if [ "$1" = remove ]; then
    [ ! -d /run/systemd/system ] || systemctl --system daemon-reload >/dev/null || true
    ! has_helper || deb-systemd-helper mask $unit >/dev/null || true
fi
if [ "$1" = purge ] && has_helper; then
    deb-systemd-helper purge $unit >/dev/null || true
    deb-systemd-helper unmask $unit >/dev/null || true
fi
