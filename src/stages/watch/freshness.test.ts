import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  afterRides,
  firstRide,
  hour,
  recent,
  trainedProject,
  type Trained,
} from '../../../test/support/trained-project.ts'
import { project, type FeatureView } from '../../index.ts'
import { definitionDigest } from '../../define/project.ts'
import type { Alert } from '../../ports/notifier.ts'
import { DatasetLog } from '../log/dataset-log.ts'
import { logFolder } from '../log/log-table.ts'
import { noteMaterialisation } from '../features/materialisations.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { FreshnessWatch, freshnessOf } from './freshness.ts'

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const minute = 60_000_000

it('alerts while a promise is broken, once, and resolves when it is kept, by files or by what is pushed', async () => {
  const { workspace } = trained
  const { store } = workspace
  const clock = manualClock(afterRides)
  const view = { ...recent, freshness: 90 * minute } as unknown as FeatureView & { readonly freshness: number }
  // How it is kept up is no part of what it computes
  expect(definitionDigest(view)).toBe(definitionDigest(recent as unknown as FeatureView))
  const sent: Alert[] = []
  const notifiers = [{ name: 'kept', send: async (alert: Alert) => void sent.push(alert) }]
  const declared = project('rides', { view } as never)
  const services = { store, clock, notifiers, project: declared, folder: workspace.folder }
  const watch = new FreshnessWatch(services, view)
  const seen = async () => (await freshnessOf(services)).get('recent')
  // the newest ride was pushed an hour ago
  await watch.look()
  expect(sent).toEqual([])
  expect(await seen()).toEqual({ newest: afterRides - hour, promise: 90 * minute, isBroken: false })
  // at the promise it is kept, and just after it broken
  await clock.advance(30 * 60_000)
  await watch.look()
  expect(sent).toEqual([])
  await clock.advance(5_000)
  await watch.look()
  await clock.advance(60_000)
  await watch.look()
  expect(sent).toMatchObject([{ state: 'firing', name: 'feature freshness', labels: { view: 'recent' } }])
  expect(sent[0]?.summary).toContain('1 h 30 min ago: 90m are promised')
  expect((await seen())?.isBroken).toBe(true)
  // another process sees that it fires already
  await new FreshnessWatch(services, view).look()
  expect(sent).toHaveLength(1)
  const note = { rows: 1, entities: 1, snapshot: `sha256:${'1'.repeat(64)}` as const, seq: 0 }
  // files as they were known now, whose newest event is old, are not fresh
  await noteMaterialisation(services, view, { ...note, until: clock.now(), newest: firstRide }, clock.now(), true)
  await clock.advance(5_000)
  await watch.look()
  expect(sent).toHaveLength(1)
  const newest = clock.now() - minute
  await noteMaterialisation(services, view, { ...note, until: newest, newest }, clock.now(), true)
  await clock.advance(5_000)
  await watch.look()
  expect(sent.map(one => one.state)).toEqual(['firing', 'resolved'])
  expect(await seen()).toEqual({ newest, promise: 90 * minute, isBroken: false })
  const decisions = await store.listDecisions({ kind: 'alert', subject: 'features recent' })
  expect(decisions.map(one => [one.verdict, one.rule.name, one.rule.threshold])).toEqual([
    ['resolved', 'freshness', 5_400],
    ['firing', 'freshness', 5_400],
  ])
  // where nothing was written yet there is nothing to be fresh
  const other = { ...view, name: 'never', from: { ...view.from, name: 'never' } }
  await new FreshnessWatch(services, other).look()
  expect(sent.at(-1)?.summary).toContain('have no records yet')
})

it('an event of a time to come is none yet, and one when its time has come', async () => {
  const { store } = trained.workspace
  const folder = mkdtempSync(join(tmpdir(), 'millrace-freshness-'))
  const clock = manualClock(afterRides)
  const view = { ...recent, name: 'ahead', freshness: 90 * minute } as unknown as FeatureView & {
    readonly freshness: number
  }
  const services = { store, clock, notifiers: [], project: project('rides', { view } as never), folder }
  const watch = new FreshnessWatch(services, view)
  const log = await DatasetLog.open(logFolder(folder, view.from.name), view.from, { clock })
  const arrive = (at: number) => log.append([{ row: { at, zone: 'a', km: 1, late: false } }])
  const newest = async (afterMs = 5_000) => {
    await clock.advance(afterMs)
    await watch.look()
    return (await freshnessOf(services)).get('ahead')
  }
  try {
    await arrive(afterRides - 2 * hour)
    expect(await newest()).toMatchObject({ newest: afterRides - 2 * hour, isBroken: true })
    // somebody's clock is an hour ahead, another's a century
    await arrive(afterRides + hour)
    await arrive(afterRides + 876_000 * hour)
    expect(await newest()).toMatchObject({ newest: afterRides - 2 * hour, isBroken: true })
    await arrive(afterRides - hour)
    expect(await newest()).toMatchObject({ newest: afterRides - hour, isBroken: false })
    expect(await newest(3_600_000)).toMatchObject({ newest: afterRides + hour, isBroken: false })
    expect(await newest(3_600_000)).toMatchObject({ newest: afterRides + hour, isBroken: false })
    expect(await newest(1_800_000)).toMatchObject({ newest: afterRides + hour, isBroken: true })
  } finally {
    await log.close()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
})
