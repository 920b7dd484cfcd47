import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listening } from '../../test/support/listener.ts'
import {
  afterRides,
  firstRide,
  hour,
  madeRides,
  recent,
  type Trained,
  trainedProject,
} from '../../test/support/trained-project.ts'
import type { Workspace } from '../config/workspace.ts'
import { project, type FeatureView } from '../index.ts'
import { entity, features, t } from '../index.ts'
import { recordsOf } from '../stages/features/channels.ts'
import { noteMaterialisation } from '../stages/features/materialisations.ts'
import { applyFeatures, featuresHistory, planPromotion, promoteFeatures, rollBackFeatures } from './apply.ts'
import { exportFeatures, viewsNamed } from './export-features.ts'
import { describeViews } from './feature-views.ts'
import { planFeatures } from './features-plan.ts'
import { fail } from '../errors/index.ts'
import { memoryOnlineStore } from '../testing/memory-online-store.ts'
import { fillViews, lostView } from './fill-views.ts'
import { entitiesIn, getFeatures, onlineViewNamed } from './get-features.ts'
import { materialiseViews } from './materialise.ts'
import { verifyViews } from './verify.ts'

// What people do with features, over a trained project: plan, apply, go back, promote, read, export, verify.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

/** The view `recent` with other windows, or other features. */
const viewOf = (compute: (f: never) => object, over: object = {}): FeatureView =>
  features('recent', {
    entity: recent.entity as never,
    from: recent.from as never,
    online: true,
    compute: compute as never,
    ...over,
  }) as FeatureView
interface Features {
  count(window: string): never
  mean(column: string, window: string): never
}
const as = (f: never): Features => f as Features
const same = recent as unknown as FeatureView
const longer = viewOf(f => ({ rides_6h: as(f).count('12h'), km_6h: as(f).mean('km', '6h') }))
const fewer = viewOf(f => ({ rides_6h: as(f).count('6h') }))
const more = viewOf(f => ({ rides_6h: as(f).count('6h'), km_6h: as(f).mean('km', '6h'), rides_1d: as(f).count('24h') }))
const offline = features('lengths', {
  entity: entity('length', { km: t.float() }),
  from: recent.from as never,
  online: false,
  compute: f => ({ rides: f.count('40d') }),
}) as FeatureView

/** The trained project with those views, in an environment. */
const over = (environment: string, ...views: readonly FeatureView[]): Workspace => {
  const own = project(
    'rides',
    Object.fromEntries(views.map(view => [view.name, view])) as never,
    { environment } as never,
  )
  const { models, datasets, deployments } = trained.workspace.project
  return { ...trained.workspace, project: { ...own, models, datasets, deployments } as never }
}
const changesOf = async (workspace: Workspace) =>
  (await planFeatures(workspace)).changes.map(({ view, change, why }) => ({ view, change, why }))

