#!/usr/bin/env bash
# Groovy, whose language a Jenkinsfile is written in, from Maven into .cache/groovy. Jenkins' own parser is in no repository that
# Maven knows by itself.
#   groovy.sh install       prints the jar for MILLRACE_TEST_GROOVY
set -euo pipefail
version=4.0.33
[ "${1:-install}" = install ] || { echo "install" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/peers/lib.sh
home=$PWD/.cache/groovy
if ! [ -s "$home/groovy-$version.jar" ]; then
  command -v mvn >/dev/null || debian maven default-jre-headless
  mkdir -p "$home"
  # its colours stay out of what this prints
  mvn -q -B dependency:copy "-Dartifact=org.apache.groovy:groovy:$version" "-DoutputDirectory=$home" >"$home/log" 2>&1 ||
    { tail -n 3 "$home/log" >&2; exit 1; }
fi
echo "$home/groovy-$version.jar"
