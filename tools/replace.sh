#!/bin/sh
# Puts a copy of a file in the place of another one, or a link in the place of another link:
#
#     tools/replace.sh FROM TO
#     tools/replace.sh --link TARGET TO
#     tools/replace.sh --mode MODE FROM TO
#
# The copy is written beside TO and renamed. A process that has the old file open or mapped keeps it
# and goes on; a process that opens TO finds the whole old file or the whole new one. `cp` writes
# into the old file instead, and ends each process that has it mapped.
set -eu

link='' mode=''
case ${1:-} in
--link) link=$2; shift ;;
--mode) mode=$2; shift 2 ;;
esac
from=$1 to=$2
if [ -d "$to" ] && ! [ -L "$to" ]; then
    echo "replace: $to is a folder" >&2
    exit 1
fi
case $to in */*) folder=${to%/*} ;; *) folder=. ;; esac
new=$folder/.${to##*/}.$$
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
rm -f "$new"
if [ -n "$link" ]; then ln -s "$link" "$new"
else
    cp "$from" "$new"
    [ -z "$mode" ] || chmod "$mode" "$new"
fi
mv -f "$new" "$to"