describe('a plan', () => {
  it('of what was never applied has everything new, and says what it takes', async () => {
    const plan = await planFeatures(over('plan', same, offline))
    expect(plan).toMatchObject({ environment: 'plan', applied: null, against: null, breaking: false })
    expect(plan.changes).toMatchObject([
      {
        view: 'recent',
        change: 'new',
        why: 'was not applied yet',
        models: ['late'],
        backfill: { rows: 1_000, entities: 2 },
      },
      // what is not online has no records to write
      { view: 'lengths', change: 'new', models: [], backfill: null },
    ])
  })

  it('says how long it takes by how fast records were written: the newest of the view, else of another', async () => {
    const workspace = over('speed', same)
    const takes = async () => (await planFeatures(workspace)).changes[0]?.backfill
    const wrote = (view: FeatureView, rows: number, seconds: number | undefined, at: number) =>
      noteMaterialisation(
        workspace,
        view,
        {
          snapshot: `sha256:${'0'.repeat(64)}`,
          rows,
          entities: 2,
          until: 0,
          seq: 0,
          ...(seconds === undefined ? {} : { seconds }),
        },
        at,
        false,
      )
    expect(await takes()).toEqual({ rows: 1_000, entities: 2, seconds: null })
    await wrote(offline, 500, 4, 3)
    expect(await takes()).toMatchObject({ seconds: 8 })
    await wrote(longer, 4_000, 2, 1)
    expect(await takes()).toMatchObject({ seconds: 0.5 })
    await wrote(more, 100, 1, 2)
    expect(await takes()).toMatchObject({ seconds: 10 })
    // one that went on where another was cut off tells nothing, nor does one of no rows
    await wrote(fewer, 8_000, undefined, 4)
    await wrote(same, 0, 3, 5)
    expect(await takes()).toMatchObject({ seconds: 10 })
    // without an engine nothing is counted anew: entities are those that there were
    const { engine: _, ...without } = workspace
    expect((await planFeatures(without)).changes[0]?.backfill).toMatchObject({ rows: 1_000, entities: 2, seconds: 10 })
  })

  it('has a digest of what it does: the same again, another for another environment or definition', async () => {
    const { digest } = await planFeatures(over('plan', same, offline))
    expect((await planFeatures(over('plan', same, offline))).digest).toBe(digest)
    expect((await planFeatures(over('other', same, offline))).digest).not.toBe(digest)
    expect((await planFeatures(over('plan', longer, offline))).digest).not.toBe(digest)
  })

  it.each<[string, FeatureView[], object]>([
    ['nothing', [same], { change: 'none', why: 'is as it was applied' }],
    ['a window', [longer], { change: 'materialise', why: '1 changed' }],
    ['one more', [more], { change: 'materialise', why: '1 added' }],
    ['one that a model reads gone', [fewer], { change: 'breaking', why: 'km_6h is gone or of another type' }],
    ['all gone', [], { change: 'gone', why: 'is no longer defined' }],
  ])('against what was applied: %s', async (_, views, expected) => {
    const environment = 'against'
    if ((await featuresHistory(over(environment))).length === 0)
      await applyFeatures(over(environment, same), { actor: 'ada' })
    expect(await changesOf(over(environment, ...views))).toEqual([{ view: 'recent', ...expected }])
    const plan = await planFeatures(over(environment, ...views))
    expect(plan).toMatchObject({ applied: 1, breaking: (expected as { change: string }).change === 'breaking' })
    const listed = plan.changes.flatMap(one => one.features)
    if (plan.breaking)
      expect(listed.map(one => [one.feature, one.change, one.breaking, one.readers])).toEqual([
        ['km_6h', 'removed', true, ['late']],
      ])
  })
})

