import { afterAll, beforeAll, expect, it } from 'vitest'
import { recent, trainedProject, type Trained } from '../../../test/support/trained-project.ts'
import { project, type FeatureView } from '../../index.ts'
import type { Alert } from '../../ports/notifier.ts'
import { ReadVerifier, type VerifiedView } from './verifying-reads.ts'

// When what was read is compared, by a clock that is set by hand and jobs that are over at once, and what becomes of what is found.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

it('compares so often as is said, alerts once where reads were wrong, and resolves when they are right again', async () => {
  const { workspace, clock } = trained
  const view = { ...recent, verify: { every: 60_000_000, sample: 10 } } as unknown as FeatureView as VerifiedView
  const sent: Alert[] = []
  const said: Readonly<Record<string, unknown>>[] = []
  let found: { reads: number; mismatches: number } | undefined = { reads: 10, mismatches: 0 }
  let started = 0
  const jobs = {
    start: async (useCase: string, input: { view: string }) => {
      expect([useCase, input]).toEqual(['verifyReads', { view: 'recent' }])
      started++
      const example = { key: 'north', feature: 'rides_6h', online: 3, offline: 4, reason: 'code' }
      return {
        id: 'j',
        answer: found
          ? Promise.resolve({ results: [{ ...found, compared: 20, examples: [example] }] })
          : Promise.reject(new Error('no engine')),
      }
    },
  }
  const services = {
    store: workspace.store,
    clock,
    project: project('rides', { view } as never),
    notifiers: [{ name: 'kept', send: async (alert: Alert) => void sent.push(alert) }],
  }
  const verifier = new ReadVerifier(services, view, jobs as never, line => said.push(line))
  const look = async (): Promise<number> => {
    await verifier.look()
    await verifier.settled()
    return started
  }
  expect(await look()).toBe(0)
  await clock.advance(59_999)
  expect(await look()).toBe(0)
  await clock.advance(1)
  expect(await look()).toBe(1)
  expect(sent).toEqual([])
  const next = async (one: typeof found): Promise<number> => {
    found = one
    await clock.advance(60_000)
    return look()
  }
  expect(await next({ reads: 10, mismatches: 2 })).toBe(2)
  expect(await next({ reads: 10, mismatches: 1 })).toBe(3)
  expect(sent).toMatchObject([{ name: 'feature reads', state: 'firing', labels: { view: 'recent' } }])
  expect(sent[0]?.summary).toBe(
    '2 of 20 values that were read of recent are not what training has: rides_6h of north was 3, and is 4 (code)',
  )
  // where nothing was read, or nothing could be compared, what was found stands
  expect(await next({ reads: 0, mismatches: 0 })).toBe(4)
  expect(await next(undefined)).toBe(5)
  expect(said).toMatchObject([{ level: 'error', text: 'what was read of recent was not verified: no engine' }])
  expect(sent).toHaveLength(1)
  expect(await next({ reads: 3, mismatches: 0 })).toBe(6)
  expect(sent.map(one => one.state)).toEqual(['firing', 'resolved'])
  const decisions = await workspace.store.listDecisions({ kind: 'alert', subject: 'features recent' })
  expect(decisions.map(one => [one.verdict, one.rule.name, one.rule.value])).toEqual([
    ['resolved', 'read verification', 0],
    ['firing', 'read verification', 2],
  ])
})
