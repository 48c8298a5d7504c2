#!/bin/sh
# Runs the suites of the service on PostgreSQL, in each of these ways:
#
#     tools/test-postgres.sh BUILD 'CARGO TEST …' WAY…
#
# A WAY is how clients reach the server, and its version: direct-15, session-15, transaction-18. The
# second and the third go through PgBouncer in that mode. The programs of a version are those of
# /usr/lib/postgresql; those of 18, if they are not there, come from npm (tools/postgres-18.sh), and
# every user must be able to read the folder BUILD.
#
# The tests with a proxy, a standby or a certificate go to the server itself in every way.
set -eu

cd "$(dirname "$0")/.."
build=$1
test=$2
shift 2

export PIMS_REQUIRE_POSTGRES=1 PIMS_REQUIRE_PGBOUNCER=1 PIMS_TEST_DATABASE=postgres
for way in "$@"; do
    pooler=${way%-*}
    version=${way##*-}
    case $pooler in
    direct) PIMS_POSTGRES_POOLER=none ;;
    session | transaction) PIMS_POSTGRES_POOLER=$pooler ;;
    *)
        echo "test-postgres: $way is no way: direct-15, session-15, transaction-18" >&2
        exit 1
        ;;
    esac
    PIMS_POSTGRES_BIN=/usr/lib/postgresql/$version/bin
    if [ ! -e "$PIMS_POSTGRES_BIN/initdb" ] && [ "$version" = 18 ]; then
        PIMS_POSTGRES_BIN=$(tools/postgres-18.sh "$build/postgres-18")
    fi
    export PIMS_POSTGRES_POOLER PIMS_POSTGRES_BIN
    echo "== $way: $("$PIMS_POSTGRES_BIN/postgres" --version)"
    # Left out are the tests that make test leaves out, too: no database affects them.
    for suite in service_postgres server; do
        skip=
        [ "$suite" = service_postgres ] || skip='--skip memory --skip operating_page --skip slow_clients'
        # shellcheck disable=SC2086 # words
        $test --test "$suite" -- --quiet $skip
    done
done
