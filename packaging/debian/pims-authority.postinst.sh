#!/bin/sh
# Makes the user. The service is neither enabled nor started: it needs keys and a configuration
# first (operating.md). A service that runs is restarted with the new program.
set -e

unit=pims-authority.service

# A person who has the user's name would run the service, and own its data.
refuse_person() {
    entry=$(getent passwd pims-authority) || return 0
    id=$(echo "$entry" | cut -d : -f 3)
    shell=${entry##*:}
    case $shell in
    */nologin | */false) if [ "$id" -lt 1000 ] || [ "$id" -ge 60000 ]; then return 0; fi ;;
    esac
    echo "pims-authority: there is a user pims-authority already, which is no user of a service (number $id, shell $shell)." >&2
    echo "Remove or rename it, or give it the shell /usr/sbin/nologin and a number below 1000. Then: dpkg --configure pims-authority" >&2
    exit 1
}

if [ "$1" = configure ] || [ "$1" = abort-upgrade ] || [ "$1" = abort-remove ] || [ "$1" = abort-deconfigure ]; then
    # The first installation: what was here before belongs to nobody but root.
    if [ "$1" = configure ] && [ -z "$2" ]; then
        refuse_person
        chown root:root /etc/pims-authority
        chmod 700 /etc/pims-authority
    fi
    systemd-sysusers pims-authority.conf

    # As dh_installsystemd --no-enable has it. A service that was enabled before the package was
    # removed is enabled again. What is noted here, purge removes.
    if deb-systemd-helper debian-installed $unit; then
        deb-systemd-helper unmask $unit >/dev/null || true
        if deb-systemd-helper --quiet was-enabled $unit; then
            deb-systemd-helper enable $unit >/dev/null || true
        fi
    fi
    deb-systemd-helper update-state $unit >/dev/null || true

    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload >/dev/null || true
        [ -z "$2" ] || deb-systemd-invoke try-restart $unit || true
    fi
fi
