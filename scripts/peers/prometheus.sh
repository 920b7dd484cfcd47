#!/usr/bin/env bash
# Prometheus (Debian's) for the peer tests.
#   prometheus.sh install                    from Debian, when it is not there yet
#   prometheus.sh start FOLDER TARGET...     on loopback, reads each host:port once a second; prints its address
#   prometheus.sh stop FOLDER
set -euo pipefail
. "$(dirname "$0")/lib.sh"

verb=${1:?install, start or stop}
port=${MILLRACE_TEST_PROMETHEUS_PORT:-15590}

case $verb in
  install)
    command -v prometheus >/dev/null || debian prometheus
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
    launch prometheus --config.file "$folder/prometheus.yml" --storage.tsdb.path "$folder/data" \
      --web.listen-address "127.0.0.1:$port" --log.level warn
    answers "http://127.0.0.1:$port/-/ready"
    echo "http://127.0.0.1:$port"
    ;;
  stop)
    folder=${2:?folder}
    halt
    ;;
  *)
    echo "install, start FOLDER TARGET... or stop FOLDER" >&2
    exit 2
    ;;
esac
