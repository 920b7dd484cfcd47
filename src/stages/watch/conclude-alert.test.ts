import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { Alert } from '../../ports/notifier.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { concludeAlert, type Finding } from './conclude-alert.ts'

let folder: string
let store: MetadataStore
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-alerts-'))
  store = await openSqlite(join(folder, 'a.db'))
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What people are told of findings, one after another, each at its second. */
async function told(...findings: readonly (readonly [second: number, found: Partial<Finding>])[]): Promise<Alert[]> {
  const sent: Alert[] = []
  const notifiers = [{ name: 'kept', send: async (alert: Alert) => void sent.push(alert) }]
  for (const [second, found] of findings) {
    const finding: Finding = {
      alert: 'feature freshness',
      about: { view: 'prod/zones' },
      isBroken: true,
      summary: `looked at in second ${second}`,
      rule: { name: 'promise' },
      inputs: {},
      ...found,
    }
    await concludeAlert({ store, clock: manualClock(0), notifiers }, finding, second * 1_000_000)
  }
  return sent
}
const good = { isBroken: false }
const lifeOf = ({ state, startsAt, endsAt, summary }: Alert) => [state, startsAt / 1e6, (endsAt ?? 0) / 1e6, summary]

describe('an alert', () => {
  it('begins with the first bad finding and ends with the first good one; what lies between is told to nobody', async () => {
    const sent = await told([1, good], [2, {}], [3, {}], [7, good], [8, good], [9, {}])
    expect(sent.map(lifeOf)).toEqual([
      ['firing', 2, 0, 'looked at in second 2'],
      ['resolved', 2, 7, 'looked at in second 7'],
      ['firing', 9, 0, 'looked at in second 9'],
    ])
    expect(new Set(sent.map(one => one.fingerprint)).size).toBe(1)
  })

  it('is that of what it is about, by name', async () => {
    const sent = await told(
      [1, {}],
      [2, { about: { view: 'prod/airports' } }],
      [3, { alert: 'feature reads' }],
      [4, { about: { deployment: 'api' } }],
      [5, good],
    )
    expect(new Set(sent.map(one => one.fingerprint)).size).toBe(4)
    expect(sent[4]).toMatchObject({
      state: 'resolved',
      fingerprint: sent[0]?.fingerprint,
      labels: { view: 'prod/zones' },
    })
  })

  it('rests on a decision, which says the same of what it is about', async () => {
    const [, , last] = await told([1, {}], [2, good], [3, { about: { deployment: 'api' } }])
    const decisions = await store.listDecisions({ kind: 'alert' })
    expect(decisions.map(({ subject, verdict, at }) => [subject, verdict, at / 1e6])).toEqual([
      ['rollout api', 'firing', 3],
      ['features prod/zones', 'resolved', 2],
      ['features prod/zones', 'firing', 1],
    ])
    expect(last?.evidence).toBe(decisions[0]?.id)
    const kept = await store.getDocument('alert', last?.fingerprint ?? '')
    expect(kept?.value).toMatchObject({ state: 'firing', startsAt: 3_000_000 })
  })
})
