import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openWorkspace, type Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { Model } from '../../define/model.ts'
import type { StepContext } from '../../engine/index.ts'
import { fail } from '../../errors/index.ts'
import {
  baseline,
  csv,
  dataset,
  entity,
  features,
  gbt,
  linear,
  model,
  project,
  t,
  type FeatureView,
} from '../../index.ts'
import { digestBytes } from '../../internal/digest.ts'
import type { Trainer } from '../../ports/trainer.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { whyIncomparable } from './champion.ts'
import { digestOfCode, ownCode } from './code.ts'
import { type ExpectedView, isExpected, judgeVectors } from './feature-expectations.ts'
import { keepFailures, keepFailuresIfAllowed } from './keep-failures.ts'
import { frameKey, keysOf, keysToldOf, saveUnder, sealedBy } from './save.ts'
import { datasetInputs, datasetsOf } from './step-parts.ts'
import { chosen, parametersInWords, type Winner, winnerOf } from './winner.ts'

// What the steps of a pipeline are made of: which inputs, under which key, compared with whom.

const rides = (over: object = {}) =>
  dataset('rides', {
    source: csv('data/rides.csv'),
    columns: { at: t.timestamp('UTC'), zone: t.text(), km: t.float(), seats: t.int(), late: t.bool() },
    eventTime: 'at',
    ...over,
  } as never)
const zones = (over: object = {}) =>
  dataset('zones', {
    source: csv('data/zones.csv'),
    columns: { at: t.timestamp('UTC'), zone: t.text(), size: t.float() },
    eventTime: 'at',
    ...over,
  } as never)
type Any = Record<string, never>
const viewOf = (
  from: unknown,
  compute = (f: { mean(c: string, w: string): never }) => ({ size: f.mean('size', '2d') }),
): FeatureView =>
  features('sizes', { entity: entity('zone', { zone: t.text() }), from, compute } as never) as unknown as FeatureView
const of = (column: string) => (f: { mean(c: string, w: string): never }) => ({ size: f.mean(column, '2d') })
const made = (over: object = {}, from: unknown = rides()): Model =>
  model('late', {
    task: 'binary',
    from,
    label: (c: Any) => c.late,
    inputs: (c: Any) => ({ km: c.km }),
    split: { by: 'time', train: '20d', test: '5d' },
    train: gbt({ trees: 1 }),
    ...over,
  } as never) as unknown as Model
const withView = (view: FeatureView, from: unknown = rides()): Model =>
  made({ features: [view], inputs: (c: Any) => ({ km: c.km, ...(view as never as { all: object }).all }) }, from)

