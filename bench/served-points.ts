import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// What bench/serving.ts and bench/soak.ts serve: 20 floats, 100 trees of depth 6.

const width = 20
const names = Array.from({ length: width }, (_, i) => `x${i}`)
export const rowOf = (seed: number): Record<string, number> =>
  Object.fromEntries(names.map((name, i) => [name, Math.round(Math.sin(seed * 12.9898 + i * 78.233) * 1e6) / 1e4]))
export const body = JSON.stringify({ rows: [rowOf(0.5)] })

const config = `import { dataset, deployment, gbt, json, model, monitor, project, t } from 'millrace'
const points = dataset('points', {
  source: json('points.ndjson'),
  columns: { at: t.timestamp('UTC'), y: t.bool(), ${names.map(name => `${name}: t.float()`).join(', ')} },
  eventTime: 'at',
})
const m = model('m', {
  task: 'binary', from: points, label: c => c.y, inputs: c => ({ ${names.map(name => `${name}: c.${name}`).join(', ')} }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 100, depth: 6 }),
})
const api = deployment('api', { model: m })
export default project('bench', { points, m, api, watch: monitor('watch', { deployment: api }) })
`

export function makeProject(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  const lines = Array.from({ length: 20_000 }, (_, i) => {
    const row = rowOf(i + 1)
    const y = names.reduce((sum, name, at) => sum + Math.sin((row[name] as number) * (at + 1) * 0.02), 0) > 0
    return JSON.stringify({
      at: new Date(Date.UTC(2026, 0, 1) + i * 108_000).toISOString().slice(0, 19).replace('T', ' '),
      y,
      ...row,
    })
  })
  writeFileSync(join(root, 'points.ndjson'), `${lines.join('\n')}\n`)
  return root
}
