#!/bin/sh
# Swift for a machine with Debian that has none: Debian has had it since 13, so that release is laid
# into FOLDER (3.4 GB), and a command is run in it with this repository where it is.
#
#     tools/swift-debian.sh FOLDER command…
#
# Root alone can do that. Nothing outside FOLDER is changed: what is mounted is mounted for these
# processes only. Ends with 75 where the release could not be laid out, which says nothing of the
# repository.
set -eu

# This program calls itself with these two options, in mounts of its own, which go with the process,
# also where it fails.
case ${1:?usage: tools/swift-debian.sh FOLDER command…} in
--lay-out) # folder, mirror
    folder=$2
    debootstrap --variant=minbase trixie "$folder" "$3" >"$folder.log" 2>&1
    # How this machine reaches its packages is how that one does.
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
