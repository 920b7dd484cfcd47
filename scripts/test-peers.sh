#!/usr/bin/env bash
# The peers lane: installs and starts the real servers and judges that test/peers/ wants, runs it, and stops exactly what
# it started. What cannot be had here is named, and its suite counts as skipped.
# Arguments go to vitest: scripts/test-peers.sh test/peers/registry.test.ts
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/peers/lib.sh

work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-peers-XXXXXX")
chmod 755 "$work"
started=()
missing=()

stop_all() {
  for name in "${started[@]}"; do
    bash "scripts/peers/$name.sh" stop "$work/$name" || echo "could not stop $name" >&2
  done
  rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

say() { printf -- '-- %s\n' "$*"; }
lacking() {
  missing+=("$1: $2")
  say "$1 is not to be had: $2"
}

# prepare NAME COMMAND...: runs an installer; its last words are the reason when it fails.
prepare() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 && return 0
  lacking "$name" "$(tail -n 1 "$work/$name.log")"
  return 1
}

# server NAME VARIABLE: installs, starts, and exports the address that it prints.
server() {
  local name=$1 variable=$2 address
  prepare "$name" bash "scripts/peers/$name.sh" install || return 0
  if address=$(bash "scripts/peers/$name.sh" start "$work/$name" 2>"$work/$name.log"); then
    started+=("$name")
    export "$variable=$address"
    say "$name at $address"
  else
    # A start that failed half-way may have left something.
    bash "scripts/peers/$name.sh" stop "$work/$name" >/dev/null 2>&1
    lacking "$name" "$(tail -n 1 "$work/$name.log")"
  fi
}

server postgres MILLRACE_TEST_POSTGRES
server redis MILLRACE_TEST_REDIS
server registry MILLRACE_TEST_REGISTRY
server sail MILLRACE_TEST_SAIL

if prepare podman bash scripts/peers/podman.sh install && prepare podman bash scripts/peers/podman.sh check; then
  MILLRACE_TEST_PODMAN=$(bash scripts/peers/podman.sh flags)
  export MILLRACE_TEST_PODMAN
  say 'podman'
fi

if prepare ci-schemas bash scripts/peers/ci-schemas.sh install; then
  MILLRACE_TEST_CI_SCHEMAS=$(tail -n 1 "$work/ci-schemas.log")
  export MILLRACE_TEST_CI_SCHEMAS
  say "CI schemas"
fi

if prepare actionlint bash scripts/peers/actionlint.sh install; then
  MILLRACE_TEST_ACTIONLINT=$(tail -n 1 "$work/actionlint.log")
  export MILLRACE_TEST_ACTIONLINT
  say "actionlint"
fi

if prepare groovy bash scripts/peers/groovy.sh install; then
  MILLRACE_TEST_GROOVY=$(tail -n 1 "$work/groovy.log")
  export MILLRACE_TEST_GROOVY
  say 'Groovy'
fi

# Prometheus is started by its test, which knows what it is to read; Chromium by the test that looks at pages.
if prepare prometheus bash scripts/peers/prometheus.sh install; then
  export MILLRACE_TEST_PROMETHEUS=1
  say 'prometheus'
fi
if command -v chromium >/dev/null ||
  prepare chromium debian chromium; then
  MILLRACE_TEST_CHROMIUM=$(command -v chromium)
  export MILLRACE_TEST_CHROMIUM
  say 'chromium'
fi

if command -v strace >/dev/null || prepare strace debian strace; then
  MILLRACE_TEST_STRACE=$(command -v strace)
  export MILLRACE_TEST_STRACE
  say 'strace'
fi

if prepare python bash scripts/interop-venv.sh; then say 'Python clients'; fi
if prepare expectations bash scripts/interop-venv.sh expectations; then say 'Great Expectations, Pandera'; fi
if prepare models bash scripts/interop-venv.sh models; then say 'scikit-learn, LightGBM, XGBoost, CatBoost'; fi
if prepare shap bash scripts/interop-venv.sh shap; then say 'shap'; fi
if prepare types bash scripts/interop-venv.sh types; then say 'pyarrow, pandas, polars'; fi
if prepare feast bash scripts/interop-venv.sh feast; then say 'Feast'; fi
if prepare api bash scripts/interop-venv.sh api; then say 'schemathesis'; fi

npx vitest run --project peers "$@"
status=$?

if [ ${#missing[@]} -gt 0 ]; then
  echo
  echo 'SKIPPED, because the peer is missing:'
  printf '  %s\n' "${missing[@]}"
fi
exit $status
