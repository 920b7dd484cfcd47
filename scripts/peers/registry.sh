#!/usr/bin/env bash
# An OCI registry (Debian's docker-registry) for the peer tests.
#   registry.sh install         from Debian, when it is not there yet
#   registry.sh start FOLDER    on loopback, with an empty store; prints its address for MILLRACE_TEST_REGISTRY
#   registry.sh stop FOLDER
set -euo pipefail

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_REGISTRY_PORT:-15501}

alive() { [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }

case $verb in
  install)
    if ! command -v docker-registry >/dev/null; then
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends docker-registry >/dev/null
    fi
    ;;
  start)
    folder=${2:?folder}
    mkdir -p "$folder/store"
    folder=$(cd "$folder" && pwd)
    cat > "$folder/config.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: "$folder/store"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
YAML
    if ! alive; then
      setsid docker-registry serve "$folder/config.yml" >"$folder/server.log" 2>&1 </dev/null &
      echo $! > "$folder/pid"
    fi
    for _ in $(seq 80); do
      if curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/v2/"; then echo "127.0.0.1:$port"; exit 0; fi
      alive || break
      sleep 0.25
    done
    tail -n 15 "$folder/server.log" >&2
    exit 1
    ;;
  stop)
    folder=${2:?folder}
    if alive; then kill "$(cat "$folder/pid")"; fi
    rm -f "$folder/pid"
    ;;
  *)
    echo "install, start FOLDER or stop FOLDER" >&2
    exit 2
    ;;
esac
