#!/usr/bin/env bash
# Makes a Python environment that the interoperability tests and the peer benchmarks use: of test/interop/requirements.txt
# as test/interop/.venv, or, given a NAME, of requirements-NAME.txt as .venv-NAME: peers whose needs conflict live apart.
# Does nothing when it is already there and made from the same requirements.
set -euo pipefail
cd "$(dirname "$0")/../test/interop"

requirements=requirements${1:+-$1}.txt
venv=.venv${1:+-$1}
want=$(sha256sum "$requirements" | cut -d' ' -f1)
if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/requirements.sha256" 2>/dev/null || true)" = "$want" ]; then
  echo "test/interop/$venv is up to date"
  exit 0
fi

python3 -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: -r "$requirements"
echo "$want" > "$venv/requirements.sha256"
echo "test/interop/$venv is ready: $("$venv/bin/python" --version)"
