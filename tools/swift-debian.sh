#!/bin/sh
# Swift for a machine with Debian that has none: Debian has had it since 13, so that release is laid into FOLDER (3.4 GB), and a command is run in it
# with this repository where it is.
#
#     tools/swift-debian.sh FOLDER command…
#
# Root alone can do that. Nothing outside FOLDER is changed: what is mounted is mounted for these processes only. Ends with 75 where the release could
# not be laid out, which says nothing of the repository.
set -eu

folder=$(realpath -m "${1:?usage: tools/swift-debian.sh FOLDER command…}")
shift
here=$(cd "$(dirname "$0")/.." && pwd)

prepare() {
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
    rm -rf "$folder"
    mkdir -p "$folder"
    # With its own mounts, which go with the process, also where it fails.
    unshare --mount sh -eu -c '
        debootstrap --variant=minbase trixie "$1" "$2" >"$1.log" 2>&1
        # How this machine reaches its packages is how that one does.
        for file in resolv.conf hosts; do cp "/etc/$file" "$1/etc/$file"; done
        mount --bind /dev "$1/dev"
        mount -t proc proc "$1/proc"
        chroot "$1" sh -eu -c "apt-get update && apt-get install --yes --no-install-recommends swiftlang gcc g++ libc6-dev && apt-get clean" >>"$1.log" 2>&1
    ' prepare "$folder" "$mirror" && touch "$folder/.done"
}

if ! [ -e "$folder/.done" ]; then
    echo "laying out Debian 13 with Swift in $folder"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    prepare || {
        tail -n 5 "$folder.log" >&2
        exit 75
    }
fi
exec unshare --mount sh -eu -c '
    root=$1 here=$2
    shift 2
    mkdir -p "$root$here"
    mount --bind "$here" "$root$here"
    mount --bind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    exec chroot "$root" sh -eu -c "cd \"\$0\" && exec \"\$@\"" "$here" "$@"
' run "$folder" "$here" "$@"