describe('applying', () => {
  it('takes the plan that was looked at, by its first twelve digits, and no other', async () => {
    const workspace = over('apply', same)
    const { digest } = await planFeatures(workspace)
    for (const given of ['', 'sha256:', digest.slice(7, 18), `${digest.slice(7, 18)}x`, 'f'.repeat(12)])
      await expect(applyFeatures(workspace, { plan: given, actor: 'ada' })).rejects.toMatchObject({
        code: expect.stringMatching(/^MR/) as string,
        details: { given, found: digest.slice(7, 19) },
      })
    expect(await featuresHistory(workspace)).toEqual([])
    const { said, listener } = listening()
    const { applied } = await applyFeatures(workspace, { plan: digest.slice(0, 19), actor: 'ada' }, listener)
    expect(applied).toMatchObject({
      number: 1,
      action: 'apply',
      actor: 'ada',
      from: digest.slice(7, 19),
      at: trained.clock.now(),
    })
    expect(said).toEqual(['# records of recent'])
    // nothing to change is no change, and records that are there are not written anew
    const again = listening()
    expect((await applyFeatures(workspace, { actor: 'ada' }, again.listener)).applied).toBeNull()
    expect(again.said).toEqual([])
    expect(await featuresHistory(workspace)).toHaveLength(1)
  })

  it('goes back to what differs, or to a change by its number, as a change of its own', async () => {
    const environment = 'back'
    await expect(rollBackFeatures(over(environment, same), { actor: 'eve' })).rejects.toMatchObject({
      details: { environment, reason: 'nothing else was applied before' },
    })
    await applyFeatures(over(environment, same), { actor: 'ada' })
    await applyFeatures(over(environment, longer), { actor: 'ada' })
    await applyFeatures(over(environment, more), { actor: 'ada' })
    const workspace = over(environment, more)
    const back = await rollBackFeatures(workspace, { actor: 'eve' })
    expect(back.applied).toMatchObject({ number: 4, action: 'rollback', from: '#2', actor: 'eve' })
    // what the project declares is one change ahead again
    expect(await changesOf(workspace)).toMatchObject([{ change: 'materialise' }])
    expect((await rollBackFeatures(workspace, { to: 1, actor: 'eve' })).applied).toMatchObject({
      number: 5,
      from: '#1',
    })
    for (const to of [5, 9, 0])
      await expect(rollBackFeatures(workspace, { to, actor: 'eve' })).rejects.toMatchObject({
        details: { reason: `change ${to} is not among those before the current one: 1, 2, 3, 4` },
      })
    // the newest of the same definitions is nothing to go back to
    expect((await featuresHistory(workspace)).map(one => one.number)).toEqual([5, 4, 3, 2, 1])
    expect((await rollBackFeatures(workspace, { to: 1, actor: 'eve' })).applied).toBeNull()
  })

  it('promotes what another environment serves, whatever is declared by now', async () => {
    const here = over('prod', more)
    for (const [source, reason] of [
      ['prod', 'it is the environment itself'],
      ['empty', 'nothing was applied in it'],
    ] as const)
      await expect(promoteFeatures(here, { source, actor: 'ada' })).rejects.toMatchObject({
        details: { source, reason },
      })
    await applyFeatures(over('staging', longer), { actor: 'ada' })
    const plan = await planPromotion(here, 'staging')
    expect(plan).toMatchObject({ environment: 'prod', changes: [{ view: 'recent', change: 'new' }] })
    await expect(
      promoteFeatures(here, { source: 'staging', plan: 'f'.repeat(12), actor: 'ada' }),
    ).rejects.toMatchObject({ details: { given: 'f'.repeat(12) } })
    const { applied } = await promoteFeatures(here, { source: 'staging', plan: plan.digest, actor: 'ada' })
    expect(applied).toMatchObject({ number: 1, action: 'promote', from: 'staging#1' })
    const [view] = await describeViews(here)
    expect(view?.features.map(one => [one.name, one.window])).toEqual([
      ['rides_6h', 12 * hour],
      ['km_6h', 6 * hour],
    ])
  })

  it('is refused where somebody else was quicker', async () => {
    const workspace = over('race', same)
    const { store } = workspace
    const put = store.putDocument.bind(store)
    let raced = false
    const racing = Object.assign(Object.create(store) as typeof store, {
      putDocument: async (...given: Parameters<typeof put>) => {
        if (given[0] === 'features-applied' && !raced) {
          raced = true
          await applyFeatures(over('race', longer), { actor: 'bob' })
        }
        return put(...given)
      },
    })
    await expect(applyFeatures({ ...workspace, store: racing }, { actor: 'ada' })).rejects.toMatchObject({
      details: { found: 'another one' },
    })
    expect((await featuresHistory(workspace)).map(one => one.actor)).toEqual(['bob'])
  })
})

