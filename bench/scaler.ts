// Claim: learning mean, deviation and five quantiles of each column, as training does, takes no longer than scikit-learn's
// StandardScaler and RobustScaler together on the same numbers (median of three, float64). Against StandardScaler alone,
// which learns no quantiles, the ratio is printed as it is.
// Baseline: both from test/interop/.venv (scripts/interop-venv.sh).
// Run: npm run build && npx jiti bench/scaler.ts

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { compiledModule } from '../src/internal/compiled.ts'

// The compiled module, as users run it.
const { fitScaler } = (await import(
  compiledModule('../src/math/scaler/index.ts', import.meta.url).href
)) as typeof import('../src/math/scaler/index.ts')

const python = 'test/interop/.venv/bin/python'
const repeats = 3

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN

/** The same numbers as bench/peers/scaler.py: a 32-bit generator, sums of four uniform draws. */
function columnsOf(rows: number, width: number): Float64Array[] {
  return Array.from({ length: width }, (_, column) => {
    let state = column + 1
    return Float64Array.from({ length: rows }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return 100 + (state / 2 ** 32) * 15
    })
  })
}

for (const [rows, width] of [
  [3_000_000, 5],
  [1_000_000, 50],
] as const) {
  const columns = columnsOf(rows, width)
  let first = 0
  const ours = median(
    Array.from({ length: repeats }, () => {
      const begin = performance.now()
      first = fitScaler('standard', columns).features[0]?.scale ?? NaN
      return (performance.now() - begin) / 1000
    }),
  )
  const what = `${(rows / 1e6).toFixed(0)} M × ${width}`
  console.log(`${what}  millrace, mean, deviation and five quantiles  ${ours.toFixed(2)} s`)
  if (!existsSync(python)) {
    console.log(`${what}  scikit-learn: skipped, run scripts/interop-venv.sh first`)
    continue
  }
  const peer = JSON.parse(
    execFileSync(python, ['bench/peers/scaler.py', String(rows), String(width), String(repeats)], { encoding: 'utf8' }),
  ) as { standard: number; robust: number; scale: number }
  console.log(`${what}  scikit-learn StandardScaler                   ${peer.standard.toFixed(2)} s`)
  console.log(`${what}  scikit-learn Standard- and RobustScaler       ${(peer.standard + peer.robust).toFixed(2)} s`)
  console.log(
    `${what}  ratio ${(ours / peer.standard).toFixed(2)} to the first, ${(ours / (peer.standard + peer.robust)).toFixed(2)} to both; scales differ by ${Math.abs(first / peer.scale - 1).toExponential(1)}`,
  )
}
