#!/bin/sh
# Makes the user. The service is neither enabled nor started: it needs keys and a configuration
# first (operating.md). A service that runs is restarted with the new program.
set -e

if [ "$1" = configure ] || [ "$1" = abort-upgrade ] || [ "$1" = abort-remove ]; then
    systemd-sysusers pims-authority.conf
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        [ -z "$2" ] || deb-systemd-invoke try-restart pims-authority.service || true
    fi
fi
