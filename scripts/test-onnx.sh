#!/usr/bin/env bash
# Holds the ONNX verifier to the ONNX project's own checker and to ONNX Runtime: on every node test and model of the onnx package,
# on models of six frameworks, and on damaged copies of both. Takes some minutes.
#   scripts/test-onnx.sh [MUTATIONS, default 10000] [SEED, default 1]
set -euo pipefail
cd "$(dirname "$0")/.."
mutations=${1:-10000}
seed=${2:-1}
python=test/interop/.venv-models/bin/python
bash scripts/interop-venv.sh models
npm run --silent build:package

work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-onnx-XXXXXX")
trap 'rm -rf "$work"' EXIT
judge() {
  "$python" test/interop/judge_onnx.py judge "$work/$1" "$work/$1.jsonl"
  node scripts/compare-onnx.mjs "$work/$1" "$work/$1.jsonl" || status=1
}
status=0
"$python" test/interop/judge_onnx.py corpus "$work/corpus" 2>/dev/null
judge corpus
"$python" test/interop/write_foreign.py "$work/foreign" >/dev/null 2>&1
judge foreign
# What is damaged: our own models, those of the frameworks, and of the package's models those that are small
node scripts/write-samples.mjs "$work/foreign"
"$python" test/interop/judge_onnx.py mutate "$work/damaged" "$mutations" "$seed" "$work/foreign"
judge damaged
exit $status