describe('views', () => {
  it('are described with what they compute, of what, and who reads each feature', async () => {
    const [view, other] = await describeViews(over('described', same, offline))
    expect(view).toMatchObject({
      name: 'recent',
      roleOf: null,
      entity: { name: 'zone', keys: ['zone'], types: { zone: 'text' } },
      source: 'rides',
      online: true,
      ttl: null,
      models: ['late'],
      served: [],
      freshness: null,
      verification: null,
      reads: null,
    })
    expect(view?.features).toEqual([
      expect.objectContaining({
        name: 'rides_6h',
        aggregation: 'count',
        window: 6 * hour,
        columns: [],
        readers: ['model late'],
      }),
      expect.objectContaining({
        name: 'km_6h',
        aggregation: 'mean',
        window: 6 * hour,
        columns: ['km'],
        readers: ['model late'],
      }),
    ])
    expect(other).toMatchObject({ name: 'lengths', online: false, models: [], materialisation: null })
    expect(other?.features[0]?.readers).toEqual([])
  })

  it('that are online are found by name', async () => {
    const workspace = over('named', same, offline)
    expect((await onlineViewNamed(workspace, 'recent')).name).toBe('recent')
    for (const name of ['lengths', 'none'])
      await expect(onlineViewNamed(workspace, name)).rejects.toMatchObject({
        details: { kind: 'online feature view', name, known: 'recent' },
      })
  })

  it('are named by themselves, or by a model that reads them, each once', () => {
    const workspace = over('named', same, offline)
    expect(viewsNamed(workspace, ['late', 'recent', 'lengths', 'late']).map(view => view.name)).toEqual([
      'recent',
      'lengths',
    ])
    for (const [name, kind, known] of [
      ['none', 'feature view or model', 'recent, lengths, late, fare'],
      ['fare', 'feature view of the model', 'recent, lengths'],
    ])
      expect(() => viewsNamed(workspace, [name as string])).toThrow(
        expect.objectContaining({ details: { kind, name, known } }) as Error,
      )
  })
})

/** What the six hours up to a moment hold, counted. */
const counted = (zone: string, at: number): readonly [number, number | null] => {
  const seen = madeRides.filter(ride => ride.zone === zone && ride.at < at && ride.at >= at - 6 * hour)
  return [seen.length, seen.length === 0 ? null : seen.reduce((sum, ride) => sum + ride.km, 0) / seen.length]
}

describe('records that are not there', () => {
  it('are filled from what they were made of, once, and what cannot be filled says so', async () => {
    const store = memoryOnlineStore()
    const workspace = { ...over('dev', same, offline), online: async () => store }
    expect(await fillViews(workspace)).toMatchObject({ filled: ['recent'], lost: [] })
    expect([...store.records(recordsOf(same))]).toHaveLength(2)
    expect(await fillViews(workspace)).toMatchObject({ filled: [], lost: [] })
    const artifacts = Object.assign(Object.create(workspace.artifacts) as typeof workspace.artifacts, {
      localPath: (digest: string) => Promise.reject(fail('artifactMissing', { digest })),
    })
    const { filled, lost } = await fillViews({ ...workspace, artifacts, online: async () => memoryOnlineStore() })
    expect([filled, lost.map(one => one.view)]).toEqual([[], ['recent']])
    expect(lostView(lost[0] as never)).toMatch(
      /^The online records of recent are empty: .*MR\d+.*"millrace features materialise recent"/,
    )
    // what is wrong with us is no loss of theirs
    const broken = Object.assign(Object.create(workspace.artifacts) as typeof workspace.artifacts, {
      localPath: () => Promise.reject(new Error('a fault of ours')),
    })
    await expect(
      fillViews({ ...workspace, artifacts: broken, online: async () => memoryOnlineStore() }),
    ).rejects.toThrow('a fault of ours')
  })
})

