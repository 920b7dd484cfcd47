import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { ulid } from '../internal/ids.ts'
import type { StepRecord } from '../ports/metadata-store.ts'
import { explainStep, reasonToRun } from './explain.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-explain-'))
const store = await openSqlite(join(root, 'state.db'))
afterAll(async () => {
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

let at = 1_700_000_000_000_000
/** A run with these steps, later than all before. */
async function run(...records: Partial<StepRecord>[]): Promise<string> {
  const id = ulid()
  at += 1_000_000
  const plain = {
    kind: 'pipeline',
    name: 'n',
    status: 'succeeded',
    trigger: 'manual',
    environment: {},
    parameters: {},
  } as const
  await store.createRun({ ...plain, id, startedAt: at })
  for (const record of records)
    await store.putStep({ runId: id, step: 's', status: 'succeeded', attempt: 1, startedAt: at, ...record })
  return id
}
const parts = (depth: number) => ({ v: 1, parameters: { depth } })

test('each step of a run is compared with its nearest earlier one whose key is known', async () => {
  const [step, other] = [ulid(), ulid()]
  const first = await run({ step, keyParts: parts(1) })
  const second = await run({ step, keyParts: parts(2), status: 'failed' })
  await run({ step, status: 'skipped' })
  const last = await run({ step, keyParts: parts(4), reason: 'as written down' }, { step: other, status: 'pending' })
  await run({ step, keyParts: parts(5) })
  const explained = await explainStep(store, last)
  expect(explained.find(one => one.step === step)).toEqual({
    step,
    runId: last,
    status: 'succeeded',
    reason: 'as written down',
    comparedWith: second,
    changes: [{ part: 'parameters', path: ['depth'], before: 2, after: 4, words: 'parameter depth changed (2 → 4)' }],
  })
  expect(explained.find(one => one.step === other)).toStrictEqual({
    step: other,
    runId: last,
    status: 'pending',
    reason: 'it has not started yet',
    changes: [],
  })
  // the first of all has nothing to be compared with, and no words of its own
  expect(await explainStep(store, first)).toEqual([
    { step, runId: first, status: 'succeeded', reason: 'succeeded', changes: [] },
  ])
  const skipped = await run({ step, status: 'skipped', reason: 'step a ended as failed' })
  expect((await explainStep(store, skipped))[0]).toMatchObject({
    status: 'skipped',
    reason: 'step a ended as failed',
    changes: [],
  })
})

test('the name of a step is its newest; a name that nothing has is refused; a run without steps has nothing to explain', async () => {
  const step = ulid()
  await run({ step, keyParts: parts(1) })
  const newest = await run({ step, keyParts: parts(1) })
  expect(await explainStep(store, step)).toMatchObject([{ runId: newest, changes: [] }])
  await expect(explainStep(store, ulid())).rejects.toMatchObject({ code: 'MR3046' })
  expect(await explainStep(store, await run())).toEqual([])
})

test('older than the whole history, it is compared with nothing that came later', async () => {
  const step = ulid()
  const old = await run({ step, keyParts: parts(0) })
  for (let i = 1; i <= 201; i++) await run({ step, keyParts: parts(i) })
  const [found] = await explainStep(store, old)
  expect(found).toMatchObject({ runId: old, changes: [] })
  expect(found).not.toHaveProperty('comparedWith')
})

test('the reason to run: it never did, what changed, or how it ended though nothing changed', async () => {
  const step = ulid()
  const reason = (keyParts = parts(2)) => reasonToRun(store, 'now', step, keyParts)
  expect(await reason()).toBe('it never ran before')
  await run({ step, status: 'skipped' })
  expect(await reason()).toBe('it never ran before')
  await run({ step, keyParts: parts(1) })
  expect(await reason()).toBe('parameter depth changed (1 → 2)')
  expect(await reasonToRun(store, 'now', step, { ...parts(2), seed: 3 })).toBe(
    'parameter depth changed (1 → 2); the seed changed (absent → 3)',
  )
  for (const status of ['succeeded', 'reused'] as const) {
    await run({ step, keyParts: parts(2), status })
    expect(await reason()).toBe('nothing changed, but its earlier result is not kept any more')
  }
  for (const status of ['failed', 'cancelled', 'running'] as const) {
    const id = await run({ step, keyParts: parts(2), status })
    expect(await reason()).toBe(`nothing changed, but it ended as ${status} in run ${id}`)
    // what this run itself did before is no earlier run
    expect(await reasonToRun(store, id, step, parts(2))).not.toContain(id)
  }
})
