import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { ulid } from '../../src/internal/ids.ts'
import { endAll, executions, killAndRecover, killMoments, project, removeAll, start, until } from '../support/crash.ts'

afterEach(endAll)
afterAll(removeAll)

const once = { one: 1, two: 1, three: 1, four: 1, five: 1, six: 1 }

// How soon it goes on is held by test/alone/recovery-time.test.ts, where nothing else runs.
describe('a run whose process is killed', () => {
  test.each(killMoments)('after %i ms goes on by itself and repeats no finished step', async delay => {
    await killAndRecover(delay)
  })

  test('is seen as dead at once, and only one of several takes it over', async () => {
    const root = project()
    const runId = ulid()
    const first = start(root, runId)
    const store = await openSqlite(join(root, 'state.db'))
    await until(async () => (await store.listSteps(runId)).some(step => step.status === 'succeeded'), 60_000)
    first.child.kill('SIGKILL')
    await first.output
    for (let i = 0; i < 3; i++) start(root, runId, 'recover')
    await until(async () => (await store.getRun(runId))?.status === 'succeeded', 60_000)
    const counts = executions(root)
    for (const step of ['two', 'four', 'six']) expect(counts[step]).toBe(1)
    expect(Object.keys(counts).sort()).toEqual(Object.keys(once).sort())
    await store.close()
  })
})

test('two processes that want the same work do it once, and one of them reuses it', async () => {
  const root = project()
  const results = [start(root, ulid(), 'race'), start(root, ulid(), 'race')]
  const outputs = (await Promise.all(results.map(one => one.output))).map(
    text => JSON.parse(text) as { status: string; steps: string[] },
  )
  expect(outputs.map(one => one.status)).toEqual(['succeeded', 'succeeded'])
  expect(executions(root)).toEqual(once)
  const all = outputs.flatMap(one => one.steps)
  expect(all.filter(status => status === 'succeeded')).toHaveLength(6)
  expect(all.filter(status => status === 'reused')).toHaveLength(6)
})
