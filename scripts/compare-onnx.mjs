// Holds the verifier to what the ONNX checker and ONNX Runtime said of a folder of files (test/interop/judge_onnx.py):
// `node scripts/compare-onnx.mjs FOLDER VERDICTS`. Exit code 1 where it stands alone against both, or fails.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { verdictOf, verifyModel } from '../dist/onnx/index.js'

const [folder, verdicts] = process.argv.slice(2)
const count = { both: 0, neither: 0, oneOfThem: 0, servable: 0 }
const alone = { refused: [], accepted: [], crashed: [] }
let slowest = { ms: 0, file: '' }
for (const line of readFileSync(verdicts, 'utf8').trim().split('\n')) {
  const { file, checker, runtime } = JSON.parse(line)
  const bytes = readFileSync(join(folder, file))
  const begin = performance.now()
  let verdict
  try {
    verdict = verdictOf(verifyModel(bytes))
  } catch (error) {
    alone.crashed.push({ file, reason: String(error) })
    continue
  }
  const ms = performance.now() - begin
  if (ms > slowest.ms) slowest = { ms, file }
  if (verdict.servable) count.servable++
  if (checker === null && runtime === null) {
    count.both++
    if (!verdict.valid) alone.refused.push({ file, reason: verdict.reasons[0] })
  } else if (checker !== null && runtime !== null) {
    count.neither++
    if (verdict.valid) alone.accepted.push({ file, checker, runtime })
  } else count.oneOfThem++
}
const { refused, accepted, crashed } = alone
console.log(
  `${folder}: accepted by both ${count.both}, by neither ${count.neither}, by one ${count.oneOfThem}; servable ${count.servable}; slowest ${slowest.ms.toFixed(0)} ms (${slowest.file})`,
)
console.log(`crashed ${crashed.length}, refused alone ${refused.length}, accepted alone ${accepted.length}`)
const shown = Number(process.env.SHOWN ?? 20)
for (const one of [...crashed, ...refused].slice(0, shown)) console.log(`  ${one.file}: ${one.reason}`)
for (const one of accepted.slice(0, shown))
  console.log(`  ${one.file}: checker ${one.checker}\n    runtime ${one.runtime}`)
process.exit(refused.length + accepted.length + crashed.length === 0 ? 0 : 1)
