import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUp, type Said, type Server } from './support/command.ts'
import { inside } from './support/inside.ts'
import { refused } from './support/refused.ts'

// What a server answered is compared with what training has, by the command line beside it.

let root = ''
let server: Server
const run = (...words: string[]): Promise<Said> => inside(root, words)
const define = (verify: string): void =>
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, entity, features, project, t } from 'millrace'
const rides = dataset('rides', {
  source: csv('data/*.csv'), columns: { at: t.timestamp('UTC'), zone: t.text() }, eventTime: 'at',
})
const zones = features('zones', {
  entity: entity('zone', { zone: t.text() }), from: rides, ${verify}compute: f => ({ rides: f.count('1d') }),
})
export default project('reads', { rides, zones })
`,
  )

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-reads-'))
  mkdirSync(join(root, 'data'))
  const lines = Array.from({ length: 30 }, (_, i) => `2026-01-01T10:${String(i).padStart(2, '0')}:00Z,${'ab'[i % 2]}`)
  writeFileSync(join(root, 'data', 'rides.csv'), `at,zone\n${lines.join('\n')}\n`)
  define('')
  await run('data', 'snapshot', 'rides')
  await run('features', 'materialise')
}, 120_000)
afterAll(async () => {
  await server?.end()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

test('is refused where nothing is kept, and compares what was answered where it is', async () => {
  refused(await run('features', 'verify', '--reads'), 2, 'MR4119', 'zones', 'verify:')
  define("verify: { every: '1h' }, ")
  const before = await run('features', 'verify', '--reads')
  expect(before).toMatchObject({ code: 1, out: 'Nothing was read of late that could be compared.\n' })
  server = await startUp(root)
  const answer = await fetch(`${server.url}/v1/features/zones:get`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ entities: [{ zone: 'a' }, { zone: 'b' }, { zone: 'none' }], asOf: '2026-01-01T11:00:00Z' }),
  })
  expect(answer.status).toBe(200)
  // it is kept within seconds
  let said = await run('features', 'verify', '--reads')
  while (said.code !== 0) {
    await sleep(500)
    said = await run('features', 'verify', '--reads')
  }
  expect(said.out).toContain('✓ zones: 3 values of 3 reads compared, 0 wrong')

  // a ride that is told after it was read: training has it now
  appendFileSync(join(root, 'data', 'rides.csv'), '2026-01-01T10:45:00Z,a\n')
  await run('data', 'snapshot', 'rides')
  const late = await run('features', 'verify', '--reads')
  expect(late).toMatchObject({ code: 0 })
  expect(late.out).toContain('1 reads differ by rows that came after they were read (late)')
  expect(late.out).toMatch(/rides of a at 2026-01-01.11:00.*: online 15, offline 16 \(late\)/)
  const views = (await (await fetch(`${server.url}/v1/features`)).json()) as { views: { reads: unknown }[] }
  expect(views.views[0]?.reads).toMatchObject({
    statuses: [{ counts: { present: 2, missing: 1 } }],
    verification: { reads: 3, mismatches: 0, reasons: { late: 1 } },
  })
})