describe('reading', () => {
  it('is records, verified against the snapshot', async () => {
    const workspace = over('dev', same)
    const { said, listener } = listening()
    const made = await materialiseViews(workspace, { view: 'recent' }, listener)
    expect(made).toEqual([
      {
        view: 'recent',
        records: recordsOf(same),
        readers: ['declared'],
        entities: 2,
        rows: 1_000,
        until: firstRide + 999 * hour,
      },
    ])
    expect(said).toContain('# recent')
    await expect(materialiseViews(workspace, { view: 'none' }, listener)).rejects.toMatchObject({
      details: { kind: 'feature view', name: 'none', known: 'recent' },
    })
    const verified = await verifyViews(over('dev', same, offline), { sample: 100 }, listener)
    expect(verified).toMatchObject({
      proven: true,
      unmaterialised: ['lengths'],
      results: [{ view: 'recent', mismatches: 0, readers: ['declared'] }],
    })
    // nothing compared is nothing proven
    expect(await verifyViews(over('dev', offline), {}, listener)).toEqual({
      results: [],
      unmaterialised: ['lengths'],
      proven: false,
    })
  })

  it('gives entities as of a moment, else as of now', async () => {
    const workspace = over('dev', same)
    const { listener } = listening()
    const entities = [{ zone: 'south' }, { zone: 'nowhere' }, { zone: 'north' }]
    const now = await getFeatures(workspace, { view: 'recent', entities }, listener)
    expect(now).toMatchObject({ features: ['rides_6h', 'km_6h'], asOf: afterRides })
    const at = afterRides - 2 * hour
    const then = await getFeatures(workspace, { view: 'recent', entities, at }, listener)
    for (const [found, moment] of [
      [now, afterRides],
      [then, at],
    ] as const) {
      expect(found.asOf).toBe(moment)
      expect(found.entities.map(one => one.values)).toEqual(
        entities.map(({ zone }) => {
          const [rides, km] = counted(zone, moment)
          return [rides, km === null ? null : expect.closeTo(km, 4)]
        }),
      )
    }
  })

  it.each<[readonly string[], unknown]>([
    [['zone=north'], [{ zone: 'north' }]],
    [
      ['zone=a', 'zone=b=c', 'zone='],
      [{ zone: 'a' }, { zone: 'b=c' }, { zone: '' }],
    ],
    [['zone'], '"zone" is no key=value'],
    [['=x'], '"=x" is no key=value'],
    [['km=1'], "'km' is no key of it"],
    [[], 'no entity is named'],
  ])('names entities by words: %j', (words, expected) => {
    if (Array.isArray(expected)) expect(entitiesIn(same, words)).toEqual(expected)
    else
      expect(() => entitiesIn(same, words)).toThrow(
        expect.objectContaining({ details: { view: 'recent', reason: expected, example: 'zone=…' } }) as Error,
      )
  })

  const typed = {
    name: 'typed',
    entity: { keys: { i: { type: 'int' }, f: { type: 'float' }, b: { type: 'bool' }, at: { type: 'timestamp' } } },
    from: { columns: { at: { zone: 'Europe/Berlin' } } },
  } as never
  const one = (word: string) => {
    const rest = ['i=1', 'f=1', 'b=true', 'at=2026-07-01T12:00:00Z'].filter(
      other => other.split('=')[0] !== word.split('=')[0],
    )
    return entitiesIn(typed, [...rest, word])[0]?.[word.split('=')[0] as string]
  }
  it.each<[string, unknown]>([
    ['i=-7', -7],
    ['i=9007199254740993', 9007199254740993n],
    ['i=-9223372036854775808', -(2n ** 63n)],
    ['f=1.5e3', 1500],
    ['f=-0.5', -0.5],
    ['b=false', false],
    // without a zone it is of the column's
    ['at=2026-07-01 12:00', Date.UTC(2026, 6, 1, 10) * 1000],
    ['at=2026-07-01T12:00:00Z', Date.UTC(2026, 6, 1, 12) * 1000],
    ['at=2026-01-01T12:00:00.5', Date.UTC(2026, 0, 1, 11, 0, 0, 500) * 1000],
  ])('reads a key by its type: %s', (word, expected) => {
    expect(one(word)).toBe(expected)
  })
  it.each([
    'i=1.0',
    'i=9223372036854775808',
    'i=',
    'i=1e3',
    'f=',
    'f= ',
    'f=far',
    'f=Infinity',
    'b=1',
    'b=True',
    'at=noon',
  ])('refuses a key that is none of its type: %s', word => {
    const [column = '', text = ''] = word.split('=')
    const type = { i: 'int', f: 'float', b: 'bool', at: 'timestamp' }[column]
    expect(() => one(word)).toThrow(
      expect.objectContaining({
        details: { view: 'typed', reason: `'${column}' is ${type}, not "${text}"`, example: 'i=… f=… b=… at=…' },
      }) as Error,
    )
  })
  it('wants every key of an entity, in any order, and begins the next where one comes again', () => {
    const at = 'at=2026-07-01T12:00:00Z'
    expect(entitiesIn(typed, ['b=true', 'i=1', 'f=2', at, 'i=2', 'f=3', 'b=false', at])).toMatchObject([
      { i: 1, f: 2, b: true },
      { i: 2, f: 3, b: false },
    ])
    expect(() => entitiesIn(typed, ['i=1', 'f=2', at])).toThrow(/an entity lacks 'b'/)
    expect(() => entitiesIn(typed, ['i=1', 'f=2', 'b=true', at, 'i=2'])).toThrow(/an entity lacks 'f'/)
    // of all rows together there is one, which has no key
    expect(entitiesIn({ ...(typed as FeatureView), entity: { name: 'all', keys: {} } as never }, [])).toEqual([{}])
  })
})

