import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { predicted, ridesOf } from '../../../test/support/rides-of.ts'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import type { Alert } from '../../ports/notifier.ts'
import { RolloutAlert } from './rollout-alert.ts'

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())
const { row, digestOf, decisionsOf } = ridesOf(() => trained)

it('fires when a challenger was taken back, once, with the reason; the next rollout resolves it, and a person is told of none', async () => {
  const { workspace, clock, versions } = trained
  const { runtime, faults } = faultyRuntime(workspace.runtime)
  const live = await trained.live('told', { canary: { shadowRows: 1_000_000 } }, { runtime })
  const sent: Alert[] = []
  const notifiers = [{ name: 'kept', send: async (alert: Alert) => void sent.push(alert) }]
  const services = { store: workspace.store, clock, notifiers }
  const watch = () => new RolloutAlert(services, 'told', () => live.rollout)
  const first = watch()
  await first.look()
  await live.rollOut(versions.other, 'ada')
  await first.look()
  expect(sent).toEqual([])
  faults.set(await digestOf(versions.other), () => Promise.reject(new Error('out of order')))
  for (let i = 0; i < 9; i++) await predicted(live, [{ row: row() }])
  await first.look()
  await first.look()
  const [decision] = await decisionsOf('told', 'rollout')
  expect(sent).toMatchObject([
    {
      state: 'firing',
      name: 'rollout taken back',
      labels: { deployment: 'told' },
      summary: `late@${versions.other} was taken back: ${decision?.reason}`,
    },
  ])
  // another instance that leads from now on has nothing new to say
  const second = watch()
  await second.look()
  expect(sent).toHaveLength(1)
  faults.clear()
  await live.rollOut(versions.other, 'ada')
  await second.look()
  expect(sent.map(one => one.state)).toEqual(['firing', 'resolved'])
  await live.command('abort', 'ada')
  await second.look()
  expect(sent).toHaveLength(2)
})
