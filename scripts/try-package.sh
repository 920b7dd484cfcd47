#!/usr/bin/env bash
# Packs the tarball, installs it in an empty folder without install scripts, and plays init and a small demo from it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" > /dev/null
ls -l "$folder"/millrace-*.tgz | awk '{ printf "tarball: %.1f MB\n", $5 / 1e6 }'
cd "$folder"
npm init -y > /dev/null
npm install --ignore-scripts --no-audit --no-fund --save-exact ./millrace-*.tgz "vega-datasets@$(node -p "require('$root/package.json').devDependencies['vega-datasets']")"
du -sh --apparent-size node_modules | awk '{ print "installed: " $1 }'
for page in README.md docs/guide/validation.md docs/reference/definitions.md; do
  test -s "node_modules/millrace/$page" || { echo "the package lacks $page"; exit 1; }
done
mkdir project
cd project
npx --no-install millrace init
npx --no-install millrace validate
cd ..
npx --no-install millrace demo --rows 200000 --json | node -e '
  const demo = JSON.parse(require("node:fs").readFileSync(0, "utf8"))
  const wrong = [
    demo.version === 1 || "version",
    demo.damagedBatch.injected > 0 && demo.damagedBatch.caught === demo.damagedBatch.injected || "damaged batch",
    demo.featuresVerified.compared > 0 && demo.featuresVerified.mismatches === 0 || "features",
    demo.onnx.labelFlips === 0 && demo.onnx.maxAbsDiff <= 1e-5 || "onnx",
    demo.reproduced === true || "reproduced",
    demo.rollouts[0].verdict === "rolled-back" || "sabotage",
  ].filter(one => one !== true)
  console.log(`demo: ${demo.seconds} s, ${demo.peakRssMb} MB, ${demo.decisions} decisions`)
  if (wrong.length > 0) { console.error(`wrong: ${wrong.join(", ")}`); process.exit(1) }
'
