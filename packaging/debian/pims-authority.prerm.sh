#!/bin/sh
# Stops the service when the package is removed, not when it is replaced by another version.
set -e

if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop pims-authority.service || true
fi
