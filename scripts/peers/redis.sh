#!/usr/bin/env bash
# Redis for the peer tests.
#   redis.sh install         from Debian, when it is not there yet
#   redis.sh start FOLDER    on loopback, with an append-only file; prints its address for MILLRACE_TEST_REDIS
#   redis.sh stop FOLDER
set -euo pipefail
. "$(dirname "$0")/lib.sh"

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_REDIS_PORT:-16399}

case $verb in
  install)
    command -v redis-server >/dev/null || debian redis-server
    command -v redis-server >/dev/null
    ;;
  start)
    folder=${2:?folder}
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    launch redis-server --bind 127.0.0.1 --port "$port" --dir "$folder" --appendonly yes --save ''
    for _ in $(seq 80); do
      if (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "redis://127.0.0.1:$port"
        exit
      fi
      alive || break
      sleep 0.1
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
