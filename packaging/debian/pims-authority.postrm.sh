#!/bin/sh
# Keeps the database, the keys and the user, also when the package is purged: without its keys a
# database is worth nothing, and nobody can make them again.
set -e

if [ "$1" = purge ] && command -v deb-systemd-helper >/dev/null 2>&1; then
    deb-systemd-helper purge pims-authority.service >/dev/null || true
fi
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
fi