describe('a champion is comparable', () => {
  const columns = { at: t.timestamp('UTC'), zone: t.text(), km: t.float(), seats: t.int(), late: t.bool() }
  it('with one whose data has what it reads, whatever else is new there', () => {
    expect(whyIncomparable(made(), made())).toBeUndefined()
    const more = rides({ columns: { ...columns, more: t.text() } })
    expect(whyIncomparable(made(), made({ inputs: (c: Any) => ({ more: c.more }) }, more))).toBeUndefined()
    // a column that only the challenger reads may be of any type
    const without = rides({ columns: { ...columns, seats: t.text() } })
    expect(whyIncomparable(made(), made({}, without))).toBeUndefined()
  })

  it('with one whose numbers are whole now, or are no longer', () => {
    expect(whyIncomparable(made(), made({}, rides({ columns: { ...columns, km: t.int() } })))).toBeUndefined()
    const seats = made({ inputs: (c: Any) => ({ seats: c.seats }) })
    expect(whyIncomparable(seats, made({}, rides({ columns: { ...columns, seats: t.float() } })))).toBeUndefined()
  })

  const { km: _, ...gone } = columns
  const kmless = { inputs: (c: Any) => ({ seats: c.seats }) }
  const view = viewOf(zones())
  it.each<[string, Model, Model]>([
    [
      'it is for binary, this one for regression',
      made(),
      made({ task: 'regression', label: (c: Any) => c.km, inputs: (c: Any) => ({ seats: c.seats }) }),
    ],
    [
      'it predicts rows of rides, this one rows of trips',
      made(),
      made({}, dataset('trips', { source: csv('x.csv'), columns, eventTime: 'at' } as never)),
    ],
    ['it reads rides.km, which is no column any more', made(), made(kmless, rides({ columns: gone }))],
    [
      'it reads rides.km as float, which is text now',
      made(),
      made(kmless, rides({ columns: { ...columns, km: t.text() } })),
    ],
    [
      'it reads rides.km as float, which is bool now',
      made(),
      made(kmless, rides({ columns: { ...columns, km: t.bool() } })),
    ],
    ['it uses zones, which this model does not', withView(view), made()],
    [
      'it reads zones.size, which is no column any more',
      withView(view),
      withView(viewOf(zones({ columns: { at: t.timestamp('UTC'), zone: t.text(), area: t.float() } }), of('area'))),
    ],
    [
      'it reads zones.zone as text, which is int now',
      withView(view),
      made(
        {
          features: [
            features('sizes', {
              entity: entity('zone', { zone: t.int() }),
              from: zones({ columns: { at: t.timestamp('UTC'), zone: t.int(), size: t.float() } }),
              compute: (f: never) => ({
                size: (f as never as { mean(c: string, w: string): never }).mean('size', '2d'),
              }),
            } as never),
          ],
          inputs: (c: Any) => ({ seats: c.seats }),
        },
        rides({ columns: { ...columns, zone: t.int() } }),
      ),
    ],
  ])('or says why not: %s', (reason, champion, challenger) => {
    expect(whyIncomparable(champion, challenger)).toBe(reason.replace('zones.zone as text', 'rides.zone as text'))
  })
})

describe('what is made of a model is kept', () => {
  const personal = {
    columns: {
      at: t.timestamp('UTC'),
      zone: t.pii(t.text()),
      km: t.float(),
      seats: t.int(),
      late: t.bool(),
    },
  }
  const people = { inputs: (c: Any) => ({ km: c.km, zone: c.zone }) }
  it.each<[string, Model, object]>([
    ['in clear where nobody names a key', made(), {}],
    ['under its own key', made({ encryptWith: 'own' }), { model: 'own', rows: 'own' }],
    ['its rows under the key of its data', made({}, rides({ encryptWith: 'data' })), { rows: 'data' }],
    [
      'under its own key before that of its data',
      made({ encryptWith: 'own' }, rides({ encryptWith: 'data' })),
      { model: 'own', rows: 'own' },
    ],
    [
      'its rows under the key of what its features read',
      withView(viewOf(zones({ encryptWith: 'zones' }))),
      { rows: 'zones' },
    ],
    [
      'its rows under the key of its own data first',
      withView(viewOf(zones({ encryptWith: 'zones' })), rides({ encryptWith: 'data' })),
      { rows: 'data' },
    ],
    [
      'also what answers, where it knows texts of people',
      made(people, rides({ ...personal, encryptWith: 'data' })),
      { model: 'data', rows: 'data' },
    ],
  ])('%s', (_, declared, keys) => {
    expect(keysOf(declared)).toEqual(keys)
    expect(frameKey(declared)).toBe((keys as { rows?: string }).rows)
    expect(keysToldOf(declared)).toEqual(Object.keys(keys).length === 0 ? {} : { keys })
  })

  it('under a key that its cache key tells', () => {
    expect([sealedBy(undefined), sealedBy('k')]).toEqual([{}, { encryptWith: 'k' }])
  })

  it('sealed, by the digest of what is in clear; or as the step saves', async () => {
    const sealed: unknown[] = []
    const saved: unknown[] = []
    const services = {
      artifacts: {
        seal: async (bytes: Uint8Array, key: string) => {
          sealed.push([Buffer.from(bytes).toString(), key])
          return { digest: digestBytes(bytes), size: bytes.length }
        },
      },
    } as never
    const context = { save: async (...given: unknown[]) => saved.push(given) } as unknown as StepContext
    expect(await saveUnder(services, context, 'k')('json', 'text', { rows: 3 })).toEqual({
      type: 'json',
      digest: digestBytes('text'),
      size: 4,
      meta: { rows: 3, encrypted: 'k' },
    })
    expect(await saveUnder(services, context, 'k')('json', Buffer.from('bytes'))).toMatchObject({
      meta: { encrypted: 'k' },
    })
    await saveUnder(services, context, undefined)('json', 'clear', { rows: 1 })
    expect(sealed).toEqual([
      ['text', 'k'],
      ['bytes', 'k'],
    ])
    expect(saved).toEqual([['json', 'clear', { rows: 1 }]])
  })
})