describe('exporting', () => {
  it('keeps every row and column of the labels in order, each with what was known at its moment', async () => {
    const workspace = over('dev', same)
    const { said, listener } = listening()
    const asked = [500, 30, 999, 30].map((i, place) => ({
      place,
      zone: place === 3 ? 'nowhere' : 'north',
      at: (madeRides[i] as { at: number }).at,
    }))
    const labels = join(workspace.root, 'labels.csv')
    const text = (at: number) => new Date(at / 1000).toISOString()
    writeFileSync(labels, `place,zone,at\n${asked.map(one => `${one.place},${one.zone},${text(one.at)}`).join('\n')}\n`)
    const out = join(workspace.root, 'out')
    const answer = await exportFeatures(
      workspace,
      { of: ['late'], labels: { path: labels, kind: 'csv', time: 'at' }, out: { path: `${out}.csv`, kind: 'csv' } },
      listener,
    )
    expect(answer).toMatchObject({
      rows: 4,
      features: ['recent.rides_6h', 'recent.km_6h'],
      from: [{ dataset: 'rides', snapshot: expect.stringMatching(/^sha256:/) as string, log: 1_000 }],
    })
    expect(said).toEqual(['# labels', '# features of 4 rows'])
    const [head, ...lines] = readFileSync(`${out}.csv`, 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split(','))
    expect(head?.slice(0, 3)).toEqual(['place', 'zone', 'at'])
    expect(lines.map(cells => [Number(cells[0]), cells[1], Number(cells[3])])).toEqual(
      asked.map(({ place, zone, at }) => [place, zone, counted(zone, at)[0]]),
    )
    // Parquet is the same, and the same again is the same file
    const toParquet = async (name: string) => {
      const path = `${out}-${name}.parquet`
      await exportFeatures(
        workspace,
        { of: ['recent'], labels: { path: labels, kind: 'csv', time: 'at' }, out: { path, kind: 'parquet' } },
        listener,
      )
      return readFileSync(path)
    }
    expect(await toParquet('a')).toEqual(await toParquet('b'))
    const engine = await workspace.engine()
    const rows = await engine.rows(`SELECT place, "recent.rides_6h" AS n FROM read_parquet('${out}-a.parquet')`)
    expect(rows.map(row => [Number(row.place), Number(row.n)])).toEqual(
      lines.map(cells => [Number(cells[0]), Number(cells[3])]),
    )
  })
})
