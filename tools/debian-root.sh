#!/bin/sh
# Unpacks packages of Debian for a processor, without installing them:
#
#     tools/debian-root.sh FOLDER ARCHITECTURE SUITE PACKAGE…
#
# FOLDER becomes a root for `qemu-PROCESSOR -L FOLDER`. Packages that others need must be named,
# too. apt-get works with lists and a state of its own: this machine's are not changed. The mirror
# is the one that this machine uses.
set -eu
folder=$(realpath -m "${1:?usage: tools/debian-root.sh FOLDER ARCHITECTURE SUITE PACKAGE…}")
architecture=$2 suite=$3
shift 3
if [ -e "$folder/.packages" ] && [ "$(cat "$folder/.packages")" = "$architecture $suite $*" ]; then exit 0; fi
rm -rf "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$folder/usr/lib" "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"
: >"$work/status"
# shellcheck disable=SC2016 # apt-get reads $(…) itself
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/list"
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o Dir::State::status="$work/status" -o APT::Sandbox::User=root -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" "$@"
}
apt update
(cd "$work/debs" && apt download "$@" >/dev/null)
# Old and new packages place files under /lib and /usr/lib: both are one folder.
ln -s usr/lib "$folder/lib"
for package in "$work"/debs/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$folder"; done
# Links to absolute paths lead out of the folder.
find "$folder" -type l -lname '/*' | while read -r link; do
    target=$folder$(readlink "$link")
    [ ! -e "$target" ] || ln -sfnr "$target" "$link"
done
echo "$architecture $suite $*" >"$folder/.packages"
