import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { csv, dataset, t, type Dataset } from '../../src/index.ts'
import { DatasetLog } from '../../src/stages/log/dataset-log.ts'
import { segmentName } from '../../src/stages/log/segments.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

// Complete segments of a log become Parquet files in processes that are killed in the middle: what is read is always all of the log.

const rides = dataset('rides', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), at: t.timestamp('UTC'), zone: t.text() },
  eventTime: 'at',
  key: ['id'],
}) as unknown as Dataset
const segments = 6
const rowsOfSegment = 15_000

let root = ''
const place = (): string => join(root, '.millrace', 'log', 'rides')
const files = (end: RegExp): string[] => readdirSync(place()).filter(name => end.test(name))
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-packed-'))
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'), columns: { id: t.int(), at: t.timestamp('UTC'), zone: t.text() }, eventTime: 'at', key: ['id'],
})
export default project('packed', { rides })
`,
  )
  for (let segment = 1; segment <= segments; segment++) {
    const log = await DatasetLog.open(place(), rides, { clock: manualClock() })
    const from = (segment - 1) * rowsOfSegment
    const rows = Array.from({ length: rowsOfSegment }, (_, i) => ({
      id: from + i,
      at: 1e15 + i,
      zone: `zone ${i % 90}`,
    }))
    await log.append(rows.map(row => ({ row })))
    await log.close()
    if (segment < segments) writeFileSync(join(place(), segmentName(segment + 1)), '')
  }
}, 120_000)
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

/** Loads the log; killed so many milliseconds after it began, without a number never. */
function loaded(killedAfter?: number): Promise<{ readonly code: number | string; readonly said: readonly string[] }> {
  const child = spawn(process.execPath, ['test/support/load-log.mjs', root, 'rides'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let begun = false
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more
    if (begun || killedAfter === undefined) return
    begun = true
    setTimeout(() => child.kill('SIGKILL'), killedAfter)
  })
  return new Promise(done =>
    child.once('close', (code, signal) => done({ code: signal ?? code ?? -1, said: text.trim().split('\n') })),
  )
}

test('whoever is killed while segments are packed leaves a log that is read whole', { timeout: 180_000 }, async () => {
  let killed = 0
  for (const after of [5, 60, 120, 200, 300]) {
    const { code } = await loaded(after)
    if (code === 'SIGKILL') killed++
  }
  expect(killed).toBeGreaterThan(1)
  for (let time = 0; time < 2; time++)
    expect(await loaded()).toEqual({ code: 0, said: ['go', String(segments * rowsOfSegment)] })
  expect(files(/^\d{9}\.[0-9a-f]{12}\.parquet$/)).toHaveLength(segments - 1)
  // what was half written has gone with the next process
  expect(files(/tmp/)).toEqual([])
})