describe('inputs of a step', () => {
  it('are the snapshots of its datasets, each once, and the logs over those that have one', () => {
    const all = datasetsOf(withView(viewOf(zones())))
    expect(all.map(one => one.name)).toEqual(['rides', 'zones'])
    expect(datasetsOf(withView(viewOf(rides(), of('km')))).map(one => one.name)).toEqual(['rides'])
    const log = { type: 'file', digest: digestBytes('log'), size: 1 } as const
    const inputs = datasetInputs(all, new Map([['zones', log]]), name => `data:${name}`)
    expect(Object.keys(inputs)).toEqual(['data:rides', 'data:zones', 'log:zones'])
    expect(inputs['log:zones']).toEqual({ from: log })
    expect(inputs['data:rides']).toMatchObject({ from: { output: 'data' } })
    expect(Object.keys(datasetInputs(all, new Map()))).toEqual(['rides', 'zones'])
  })
})

describe('the code that computes', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-own-code-'))
  afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
  const put = (name: string, text: string): void => {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  it('is another when a module of it is, and the same when pages, commands, types or tests are', () => {
    for (const part of ['define', 'stages', 'math', 'onnx', 'adapters/data', 'adapters/trainer', 'internal'])
      put(`${part}/a.js`, '1')
    const known = digestOfCode(root)
    expect(digestOfCode(root)).toBe(known)
    for (const name of [
      'stages/a.d.ts',
      'stages/a.test.ts',
      'stages/a.json',
      'stages/testing/a.js',
      'stages/cli/a.js',
      'server/a.js',
      'adapters/online/a.js',
    ])
      put(name, '2')
    expect(digestOfCode(root)).toBe(known)
    for (const name of [
      'define/a.js',
      'stages/deep/b.ts',
      'math/a.js',
      'onnx/a.js',
      'adapters/data/a.js',
      'adapters/trainer/x/a.js',
      'internal/b.js',
    ]) {
      const before = digestOfCode(root)
      put(name, '2')
      expect(digestOfCode(root), name).not.toBe(before)
    }
    expect(ownCode()).toMatch(/^sha256:[0-9a-f]{64}/)
    expect(ownCode()).toBe(ownCode())
  })
})

describe('what a search chose', () => {
  const winner: Winner = {
    kind: 'search winner',
    schema: 1,
    metric: 'auc',
    value: 0.7,
    trials: 3,
    parameters: { trees: 7, rate: 0.0123456 } as never,
  }
  it('is told in words, with four digits', () => {
    expect(parametersInWords({ depth: 4, learningRate: 0.0123456, kind: 'linear' } as never)).toBe(
      'depth 4, learningRate 0.01235, kind linear',
    )
    expect(parametersInWords({})).toBe('')
  })
  it('replaces options of the trainer, and nothing of one that has none', () => {
    const trees = chosen(gbt({ trees: 3, leaves: 5 }) as Trainer, { ...winner, parameters: { trees: 7 } })
    expect(trees).toMatchObject({ kind: 'gbt', trees: 7, leaves: 5 })
    for (const one of [baseline(), { kind: 'onnx', file: 'a.onnx' }] as unknown as Trainer[])
      expect(chosen(one, winner)).toBe(one)
    expect(chosen(linear() as Trainer, { ...winner, parameters: {} })).toEqual(linear())
  })
  it('is read from what a version names, where it names one', async () => {
    const artifacts = { get: async () => Buffer.from(JSON.stringify(winner)) }
    expect(await winnerOf({ artifacts } as never, { facts: { search: digestBytes('w') } } as never)).toEqual(winner)
    expect(await winnerOf({ artifacts } as never, { facts: {} } as never)).toBeUndefined()
  })
})

