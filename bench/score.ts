import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'

// Rows a second of `millrace score`: 100 trees of depth 6 over 20 float columns in Parquet, the whole command (start, digests of
// the files and writing included), and microseconds of processor time a row, which a busy machine does not change as much.
//   npm run build && node --import jiti/register bench/score.ts [rows]

const rows = Number(process.argv[2] ?? 3_000_000)
const names = Array.from({ length: 20 }, (_, i) => `x${i}`)
const config = `import { dataset, gbt, model, parquet, project, t } from 'millrace'
const points = dataset('points', {
  source: parquet('points.parquet'),
  columns: { at: t.timestamp('UTC'), y: t.bool(), ${names.map(name => `${name}: t.float()`).join(', ')} },
  eventTime: 'at',
})
const m = model('m', {
  task: 'binary', from: points, label: c => c.y, inputs: c => ({ ${names.map(name => `${name}: c.${name}`).join(', ')} }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 100, depth: 6 }),
})
export default project('bench', { points, m })
`
const valueOf = (name: string, at: number): string => `sin((r + 1) * 12.9898 + ${at} * 78.233) * 100 AS ${name}`
const signal = names.map((name, at) => `sin(${name} * ${(at + 1) * 0.02})`).join(' + ')

const bin = fileURLToPath(new URL('../dist/cli/bin.js', import.meta.url))
const millrace = (cwd: string, ...words: string[]) => promisify(execFile)(process.execPath, [bin, ...words], { cwd })

const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
try {
  writeFileSync(join(root, 'millrace.config.ts'), config)
  const engine = await openDuckdb()
  const table = (count: number, more: string): string =>
    `SELECT *${more} FROM (SELECT r AS id, ${names.map(valueOf).join(', ')} FROM range(${count}) t(r))`
  await engine.writeParquet(
    table(20_000, `, TIMESTAMP '2026-01-01' + INTERVAL (id * 108) SECOND AS at, ${signal} > 0 AS y`),
    join(root, 'points.parquet'),
  )
  await engine.writeParquet(table(rows, ''), join(root, 'rows.parquet'))
  await engine.close()
  await millrace(root, 'train')
  const script = `
    const before = process.cpuUsage(); const begun = performance.now()
    process.on('exit', () => { const { user, system } = process.cpuUsage(before)
      process.stderr.write('\\nmeasured ' + JSON.stringify({ seconds: (performance.now() - begun) / 1000, cpu: (user + system) / 1e6, peak: process.resourceUsage().maxRSS / 1024 })) })
    process.argv = [process.execPath, ${JSON.stringify(bin)}, 'score', 'm@1', 'rows.parquet', '--out', 'out']
    await import(${JSON.stringify(bin)})`
  const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
  const { seconds, cpu, peak } = JSON.parse(/measured (.*)$/.exec(stderr)?.[1] ?? '{}') as Record<string, number>
  const line = (name: string, s: number, c: number): void =>
    void process.stdout.write(
      `${name.padEnd(22)}${Math.round(rows / s)} rows/s  ${((c / rows) * 1e6).toFixed(2)} µs CPU a row\n`,
    )
  line('millrace score', seconds as number, cpu as number)
  process.stdout.write(`${' '.repeat(22)}peak memory ${Math.round(peak as number)} MB\n`)
} finally {
  rmSync(root, { recursive: true, force: true })
}
