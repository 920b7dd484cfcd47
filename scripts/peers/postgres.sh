#!/usr/bin/env bash
# PostgreSQL for the peer tests.
#   postgres.sh install         from Debian, when it is not there yet
#   postgres.sh start FOLDER    a throw-away cluster on loopback; prints its address for MILLRACE_TEST_POSTGRES
#   postgres.sh stop FOLDER
# The server refuses to run as root: then it runs as the user `postgres`, which the Debian package makes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_POSTGRES_PORT:-15433}

binaries() { find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1; }

as_server_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --clear-groups "$@"; else "$@"; fi
}

case $verb in
  install)
    [ -n "$(binaries)" ] || debian postgresql
    [ -n "$(binaries)" ]
    ;;
  start)
    folder=${2:?folder}
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    cd "$folder"
    bin=$(binaries)
    if [ ! -s data/PG_VERSION ]; then
      as_server_user "$bin/initdb" --pgdata data --username millrace --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync >initdb.log
    fi
    as_server_user "$bin/pg_ctl" --pgdata data --log "$folder/server.log" --silent --wait --timeout 60 \
      --options "-h 127.0.0.1 -p $port -k ''" start >/dev/null </dev/null
    echo "postgres://millrace@127.0.0.1:$port/postgres"
    ;;
  stop)
    folder=${2:?folder}
    cd "$folder"
    if [ -s data/postmaster.pid ]; then
      as_server_user "$(binaries)/pg_ctl" --pgdata data --silent --mode fast stop
    fi
    ;;
  *)
    echo "install, start FOLDER or stop FOLDER" >&2
    exit 2
    ;;
esac
