#!/usr/bin/env bash
# Sail, a Spark Connect server, for the peer tests.
#   sail.sh install         into test/interop/.venv-sail, of test/interop/requirements-sail.txt
#   sail.sh start FOLDER    on loopback, its tables below FOLDER; prints its address for MILLRACE_TEST_SAIL
#   sail.sh stop FOLDER
set -euo pipefail
. "$(dirname "$0")/lib.sh"

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_SAIL_PORT:-15051}
here=$(cd "$(dirname "$0")/../.." && pwd)

case $verb in
  install)
    bash "$here/scripts/interop-venv.sh" sail
    ;;
  start)
    folder=${2:?folder}
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    cd "$folder"
    launch "$here/test/interop/.venv-sail/bin/sail" spark server --ip 127.0.0.1 --port "$port"
    for _ in $(seq 240); do
      if (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "sc://127.0.0.1:$port"
        exit
      fi
      alive || break
      sleep 0.25
    done
    tail -n 15 "$folder/server.log" >&2
    exit 1
    ;;
  stop)
    folder=${2:?folder}
    folder=$(cd "$folder" && pwd)
    halt
    ;;
  *)
    echo "install, start FOLDER or stop FOLDER" >&2
    exit 2
    ;;
esac
