import { describe, expect as check, it } from 'vitest'
import * as api from '../index.ts'
import { isMillraceError } from '../errors/index.ts'
import { kinds } from './expectation/index.ts'
import { formsOf, type Form, oneOf } from './forms.ts'
import { modelTests } from './model-test/index.ts'

// Rule: nothing is ignored. Every function of the definition API is called with an option that nobody reads, with options
// misspelt, misplaced, empty and of the wrong form, and with arguments too many: each is refused, by its name.

const { csv, dataset, deployment, entity, expect, features, gbt, linear, model, search, sql, t } = api

function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (isMillraceError(error)) return error.message
    throw error
  }
  return 'was let pass'
}

type AnyFunction = (...args: unknown[]) => unknown
interface Case {
  readonly name: string
  readonly make: AnyFunction
  readonly args: readonly unknown[]
}

const columns = { at: t.timestamp('UTC'), shop: t.text(), km: t.float(), late: t.bool() }
const orders = dataset('orders', { source: csv('a.csv'), columns, eventTime: 'at' })
const shop = entity('shop', { shop: t.text() })
const late = model('late', {
  task: 'binary',
  from: orders,
  label: c => c.late,
  inputs: c => ({ km: c.km, shop: c.shop }),
  split: { by: 'time', train: '30d', test: '10d' },
  train: linear(),
})
const api_ = deployment('api', { model: late })

const program = {
  params: { depth: 4 },
  files: ['shared'],
  timeout: '1h',
  env: ['TOKEN'],
  reproducible: 'bitwise',
}
/** Options that make no sense beside another one of the same call. */
const excluded = new Set(['quantile'])

const where = { where: (c: typeof columns) => c.late }

