#!/bin/sh
# Provides Swift on a Debian that has none. Debian has had Swift since release 13, so that release
# is laid into FOLDER (3.4 GB), and a command is run in it with this repository at its place.
#
#     tools/swift-debian.sh FOLDER command…
#
# It needs root. Nothing outside FOLDER is changed: mounts exist for these processes only. It ends
# with 75 if the release could not be laid out, which says nothing of the repository.
set -eu

# This program calls itself with these two options, in mounts of its own. The mounts end with the
# process, also if it fails.
case ${1:?usage: tools/swift-debian.sh FOLDER command…} in
--lay-out) # folder, mirror
    folder=$2
    debootstrap --variant=minbase trixie "$folder" "$3" >"$folder.log" 2>&1
    # The release reaches its packages in the same way as this machine.
    for file in resolv.conf hosts; do cp "/etc/$file" "$folder/etc/$file"; done
    mount --bind /dev "$folder/dev"
    mount -t proc proc "$folder/proc"
    {
        chroot "$folder" apt-get update
        chroot "$folder" apt-get install --yes --no-install-recommends swiftlang gcc g++ libc6-dev
        chroot "$folder" apt-get clean
    } >>"$folder.log" 2>&1
    exit 0
    ;;
--run) # folder, this repository, command…
    folder=$2 here=$3
    shift 3
    mkdir -p "$folder$here"
    mount --bind "$here" "$folder$here"
    mount --bind /dev "$folder/dev"
    mount -t proc proc "$folder/proc"
    exec chroot "$folder" env --chdir="$here" "$@"
    ;;
esac

folder=$(realpath -m "$1")
shift
here=$(cd "$(dirname "$0")/.." && pwd)

if ! [ -e "$folder/.done" ]; then
    echo "laying out Debian 13 with Swift in $folder"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    rm -rf "$folder"
    mkdir -p "$folder"
    # shellcheck disable=SC2016 # apt-get reads $(…) itself
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
    unshare --mount "$0" --lay-out "$folder" "$mirror" || {
        tail -n 5 "$folder.log" >&2
        exit 75
    }
    touch "$folder/.done"
fi
exec unshare --mount "$0" --run "$folder" "$here" "$@"
