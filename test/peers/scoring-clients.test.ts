import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { trainedProject } from '../support/trained-project.ts'
import { trainedServer } from '../support/trained-server.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: clients of the scoring protocols; run scripts/interop-venv.sh first')

test.skipIf(!present)('what MLflow and pandas write is scored as it is meant, times above all', async () => {
  const trained = await trainedProject()
  const server = await trainedServer(trained, 'late-api')
  try {
    const ms = Date.UTC(2026, 1, 11, 10, 30)
    const rows = [
      { km: 12, zone: 'north', at: ms },
      { km: 3.5, zone: 'a "b", c', at: ms + 7_200_000 },
      { km: 40, zone: 'süd', at: ms + 123 },
    ]
    const own = await server.live.predict(rows.map(row => ({ row: { ...row, at: row.at * 1000 } })))
    const { stdout } = await promisify(execFile)(
      python,
      ['test/interop/scoring_clients.py', server.url, JSON.stringify(rows)],
      { timeout: 200_000 },
    )
    const { 'without a unit': refused, ...found } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<
      string,
      unknown
    >
    expect(refused).toMatch(/MR4105.*may be of any unit/)
    const scores = own.map(one => one.score)
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map(way => [way, scores])))
    expect(Object.keys(found)).toHaveLength(9)
  } finally {
    await server.close()
    await trained.close()
  }
})
