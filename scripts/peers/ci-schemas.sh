#!/usr/bin/env bash
# check-jsonschema with the schemas of GitLab and Azure pipelines that it carries, into .cache/ci-schemas.
#   ci-schemas.sh install       prints the program for MILLRACE_TEST_CI_SCHEMAS
set -euo pipefail
version=0.37.2
[ "${1:-install}" = install ] || { echo "install" >&2; exit 2; }
cd "$(dirname "$0")/../.."
home=$PWD/.cache/ci-schemas
if ! "$home/bin/check-jsonschema" --version 2>/dev/null | grep -q " $version$"; then
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet "check-jsonschema==$version" >&2
fi
echo "$home/bin/check-jsonschema"