/** A call of every function with options that say something, by its name in the API. */
const calls: Readonly<Record<string, readonly unknown[]>> = {
  parquet: ['a.parquet'],
  csv: ['a.csv', { delimiter: ';', header: true, quote: '"', escape: '"', skipInitialSpace: true, encoding: 'utf-8' }],
  json: ['a.jsonl'],
  when: [[[{ node: { op: 'column', name: 'late', type: 'bool' } }, 1]], 2],
  arrow: ['a.arrow'],
  postgres: ['public.orders', { urlFrom: 'DATABASE_URL' }],
  sqlite: ['a.sqlite', 'orders'],
  duckdb: ['a.duckdb', 'orders'],
  dataset: [
    'other',
    {
      source: csv('a.csv', {
        delimiter: ';',
        header: true,
        quote: '"',
        escape: '\\',
        skipInitialSpace: true,
        encoding: 'utf-8',
      }),
      columns,
      eventTime: 'at',
      knownAt: {},
      key: ['at'],
      expect: () => [],
      treatAsNull: [],
      quarantine: true,
      encryptWith: 'k',
    },
  ],
  entity: ['shop', { shop: t.text() }],
  features: [
    'shops',
    {
      entity: shop,
      from: orders,
      ttl: '1d',
      online: true,
      knownTime: 'respect',
      uncovered: 'null',
      freshness: '1h',
      materialise: { every: '5m', onData: true },
      verify: { every: '1h', sample: 100 },
      notify: ['https://alerts.example/hook'],
      compute: (f: { count(w: string): unknown }) => ({ n: f.count('1h') }),
      derive: (v: { n: unknown }) => ({ m: v.n }),
      expect: () => [],
    },
  ],
  gbt: [
    {
      trees: 3,
      depth: 3,
      leaves: 4,
      learningRate: 0.1,
      minLeaf: 5,
      l2: 1,
      subsample: 0.5,
      columnSample: 0.5,
      seed: 1,
      earlyStopping: 2,
      stoppingFolds: 3,
      maxBins: 63,
      monotone: { km: 'increasing' },
      categoryL2: 1,
      categorySmoothing: 1,
      maxCategories: 10,
      minCategoryRows: 2,
      calibrate: 'platt',
    },
  ],
  linear: [{ l2: 1, l1: 1, maxCategories: 10, minCategoryRows: 2, calibrate: 'isotonic' }],
  baseline: [{ input: 'km' }],
  search: [
    {
      method: 'halving',
      trainer: gbt({ trees: 2 }),
      space: { depth: { from: 2, to: 8 }, learningRate: { from: 0.01, to: 0.3, scale: 'log', whole: false } },
      best: 'auc',
      trials: 9,
      seed: 1,
      eta: 2,
      minShare: 0.25,
    },
  ],
  python: ['train.py', { lock: 'requirements.lock', python: 'python3.11', ...program }],
  typescript: ['train.ts', program],
  command: [['Rscript', 'train.R'], program],
  container: [
    'trainer:1',
    { command: ['train'], params: { depth: 4 }, timeout: '1h', env: ['TOKEN'], reproducible: 'none' },
  ],
  onnx: ['model.onnx', { inputs: { x: ['km'] }, output: 'scores', expected: 'rows.csv' }],
  model: [
    'other',
    {
      task: 'binary',
      from: orders,
      label: (c: typeof columns) => c.late,
      inputs: (c: typeof columns) => ({ km: c.km }),
      features: [],
      weight: (c: typeof columns) => c.km,
      classWeights: 'balanced',
      split: {
        by: 'time',
        train: '30d',
        test: '10d',
        gap: '1d',
        until: '2026-03-31T00:00:00Z',
        folds: { by: 'time', count: 3, gap: '1d' },
      },
      scale: 'robust',
      units: { km: 'km' },
      train: search({ method: 'grid', trainer: gbt({ trees: 2 }), space: { depth: [2, 3] } }),
      threshold: 0.4,
      learningCurve: { points: 3, maxRows: 1000 },
      test: () => [],
      encryptWith: 'k',
    },
  ],
  deployment: [
    'other',
    {
      model: late,
      canary: {
        metrics: { revenue: { better: 'higher', margin: 0.1, required: true, missing: 0 } },
        metricAlpha: 0.1,
        metricHorizon: '1h',
        maxContest: '7d',
        queries: { refunds: { query: 'up', min: 0, max: 1, every: '5m', failures: 2 } },
        approve: ['20%', 'done'],
        hours: { from: '09:00', to: '17:00', days: ['mon'], zone: 'Europe/Berlin' },
        after: [api_],
        steps: ['1%', '20%'],
        labels: 'none',
        minRequests: 10,
        maxWait: '1h',
        alpha: 0.01,
        shadowRows: 10,
        bake: '5m',
        margin: 0.02,
        labelAlpha: 0.1,
        expected: { flipRate: 0.2, meanDifference: 0.1 },
        maxLatency: '50ms',
        slower: 0.3,
        timeout: '2s',
        maxMemory: 2 ** 28,
      },
      stickyBy: 'km',
      segments: (c: typeof columns) => c.km,
    },
  ],
  monitor: [
    'watch',
    {
      deployment: api_,
      falseAlarms: 'one per 30d',
      window: '1d',
      sensitivity: 'low',
      labelHorizon: '1d',
      retrain: { on: ['drift'], cooldown: '1h', maxPerWeek: 2 },
      schedule: '0 3 * * *',
      test: { schedule: '0 4 * * 1' },
      notify: ['http://127.0.0.1:9/hook'],
    },
  ],
  project: [
    'p',
    { orders },
    {
      metadata: { kind: 'postgres', urlFrom: 'DATABASE_URL' },
      artifacts: { kind: 'files' },
      data: { kind: 'duckdb', threads: 1, maxMemoryGb: 1 },
      online: { kind: 'lmdb' },
      keys: { kind: 'local' },
      serve: {
        host: '127.0.0.1',
        port: 0,
        auth: true,
        workers: 1,
        maxRequestsPerSecond: 50,
        maxRequestsPerDay: 1000,
        grpcPort: 0,
      },
      run: { kind: 'process' },
      environment: 'staging',
      prometheus: { urlFrom: 'PROMETHEUS_URL', tokenFrom: 'PROMETHEUS_TOKEN' },
      audit: {
        anchors: {
          file: 'a.jsonl',
          webhook: 'http://127.0.0.1:9/a',
          git: { repository: '.', ref: 'refs/heads/audit' },
        },
      },
    },
  ],
  't.int': [],
  't.float': [],
  't.text': [{ treatAsNull: ['NA'] }],
  't.bool': [],
  't.timestamp': ['Europe/Berlin'],
  't.vector': [3],
  't.nullable': [t.int()],
  't.pii': [t.text()],
  'm.metric': [
    'logLoss',
    { id: 'a', severity: 'warning', min: 0.5, max: 1, notWorseThan: 'champion', tolerance: 0.01 },
  ],
  'm.monotone': ['km', 'increasing', { id: 'a', severity: 'info', mostly: 0.9, slack: 0, class: 'b' }],
  'm.invariant': ['km', { id: 'a', severity: 'info', mostly: 0.9, maxDelta: 0.1, class: 'b' }],
  'm.directional': ['km', 2, 'up', { id: 'a', severity: 'info', mostly: 0.9, least: 0.1, class: 'b' }],
  'm.matters': ['km', { id: 'a', severity: 'info', least: 0.1, class: 'b' }],
  'm.stable': [{ id: 'a', severity: 'info', inputs: ['km'], noise: 0.1, maxDelta: 0.1, mostly: 0.9 }],
  'm.relation': [
    'twice',
    {
      id: 'a',
      severity: 'info',
      change: (x: { km: { times(by: number): unknown } }) => ({ km: x.km.times(2) }),
      holds: (before: unknown, after: { gte(other: unknown): unknown }) => after.gte(before),
      mostly: 0.9,
      class: 'b',
    },
  ],
  'm.beatsSimpleModel': [{ id: 'a', severity: 'info', by: 0.1 }],
  'm.overfit': [{ id: 'a', severity: 'info', maxGap: 0.2 }],
  'm.fresh': [{ id: 'a', severity: 'info', maxAge: '3d' }],
  'm.memory': [{ id: 'a', severity: 'info', maxBytes: 1000 }],
  'm.slices': [
    {
      id: 'a',
      severity: 'info',
      of: { far: { node: { op: 'literal', type: 'bool' } } },
      pairs: false,
      minRows: 30,
      tolerance: 0.1,
      minShareOfOverall: 0.5,
    },
  ],
  'm.noLeak': [{ id: 'a', severity: 'info', maxPower: 0.9, maxShared: 0.1, except: ['km'] }],
  'm.fairness': [
    {
      id: 'a',
      severity: 'info',
      of: { node: { op: 'column', name: 'sex', type: 'text' } },
      criteria: ['parity', 'odds', 'calibration'],
      minParity: 0.9,
      maxOdds: 0.2,
      maxCalibration: 0.1,
      minRows: 30,
    },
  ],
  'm.calibration': [{ id: 'a', severity: 'info', maxEce: 0.1, slope: [0.8, 1.2] }],
  'm.latency': [{ id: 'a', severity: 'info', p50: '1ms', p99: '5ms' }],
  'm.size': [{ id: 'a', severity: 'info', maxBytes: 1000 }],
  'f.count': ['1h', where],
  'f.sum': ['km', '1h', where],
  'f.mean': ['km', '1h', where],
  'f.std': ['km', '1h', where],
  'f.min': ['km', '1h', where],
  'f.max': ['km', '1h', where],
  'f.quantile': ['km', 0.5, '1h', where],
  'f.share': [(c: typeof columns) => c.late, '1h', where],
  'f.distinct': ['km', '1h', where],
  'f.mostFrequent': ['km', '1h', { ...where, rank: 2 }],
  'f.first': ['km', { tumbling: '1d', zone: 'Europe/Berlin' }, where],
  'f.last': ['km', { hopping: '2d', every: '1d' }, where],
  'f.lag': ['km', 1, { toDate: '1d' }, where],
  'f.secondsSince': ['1h', where],
}

