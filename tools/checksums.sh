#!/bin/sh
# Writes SHA256SUMS of the files of a folder into it: tools/checksums.sh FOLDER
set -eu
cd "${1:?usage: tools/checksums.sh FOLDER}"
find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' -printf '%f\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