describe('over a project', () => {
  let root: string
  let workspace: Workspace
  const view = features('sizes', {
    entity: entity('zone', { zone: t.text() }),
    from: zones(),
    compute: (f: never) => ({ size: (f as never as { mean(c: string, w: string): never }).mean('size', '2d') }),
    expect: (c: never) => [(c as never as { size: { between(a: number, b: number): never } }).size.between(0, 10)],
  } as never) as unknown as FeatureView
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'millrace-parts-'))
    writeFileSync(join(root, 'millrace.config.ts'), '')
    workspace = await openWorkspace(root, {
      project: project('parts', { rides: rides() } as never),
      clock: manualClock(),
    })
  })
  afterAll(async () => {
    await workspace.close()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })

  it('failing rows are kept for their owner alone, under the name of the dataset or another', async () => {
    const sql = 'SELECT 1 AS a UNION ALL SELECT 2'
    const kept = await keepFailures(workspace, rides() as never, sql)
    expect(kept).toEqual({ file: join(workspace.folder, 'quarantine', 'rides.parquet'), rows: 2 })
    expect(statSync(kept.file).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(kept.file)).mode & 0o777).toBe(0o700)
    expect(await keepFailuresIfAllowed(workspace, rides() as never, sql, 'other')).toMatchObject({
      file: join(workspace.folder, 'quarantine', 'other.parquet'),
    })
  })

  it('failing rows whose key cannot be used are kept nowhere, and it is said why; what else goes wrong is thrown', async () => {
    const sealed = { ...(rides() as unknown as Dataset), name: 'secret', encryptWith: 'people' }
    const locked = {
      ...workspace,
      keys: () => Promise.reject(fail('keystoreCorrupt', { path: join(root, 'keys'), reason: 'so' })),
    }
    const kept = await keepFailuresIfAllowed(locked as never, sealed, 'SELECT 1 AS a')
    expect(kept).toEqual({ unkept: expect.stringMatching(/so.*\. \S/) as string })
    // told without places of the machine
    expect((kept as { unkept: string }).unkept).not.toContain(root)
    for (const end of ['parquet', 'sealed.json'])
      expect(existsSync(join(workspace.folder, 'quarantine', `secret.${end}`))).toBe(false)
    await expect(keepFailures(locked as never, sealed, 'SELECT 1 AS a')).rejects.toMatchObject({
      code: expect.stringMatching(/^MR60/) as string,
    })
    const broken = { ...workspace, keys: () => Promise.reject(new Error('a fault of ours')) }
    await expect(keepFailuresIfAllowed(broken as never, sealed, 'SELECT 1 AS a')).rejects.toThrow('a fault of ours')
    await expect(keepFailuresIfAllowed(workspace, rides() as never, 'SELECT nothing FROM nowhere')).rejects.toThrow()
  })

  it('vectors of a view are held to what it expects, and looked back on by what they are', async () => {
    expect(isExpected(view)).toBe(true)
    expect(isExpected(viewOf(zones()))).toBe(false)
    const judged = (size: number) =>
      judgeVectors(workspace, view as ExpectedView, `SELECT 'a' AS zone, CAST(${size} AS DOUBLE) AS size`, 'records')
    const [good, bad] = [await judged(5), await judged(50)]
    expect(good).toMatchObject({ status: 'pass', subject: 'features sizes', evidence: { part: 'records' } })
    expect(bad.status).toBe('fail')
    expect(bad.checks.filter(check => check.status === 'fail').map(check => [check.bad, check.evaluated])).toEqual([
      [1, 1],
    ])
  })
})
