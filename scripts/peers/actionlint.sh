#!/usr/bin/env bash
# actionlint, the judge of GitHub workflows, built from Go modules into .cache/bin.
#   actionlint.sh install       prints the program for MILLRACE_TEST_ACTIONLINT
set -euo pipefail
version=v1.7.12
[ "${1:-install}" = install ] || { echo "install" >&2; exit 2; }
cd "$(dirname "$0")/../.."
bin=$PWD/.cache/bin
if ! "$bin/actionlint" -version 2>/dev/null | grep -qx "${version#v}\|$version"; then
  command -v go >/dev/null || { echo "Go is not installed" >&2; exit 1; }
  mkdir -p "$bin"
  GOBIN=$bin go install "github.com/rhysd/actionlint/cmd/actionlint@$version" >&2
fi
echo "$bin/actionlint"
