import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import { fail } from '../../errors/index.ts'
import { digestBytes } from '../../internal/digest.ts'
import { ulid } from '../../internal/ids.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { manualClock, type ManualClock } from '../../testing/manual-clock.ts'
import type { ScoreTask } from './manifest.ts'
import { ScoreRun } from './record.ts'

// The run of a scoring, over its processes: what others see of it while it goes, and what stays.

const root = mkdtempSync(join(tmpdir(), 'millrace-score-run-'))
let store: MetadataStore
let clock: ManualClock
beforeAll(async () => {
  store = await openSqlite(join(root, 'a.db'))
  clock = manualClock(1_770_000_000_000_000)
})
afterAll(async () => {
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const task: ScoreTask = {
  model: 'late',
  version: 3,
  digest: digestBytes('onnx'),
  inputs: [
    { file: 'a.csv', digest: digestBytes('a'), size: 1 },
    { file: 'b.csv', digest: digestBytes('b'), size: 2 },
  ],
  keep: [],
  at: null,
}
const files = [
  { name: 'part-00000.parquet', digest: digestBytes('p0'), size: 11, rows: 5 },
  { name: 'part-00001.parquet', digest: digestBytes('p1'), size: 12, rows: 6 },
]
const minutes = 60_000_000
const scoring = () => {
  const run = ulid()
  return { run, record: new ScoreRun({ store, clock }, { run }) }
}
const stepOf = async (run: string) => (await store.listSteps(run))[0]

describe('the run of a scoring', () => {
  it('says whose it is and for how long it may be silent', async () => {
    const { run, record } = scoring()
    const begun = clock.now()
    await record.begin(task, 'schedule')
    expect(await store.getRun(run)).toMatchObject({
      kind: 'score',
      name: 'score-late',
      status: 'running',
      trigger: 'schedule',
      startedAt: begun,
      parameters: JSON.parse(JSON.stringify(task)) as object,
      lease: { owner: ownIdentity(), until: begun + 5 * minutes },
    })
    expect(await stepOf(run)).toMatchObject({ step: 'score', status: 'running', attempt: 1, startedAt: begun })
    await clock.advance((3 * minutes) / 1000)
    await record.goesOn()
    expect((await store.getRun(run))?.lease?.until).toBe(begun + 8 * minutes)
  })

  it('is the same one when another process takes it up, from its first beginning on', async () => {
    const { run, record } = scoring()
    const begun = clock.now()
    await record.begin(task, 'manual')
    await record.failed(new Error('the disk is full'))
    expect(await store.getRun(run)).toMatchObject({ status: 'failed', error: { reason: 'the disk is full' } })
    await clock.advance((60 * minutes) / 1000)
    await new ScoreRun({ store, clock }, { run }).begin(task, 'manual')
    expect(await store.getRun(run)).toMatchObject({
      status: 'running',
      startedAt: begun,
      lease: { until: clock.now() + 5 * minutes },
    })
    expect(await stepOf(run)).toMatchObject({ status: 'running', attempt: 2, startedAt: begun })
    expect(await store.listSteps(run)).toHaveLength(1)
    // what the first of them failed with is no failure of the run any more
    const again = await store.getRun(run)
    expect([again?.error, again?.endedAt]).toEqual([undefined, undefined])
    await record.succeeded(task, files)
    expect((await store.getRun(run))?.error).toBeUndefined()
    expect((await stepOf(run))?.error).toBeUndefined()
  })

  it('that succeeded has its files, and what they were made from', async () => {
    const { run, record } = scoring()
    const begun = clock.now()
    await record.begin(task, 'manual')
    await clock.advance((2 * minutes) / 1000)
    await record.succeeded(task, files)
    expect(await store.getRun(run)).toMatchObject({ status: 'succeeded', endedAt: begun + 2 * minutes })
    expect(await stepOf(run)).toMatchObject({
      status: 'succeeded',
      attempt: 1,
      startedAt: begun,
      endedAt: begun + 2 * minutes,
      reason: '11 rows',
      outputs: Object.fromEntries(
        files.map(({ name, digest, size, rows }) => [name, { type: 'file', digest, size, meta: { rows } }]),
      ),
    })
    const model = (await store.edgesFrom(['model:late@3'])).find(edge => edge.to.includes(run))
    expect(model?.relation).toBe('input:model')
    const node = model?.to as string
    const into = (await store.edgesTo([node])).map(edge => [edge.relation, edge.from])
    expect(Object.fromEntries(into)).toEqual({
      'input:model': 'model:late@3',
      'input:a.csv': digestBytes('a'),
      'input:b.csv': digestBytes('b'),
    })
    const from = (await store.edgesFrom([node])).map(edge => [edge.relation, edge.to])
    expect(Object.fromEntries(from)).toEqual(
      Object.fromEntries(files.map(({ name, digest }) => [`output:${name}`, digest])),
    )
  })

  it('that failed names the code of a known error', async () => {
    const { run, record } = scoring()
    await record.begin(task, 'manual')
    await record.failed(fail('scoreInputUnusable', { file: 'a.csv', reason: 'it has no rows' }))
    const error = { code: 'MR4111', reason: 'a.csv cannot be scored: it has no rows.' }
    expect((await store.getRun(run))?.error).toEqual(error)
    expect(await stepOf(run)).toMatchObject({ status: 'failed', error })
  })

  it('whose store takes nothing more does not hide what it failed with', async () => {
    const closed = await openSqlite(join(root, 'closed.db'))
    const record = new ScoreRun({ store: closed, clock }, { run: ulid() })
    await closed.close()
    await expect(record.failed(new Error('first'))).resolves.toBeUndefined()
  })
})
