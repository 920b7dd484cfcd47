#!/usr/bin/env bash
# Makes the Python environment that the interoperability tests and the peer benchmarks use: test/interop/.venv.
# Does nothing when it is already there and made from the same requirements.
set -euo pipefail
cd "$(dirname "$0")/../test/interop"

want=$(sha256sum requirements.txt | cut -d' ' -f1)
if [ -x .venv/bin/python ] && [ "$(cat .venv/requirements.sha256 2>/dev/null || true)" = "$want" ]; then
  echo "test/interop/.venv is up to date"
  exit 0
fi

python3 -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: -r requirements.txt
echo "$want" > .venv/requirements.sha256
echo "test/interop/.venv is ready: $(.venv/bin/python --version)"
