import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { lateWith, trainOnce, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { gbt } from '../../index.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { Alert } from '../../ports/notifier.ts'
import { ContestAlert } from './contest-alert.ts'

let trained: Trained
let third: number
beforeAll(async () => {
  trained = await trainedProject()
  third = await trainOnce(trained.workspace, lateWith(gbt({ trees: 9, leaves: 4, seed: 3 })))
})
afterAll(() => trained.close())
const { row, many, digestOf } = ridesOf(() => trained)

it('fires when a challenger is broken, not when one is worse, and the next contest resolves it', async () => {
  const { workspace, clock, versions } = trained
  const { runtime, faults } = faultyRuntime(workspace.runtime)
  const live = await trained.live('contested', {}, { runtime })
  const sent: Alert[] = []
  const notifiers = [{ name: 'kept', send: async (alert: Alert) => void sent.push(alert) }]
  const watch = new ContestAlert({ store: workspace.store, clock, notifiers }, 'contested', () => live.contest)
  await watch.look()
  await live.startContest([versions.other, third])
  await watch.look()
  faults.set(await digestOf(third), async answer => ({ scores: (await answer()).scores.map(one => 1 - one) }))
  const answers = await predicted(live, many(400))
  // what stable says of their chances is right
  const draw = seeded(3)
  await live.feedback(answers.map(({ id, score }) => ({ id, label: draw.next() < score ? 1 : 0 })))
  await clock.advance(2 * 86_400_000)
  live.tick()
  await live.settled()
  expect(live.contest?.arms.map(one => one.phase)).toEqual(['shadow', 'rolled-back'])
  await watch.look()
  expect(sent).toEqual([])
  faults.set(await digestOf(versions.other), () => Promise.reject(new Error('out of order')))
  for (let i = 0; i < 11; i++) await predicted(live, [{ row: row() }])
  expect(live.contest?.phase).toBe('ended')
  await watch.look()
  await watch.look()
  expect(sent).toMatchObject([
    { state: 'firing', name: 'challenger of a contest broken', labels: { deployment: 'contested' } },
  ])
  expect(sent[0]?.summary).toMatch(
    /^late@2 was taken out of the contest: of late@2 and late@1 one failed where the other/,
  )
  faults.clear()
  await clock.advance(1_000)
  await live.startContest([versions.other, third])
  await watch.look()
  expect(sent.map(one => one.state)).toEqual(['firing', 'resolved'])
})
