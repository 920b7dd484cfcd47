#!/usr/bin/env bash
# Prometheus (Debian's) for the peer tests.
#   prometheus.sh install                    from Debian, when it is not there yet
#   prometheus.sh start FOLDER TARGET...     on loopback, reads each host:port once a second; prints its address
#   prometheus.sh stop FOLDER
set -euo pipefail

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_PROMETHEUS_PORT:-15590}

alive() { [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }

case $verb in
  install)
    if ! command -v prometheus >/dev/null; then
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends prometheus >/dev/null
    fi
    ;;
  start)
    folder=${2:?folder}
    shift 2
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    {
      echo 'global: {scrape_interval: 1s, scrape_timeout: 1s}'
      echo 'scrape_configs:'
      echo '  - job_name: millrace'
      echo '    static_configs:'
      for target in "$@"; do echo "      - targets: ['$target']"; done
    } > "$folder/prometheus.yml"
    promtool check config "$folder/prometheus.yml" >&2
    if ! alive; then
      setsid prometheus --config.file "$folder/prometheus.yml" --storage.tsdb.path "$folder/data" \
        --web.listen-address "127.0.0.1:$port" --log.level warn >"$folder/server.log" 2>&1 </dev/null &
      echo $! > "$folder/pid"
    fi
    for _ in $(seq 120); do
      if curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/-/ready"; then echo "http://127.0.0.1:$port"; exit 0; fi
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
    echo "install, start FOLDER TARGET... or stop FOLDER" >&2
    exit 2
    ;;
esac
