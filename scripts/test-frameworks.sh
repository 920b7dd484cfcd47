#!/usr/bin/env bash
# The frameworks lane: networks of PyTorch and Keras through the whole loop. Their packages have gigabytes, so that this is no
# part of the peers lane; what cannot be had is skipped by name. Arguments go to vitest.
set -uo pipefail
cd "$(dirname "$0")/.."
for venv in torch tensorflow; do
  bash scripts/interop-venv.sh "$venv" || echo "SKIPPED: $venv cannot be installed" >&2
done
exec npx vitest run --project frameworks "$@"
