import { describe, expect as check, it } from 'vitest'
import type { CanaryOptions } from './canary.ts'
import {
  csv,
  dataset,
  deployment,
  entity,
  expect,
  features,
  gbt,
  model,
  monitor,
  parquet,
  project,
  sqlite,
  t,
  type Model,
} from '../index.ts'
import type { ExpectationColumns } from './expectation/index.ts'
import { scalesOf } from './model.ts'
import { definitionDigest } from './project.ts'

const make = (min: number) =>
  dataset('d', {
    source: parquet('d.parquet'),
    columns: { a: t.int(), b: t.text() },
    expect: c => [c.a.between(min, 9), expect.that(c.b.ne('x'))],
  })

const source = csv('a.csv')

describe('definitions', () => {
  it('refuse what a dataset names and does not have', () => {
    const columns = { at: t.timestamp('UTC'), n: t.int() }
    for (const wrong of [{ eventTime: 'ta' }, { eventTime: 'n' }, { key: ['m'] }])
      check(() => dataset('d', { source, columns, ...wrong } as never)).toThrow(
        check.objectContaining({ code: 'MR1005' }),
      )
    check(() => csv('a.csv', { delimeter: ';' } as never)).toThrow('delimeter')
    const misspelt = { source, columns, expect: (c: { m: { between(): never } }) => [c.m.between()] }
    check(() => dataset('d', misspelt as never)).toThrow('column m: is not declared; there are at, n')
  })
  it('refuse segments that no request carries, or whose values name persons', () => {
    const columns = { at: t.timestamp('UTC'), email: t.pii(t.text()), age: t.pii(t.int()), n: t.int(), y: t.bool() }
    const rows = dataset('d', { source, columns, eventTime: 'at', encryptWith: 'k' })
    const of = (segments: unknown) => () =>
      deployment('api', {
        model: model('m', {
          task: 'binary',
          from: rows,
          label: c => c.y,
          inputs: c => ({ n: c.n, old: c.age.gt(65), known: c.email.ne('') }),
          split: { by: 'time', train: '30d', test: '7d' },
          train: gbt({ trees: 2 }),
        }),
        segments: segments as never,
      })
    type C = Record<string, { gt(n: number): unknown }>
    check(of((c: C) => [c['n'], c['age']?.gt(65)])().segments.map(one => one.name)).toEqual(['n', 'age > 65'])
    check(of((c: C) => [c['n'], c['email']])).toThrow("segments has email, of 'email', which holds personal data")
    check(of((c: C) => c['age'])).toThrow("segments has age, of 'age', which holds personal data")
    check(of((c: C) => c['y'])).toThrow("segments names 'y'")
    for (const wrong of [[], 'n', [{}]]) check(of(() => wrong)).toThrow('segments must give a number, text or boolean')
    check(of('n')).toThrow('a function')
  })
  it('refuse a retrain on new files where all data of the model are tables, and only there', () => {
    const columns = { at: t.timestamp('UTC'), zone: t.text(), n: t.int(), y: t.bool() }
    const of = (name: string, isTable: boolean) =>
      dataset(name, {
        source: isTable ? sqlite('a.db', name) : csv(`${name}.csv`),
        columns,
        eventTime: 'at',
      })
    const watched = (rowsAreTable: boolean, viewIsTable: boolean, on: 'data' | 'drift') => {
      const rows = of('rows', rowsAreTable)
      const recent = features('recent', {
        entity: entity('zone', { zone: t.text() }),
        from: of('others', viewIsTable),
        compute: f => ({ seen: f.count('1h') }),
      })
      const made = model('m', {
        task: 'binary',
        from: rows,
        features: [recent],
        label: c => c.y,
        inputs: c => ({ n: c.n, ...recent.all }),
        split: { by: 'time', train: '30d', test: '7d' },
        train: gbt({ trees: 2 }),
      })
      return monitor('w', { deployment: deployment('api', { model: made }), retrain: { on: [on] } }).retrain?.on
    }
    for (const [rows, view] of [
      [false, false],
      [true, false],
      [false, true],
    ] as const)
      check(watched(rows, view, 'data'), `${rows} ${view}`).toEqual(['data'])
    check(watched(true, true, 'drift')).toEqual(['drift'])
    check(() => watched(true, true, 'data')).toThrow("all of its model's data are tables: use a schedule")
  })
  it('refuse an argument that is missing or nothing by its place', () => {
    const batches = expect.batches as unknown as (...args: unknown[]) => unknown
    const rule = () => []
    check(() => batches([], rule)).toThrow('batches: cannot be declared so: argument 3 is missing')
    check(() => batches([], rule, null)).toThrow('batches: cannot be declared so: argument 3 is null')
    check(() => batches(5, rule, { says: 'x' })).toThrow('takes its columns as a list')
  })

  it('let a warning alone warn', () => {
    const made = dataset('d', {
      source: csv('a.csv'),
      columns: { n: t.int() },
      expect: c => [c.n.between(0, 9, { warn: { count: 5 } })],
    })
    check(made.expectations.at(-1)?.limits).toEqual({ fail: { share: 1 }, warn: { count: 5 } })
  })
  it('refuse a warning that can never be given', () => {
    const limited = (limits: object) =>
      dataset('d', { source, columns: { n: t.int() }, expect: c => [c.n.between(0, 9, limits)] })
    for (const never of [
      { warn: { count: 100 }, maxBad: 10 },
      { warn: { count: 10 }, fail: { count: 10 } },
      { warn: { share: 0.1 }, mostly: 0.9 },
      { warn: { share: 1 } },
      { warn: { share: 0.5 }, fail: { count: 0 } },
    ])
      check(() => limited(never)).toThrow('expectation between: can never warn')
    check(() => limited({ warn: { count: 100 }, maxBad: 10 })).toThrow('100 rows may be bad before it does, 10 rows')
    for (const some of [
      { warn: { count: 9 }, maxBad: 10 },
      { warn: { share: 0.5 }, maxBad: 10 },
      { warn: { count: 0 } },
    ])
      check(() => limited(some)).not.toThrow()
  })
  it('refuse options that have no effect on their kind', () => {
    const columns = { n: t.int(), x: t.float(), s: t.text() }
    type Made = (c: ExpectationColumns<typeof columns>) => { expectation: unknown }
    const made = (one: Made) => dataset('d', { source, columns, expect: c => [one(c) as never] })
    const any = (options: object) => options as never
    for (const one of [
      (c => c.x.finite(any({ nonFinite: 'allow' }))) as Made,
      (c => c.n.notNull(any({ nulls: 'good' }))) as Made,
      (c => c.n.null(any({ denominator: 'all' }))) as Made,
      (c => c.n.readable(any({ nulls: 'bad' }))) as Made,
    ])
      check(() => made(one)).toThrow('has no option')
    check(() => made(c => c.n.between(0, 1, any({ nonFinite: 'allow' })))).toThrow('no float column stands in it')
    const order = (c: ExpectationColumns<typeof columns>) => ({ orderBy: c.n, nonFinite: 'null' as const })
    check(() => made(c => c.n.increasing(any(order(c))))).toThrow('no float column stands in it')
    check(() => made(c => c.x.increasing(order(c)))).not.toThrow()
    check(() => made(c => c.x.between(0, 1, { nonFinite: 'allow' }))).not.toThrow()
  })
  it('have a digest that follows their content and not the lines they stand on', () => {
    check(definitionDigest(make(1))).toBe(definitionDigest(make(1)))
    check(definitionDigest(make(1))).not.toBe(definitionDigest(make(2)))
  })
  it('carry the line of each expectation', () => {
    check(make(1).expectations.find(one => one.kind === 'between')?.site?.file).toContain('definition.test.ts')
  })
  it('imply schema, not-null and finiteness', () => {
    check(make(1).expectations.map(one => one.id)).toEqual(
      check.arrayContaining(['schema', 'a-not-null', 'b-not-null']),
    )
  })
  it('refuse two things of one kind and name', () => {
    check(() => project('p', { a: make(1), b: make(2) })).toThrow(/two dataset definitions/)
  })
  it('take where steps run, and refuse what such a setting does not have', () => {
    check(project('p', {}, { run: { kind: 'container', image: 'p:1' } }).settings.run?.kind).toBe('container')
    const refused = (settings: unknown): string => {
      try {
        project('p', {}, settings as object)
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    check(refused({ run: { kind: 'container' } })).toContain('needs run.image')
    check(refused({ run: { kind: 'container', image: '--privileged' } })).toContain('run.image must be the image')
    check(refused({ run: { kind: 'kubernetes' } })).toContain("'inline', 'process', 'container'")
    check(refused({ run: { kind: 'process', image: 'p:1' } })).toContain("no option 'image'")
    check(refused({ run: { kind: 'container', image: 'p:1', runFlags: '--gpus' } })).toContain(
      'run.runFlags must be a list',
    )
    check(refused({ runs: {} })).toContain("no option 'runs'")
    check(refused({ metadata: { kind: 'postgres', urlFrom: '' } })).toContain('environment variable')
  })
  it('refuse names that are not canonical', () => {
    check(() => dataset('Bad Name', { source: parquet('x'), columns: { a: t.int() } })).toThrow(/not a valid name/)
  })
})

describe('the scale of a model', () => {
  const trips = dataset('trips', {
    source: parquet('t.parquet'),
    columns: { at: t.timestamp('UTC'), miles: t.float(), city: t.text(), late: t.bool() },
    eventTime: 'at',
  })
  const scaled = (scale: unknown): Model =>
    model('m', {
      task: 'binary',
      from: trips,
      label: c => c.late,
      inputs: c => ({ miles: c.miles, city: c.city, hour: c.at.hour() }),
      split: { by: 'time', train: '7d', test: '1d' },
      train: gbt({ trees: 1 }),
      ...(scale === undefined ? {} : { scale: scale as 'none' }),
    }) as unknown as Model
  it('is standard, one kind, or a kind an input', () => {
    check(scalesOf(scaled(undefined))).toEqual(['standard', 'standard', 'standard'])
    check(scalesOf(scaled('robust'))).toEqual(['robust', 'robust', 'robust'])
    check(scalesOf(scaled({ miles: 'min-max' }))).toEqual(['min-max', 'none', 'standard'])
  })
  it('means the same whichever defaults are spelt out', () => {
    check(definitionDigest(scaled({ miles: 'robust' }))).toBe(
      definitionDigest(scaled({ hour: 'standard', miles: 'robust', city: 'none' })),
    )
  })
  it('refuses inputs and kinds that are not there, and scales of text', () => {
    check(() => scaled({ mile: 'robust' })).toThrow(/'mile', which is no input/)
    check(() => scaled({ miles: 'zscore' })).toThrow(/no scale 'zscore'/)
    check(() => scaled('zscore')).toThrow(/no scale 'zscore'/)
    check(() => scaled({ city: 'standard' })).toThrow(/text and cannot be scaled/)
  })
})

describe('a leak that can be seen', () => {
  const trips = dataset('trips', {
    source: parquet('t.parquet'),
    columns: { at: t.timestamp('UTC'), miles: t.float(), fare: t.float(), late: t.bool() },
    eventTime: 'at',
    knownAt: { fare: c => c.at.plus('1h') },
  })
  const declared = (label: 'late' | 'long', inputs: (c: never) => object): unknown =>
    model('m', {
      task: 'binary',
      from: trips,
      label: c => (label === 'late' ? c.late : c.miles.gt(10)),
      inputs: inputs as never,
      split: { by: 'time', train: '7d', test: '1d' },
      train: gbt({ trees: 1 }),
    })
  type C = typeof trips.columns & { miles: { gt(n: number): object }; late: object; fare: object }

  it('is refused: the label among the inputs, and what is known only after the event', () => {
    check(() => declared('late', ((c: C) => ({ miles: c.miles, late: c.late })) as never)).toThrow(
      /'late' is the label itself/,
    )
    check(() => declared('long', ((c: C) => ({ far: c.miles.gt(10) })) as never)).toThrow(/'far' is the label itself/)
    check(() => declared('late', ((c: C) => ({ fare: c.fare })) as never)).toThrow(/known only after the event/)
  })
  it('is not what merely reads the same column', () => {
    check(() => declared('long', ((c: C) => ({ far: c.miles.gt(9) })) as never)).not.toThrow()
  })
})

describe('a canary', () => {
  const late = model('late', {
    task: 'binary',
    from: dataset('trips', {
      source,
      columns: { at: t.timestamp('UTC'), late: t.bool(), km: t.float() },
      eventTime: 'at',
    }),
    label: c => c.late,
    inputs: c => ({ km: c.km }),
    split: { by: 'time', train: '7d', test: '1d' },
    train: gbt({ trees: 1 }),
  })
  const api = (canary: CanaryOptions, name = 'api') => deployment(name, { model: late, canary })
  const noon = { from: '11:00', to: '13:00' }

  it('rollouts wait for days, hours and deployments that there are', () => {
    check(api({ hours: noon }).canary.hours).toEqual({
      ...noon,
      days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
      zone: 'UTC',
    })
    check(api({ steps: ['7%', '50%'], approve: ['7%', '100%', 'done'] }).canary.approve).toEqual([0.07, 1, 'done'])
    check(api({ after: [api({}, 'db')] }).canary.after).toEqual(['db'])
    for (const hours of [{ from: '24:00' }, { to: '00:00' }, { from: '9:00' }, { to: '24:01' }, { to: '11:00' }])
      check(() => api({ hours: { ...noon, ...hours } })).toThrow(/canary.hours/)
    check(() => api({ hours: { ...noon, days: ['someday' as never] } })).toThrow(/canary.hours.days/)
    check(() => api({ hours: { ...noon, zone: 'Europe/Rungholt' } })).toThrow(/canary.hours.zone/)
    check(() => api({ approve: ['30%'] })).toThrow(/canary.approve names 30%, which is no step of it/)
  })

  it('that waits for itself, or for what is not declared, is refused with the project', () => {
    const [db, web] = [api({}, 'db'), api({}, 'web')]
    check(() => project('p', { db, api: api({ after: [db] }) })).not.toThrow()
    check(() => project('p', { api: api({ after: [db] }) })).toThrow(
      /'api' waits for rollouts of 'db', which it does not/,
    )
    const [first, second] = [api({ after: [web] }, 'db'), api({ after: [db] }, 'web')]
    check(() => project('p', { first, second })).toThrow(/rollouts wait for each other: db after web after db/)
    check(() => project('p', { db: api({ after: [db] }, 'db') })).toThrow(/db after db/)
  })
})