/** What `f` is, caught from a view. */
function aggregates(): Readonly<Record<string, AnyFunction>> {
  let caught: unknown
  features('caught', {
    entity: shop,
    from: orders,
    compute: f => {
      caught = f
      return { n: f.count('1h') }
    },
  })
  return caught as Readonly<Record<string, AnyFunction>>
}

const functionsOf = (prefix: string, made: object): [string, AnyFunction][] =>
  Object.entries(made).flatMap(([name, one]): [string, AnyFunction][] =>
    typeof one === 'function' ? [[`${prefix}${name}`, one as AnyFunction]] : [],
  )

/** No declaration: `sql` is the tag of a template. */
const noBuilders = new Set(['sql'])
const tested = { name: 'late', type: 'float' as const }
const builders: readonly [string, AnyFunction][] = [
  ...functionsOf('', api).filter(([name]) => !noBuilders.has(name)),
  ...functionsOf('t.', t),
  ...functionsOf('m.', modelTests('late', { task: 'multiclass', inputs: [tested, { ...tested, name: 'km' }] })),
  ...functionsOf('f.', aggregates()),
]

describe.each(builders)('%s', (name, make) => {
  const args = calls[name]
  const forms = formsOf(make)

  it('looks at its arguments, and has a call here', () => {
    check(forms, 'is made by `builder`').toBeDefined()
    check(args, 'has a call in this test').toBeDefined()
    check(refusal(() => make(...(args ?? [])))).toBe('was let pass')
  })

  it('refuses arguments too many, and options where there are none', () => {
    check(refusal(() => make(...(args ?? []), { mn: 1 }))).toMatch(/takes/)
  })

  it('refuses what is missing', () => {
    for (const [i, form] of Object.values(forms ?? {}).entries())
      if (!form.optional) check(refusal(() => make(...(args ?? []).slice(0, i)))).not.toBe('was let pass')
  })

  it('refuses options that nobody reads, and names the nearest that somebody does', () => {
    for (const [i, form] of Object.values(forms ?? {}).entries())
      walk(form, (args ?? [])[i], changed => make(...(args ?? []).with(i, changed)))
  })
})

