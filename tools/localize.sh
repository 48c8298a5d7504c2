#!/bin/sh
# Makes a static library whose only global symbols are those of the C interface:
#
#     tools/localize.sh FROM TO
#
# FROM is the archive that rustc makes. It also has the symbols of SQLite, of ring and of Rust's
# runtime. A program that brings its own SQLite could not be linked with it, or would run with one
# SQLite in the place of the other. TO has one object, in which all symbols but `pims_*` are local.
# It is written beside TO and renamed.
#
# For ELF and GNU binutils. LD, OBJCOPY and AR name those of another target.
set -eu
from=$1 to=$2
work=$(mktemp -d)

trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Without groups: the linker keeps one of several groups of a name, also where the name is local by
# now.
"${LD:-ld}" -r --force-group-allocation --whole-archive "$from" -o "$work/whole.o"
# Some objects of Rust's standard library have bitcode, which binutils' plugin of an older LLVM
# cannot read: it ends nm.
"${OBJCOPY:-objcopy}" --wildcard --keep-global-symbol='pims_*' --remove-section=.llvmbc --remove-section=.llvmcmd \
    "$work/whole.o" "$work/pims.o"
"${AR:-ar}" rcsD "$work/libpims.a" "$work/pims.o"
"$(dirname "$0")/replace.sh" "$work/libpims.a" "$to"
