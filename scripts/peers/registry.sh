#!/usr/bin/env bash
# An OCI registry (Debian's docker-registry) for the peer tests.
#   registry.sh install         from Debian, when it is not there yet
#   registry.sh start FOLDER    on loopback, with an empty store; prints its address for MILLRACE_TEST_REGISTRY
#   registry.sh stop FOLDER
set -euo pipefail
. "$(dirname "$0")/lib.sh"

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_REGISTRY_PORT:-15501}

case $verb in
  install)
    command -v docker-registry >/dev/null || debian docker-registry
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
    launch docker-registry serve "$folder/config.yml"
    answers "http://127.0.0.1:$port/v2/"
    echo "127.0.0.1:$port"
    ;;
  stop)
    folder=${2:?folder}
    halt
    ;;
  *)
    echo "install, start FOLDER or stop FOLDER" >&2
    exit 2
    ;;
esac
