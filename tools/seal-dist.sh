#!/bin/sh
# Writes SHA256SUMS of the files of a release, and the statement of provenance over them, if each
# file of the release is there and no other (tools/release_files.py, which SYSTEMS and WITHOUT are
# for):
#
#     tools/seal-dist.sh OUT [TOOLS…]
#
# TOOLS are files that name the compilers, as tools/build-system.sh writes them.
set -eu
out=${1:?usage: tools/seal-dist.sh OUT [TOOLS…]}
shift
here=$(dirname "$0")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../Cargo.toml" | head -n 1)
statement=libpims-$version.provenance.json
"$here/release_files.py" "$out"
rm -f "$out/$statement" "$out/SHA256SUMS"
"$here/provenance.py" "$out" "$@" >"$out/.$statement"
mv "$out/.$statement" "$out/$statement"
"$here/checksums.sh" "$out"