/** Changes each member of options, and of options among them. */
function walk(form: Form, given: unknown, make: (changed: unknown) => unknown): void {
  const options = given as Readonly<Record<string, unknown>>
  const { tag = '', forms } = form.variants ?? {}
  const members = forms ? { [tag]: oneOf(String(options[tag])), ...forms[String(options[tag])] } : form.members
  if (!members) return
  const all = Object.keys(members).filter(name => !excluded.has(name))
  check(Object.keys(options).sort(), 'the call sets every option').toEqual(all.sort())
  check(refusal(() => make({ ...options, zzz: 1 }))).toContain("'zzz'")
  for (const [key, member] of Object.entries(members)) {
    if (excluded.has(key) || key === tag) continue
    const { [key]: value, ...others } = options
    const misspelt = `${key}x`
    check(refusal(() => make({ ...others, [misspelt]: value }))).toMatch(
      new RegExp(`has no option '${misspelt}', did you mean '${key}'`),
    )
    for (const wrong of [Symbol('wrong'), Number.NaN, [[]], () => 1])
      if (!member.holds(wrong)) check(refusal(() => make({ ...options, [key]: wrong }))).toContain(key)
    walk(member, value, changed => make({ ...options, [key]: changed }))
  }
}

describe('expectations', () => {
  const sample = {
    id: t.int(),
    placed: t.timestamp('UTC'),
    day: t.timestamp('UTC'),
    shop: t.text(),
    customer: t.text(),
    sku: t.text(),
    quantity: t.int(),
    quantity_text: t.text(),
    net: t.float(),
    tax: t.float(),
    amount: t.float(),
    stock: t.int(),
    coupon: t.nullable(t.text()),
    note: t.nullable(t.text()),
    details: t.text(),
    returned: t.bool(),
  }
  const others = {
    shops: dataset('shops', { source: csv('b.csv'), columns: { name: t.text(), opened: t.timestamp('UTC') } }),
    ledger: dataset('ledger', { source: csv('c.csv'), columns: { id: t.int(), amount: t.float() } }),
    archive: dataset('archive', { source: csv('d.csv'), columns: sample }),
  }

  /** The call behind an example, caught as it is made. */
  function caught(example: string): Case {
    let found: Case | undefined
    const catching = (target: object): unknown =>
      new Proxy(target, {
        get(of, key) {
          const member = Reflect.get(of, key) as unknown
          if (typeof member !== 'function') {
            const isColumn = typeof member === 'object' && member !== null && 'node' in member
            return isColumn ? catching(member) : member
          }
          return (...args: unknown[]) => {
            const made = (member as AnyFunction).apply(of, args)
            if (typeof made === 'object' && made !== null && 'expectation' in made)
              found = { name: String(key), args, make: (...all) => (member as AnyFunction).apply(of, all) }
            return made
          }
        },
      })
    dataset('sample', {
      source: csv('a.csv'),
      columns: sample,
      expect: c => {
        const names = ['c', 'expect', 'sql', ...Object.keys(others)]
        // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
        const run = new Function(...names, `return ${example}`) as AnyFunction
        run(catching(c), catching(expect), sql, ...Object.values(others))
        return []
      },
    })
    if (found === undefined) throw new Error(`no call in ${example}`)
    return found
  }

  const isOptions = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !(Symbol.for('millrace.definition') in value) &&
    !('query' in value) &&
    !('node' in value)

  /** Kinds whose bound has a default. */
  const defaultBounds = new Set(['drift', 'labelLeak'])
  const examples = [...kinds.values()].map(kind => [kind.name, kind.example] as const)

  it.each(examples)('%s refuses what it does not read', (kind, example) => {
    const { make, args } = caught(example)
    check(refusal(() => make(...args))).toBe('was let pass')
    // Its own options and two more objects: one of them at least is nothing that it takes
    check(
      refusal(() => make(...args, {}, {}, {})),
      'arguments too many',
    ).not.toBe('was let pass')
    check(
      refusal(() => make(...args, { zzz: 1 })),
      'an unknown option behind',
    ).not.toBe('was let pass')
    for (const [i, arg] of args.entries()) {
      if (!isOptions(arg) || (kind === 'jsonSchema' && i === 0)) continue
      check(
        refusal(() => make(...args.with(i, { ...arg, zzz: 1 }))),
        `unknown in argument ${i + 1}`,
      ).not.toBe('was let pass')
      if (!('min' in arg || 'max' in arg)) continue
      const { min: _min, max: _max, ...rest } = arg
      if (!defaultBounds.has(kind))
        check(
          refusal(() => make(...args.with(i, rest))),
          `empty bounds in argument ${i + 1}`,
        ).not.toBe('was let pass')
      check(
        refusal(() => make(...args.with(i, { ...rest, min: 2, max: 1 }))),
        'bounds the wrong way round',
      ).not.toBe('was let pass')
      check(
        refusal(() => make(...args.with(i, { ...arg, severty: 'info' }))),
        'a misspelt option',
      ).not.toBe('was let pass')
    }
  })

  it('says which option was meant, also where it stands in the wrong place', () => {
    const withId = (make: (c: never) => unknown) =>
      refusal(() => dataset('d', { source: csv('a.csv'), columns: sample, expect: c => [make(c as never) as never] }))
    check(
      withId((c: { sku: { length(o: object): unknown } }) => c.sku.length({ min: 1, max: 3, id: 'sku-length' })),
    ).toMatch(/'id'.*next argument/)
    check(
      withId((c: { amount: { between(a: number, b: number, o: object): unknown } }) =>
        c.amount.between(0, 1, { mostyl: 0.9 }),
      ),
    ).toContain("did you mean 'mostly'")
  })
})
